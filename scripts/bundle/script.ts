/** Makes one ES module of the checks, the library and tfjs, which finds Dawn beside itself instead of on npm. */
import path from 'node:path';
import { build } from 'esbuild';

/** Code that the bundle never reaches: the addon of TensorFlow and the WebAssembly backend stay behind. */
const leftBehind = [
  '@tensorflow/tfjs-node-gpu',
  '@tensorflow/tfjs-backend-wasm',
  'plotly.js-dist',
  'esbuild',
];

/** Bundles `entry` into the file `output`. */
export async function bundleScript(entry: string, output: string): Promise<void> {
  await build({
    entryPoints: [entry],
    outfile: output,
    bundle: true,
    minify: true,
    // Error messages and the record of launched kernels use names of functions and classes.
    keepNames: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    mainFields: ['module', 'main'],
    external: leftBehind,
    alias: { webgpu: path.join(path.dirname(entry), 'dawn-beside.ts') },
    banner: {
      js: "import { createRequire as kernelbookRequire } from 'node:module'; const require = kernelbookRequire(import.meta.url);",
    },
    logLevel: 'error',
  });
}
