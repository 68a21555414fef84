/**
 * The last step of the build: makes each of the kernel's two threads one CommonJS file, `dist/kernel/bundled`. To find and load
 * some forty modules each takes Node longer than to run them, and its loader of ES modules starts later than that of
 * CommonJS. Packages stay where they are installed.
 */
import { join } from 'node:path';
import { build } from 'esbuild';
import { packageRoot } from '../kernel/package-root.js';

const kernel = join(packageRoot(), 'dist', 'kernel');

await build({
  entryPoints: ['main.js', 'worker/worker-start.js'].map((name) => join(kernel, name)),
  outdir: join(kernel, 'bundled'),
  outExtension: { '.js': '.cjs' },
  bundle: true,
  packages: 'external',
  platform: 'node',
  format: 'cjs',
  target: 'node20',
  legalComments: 'none',
  // The code asks for its own place as ES modules do.
  define: { 'import.meta.url': 'ownUrl' },
  banner: { js: "'use strict';\nconst ownUrl = require('node:url').pathToFileURL(__filename).href;" },
  logLevel: 'warning',
});
