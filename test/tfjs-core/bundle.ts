/**
 * Bundles tfjs-core's published tests with our backend, so that they share one tfjs-core: its tests are ES modules beside
 * its sources, and import those by relative paths that Node does not resolve.
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import type { JasmineEnvironment } from './jasmine.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
const require = createRequire(import.meta.url);
const folder = path.join(path.dirname(require.resolve('@tensorflow/tfjs-core/package.json')), 'dist');

/** Loads all tests; nothing has run yet. */
export async function loadTests(): Promise<JasmineEnvironment> {
  const output = path.join(root, '.cache', 'tfjs-core-tests.mjs');
  const list = readFileSync(path.join(folder, 'tests.js'), 'utf8');
  const files = [...list.matchAll(/import '(\.\/[^']*)'/g)].map(([, file]) => file!);
  await build({
    entryPoints: [fileURLToPath(new URL('entry.ts', import.meta.url))],
    outfile: output,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    keepNames: true,
    mainFields: ['module', 'main'],
    // tfjs-core calls its tests free of side effects, and they would be left out.
    ignoreAnnotations: true,
    external: ['@tensorflow/tfjs-node-gpu', '@tensorflow/tfjs-backend-wasm', 'webgpu', 'jasmine-core'],
    banner: {
      js: "import { createRequire as kernelbookRequire } from 'node:module'; const require = kernelbookRequire(import.meta.url);",
    },
    plugins: [
      {
        name: 'tfjs-core-tests',
        setup({ onResolve, onLoad }) {
          onResolve({ filter: /^tfjs-core-tests$/ }, () => ({ path: 'all', namespace: 'tests' }));
          onLoad({ filter: /.*/, namespace: 'tests' }, () => ({
            contents: files.map((file) => `import '${file}';`).join('\n'),
            resolveDir: folder,
          }));
        },
      },
    ],
    logLevel: 'error',
  });
  const { environment } = await import(/* @vite-ignore */ pathToFileURL(output).href);
  return environment;
}
