/**
 * The Plotly library as a page can carry it: minified, compressed, in base64, once per kernel session. The compressed
 * file is made when the first figure is shown and kept in the user's cache directory.
 */
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';
import { readCache, writeCache } from '../../cache.js';
import { inlineScript, loadLibrary } from './page-script.js';

let sent = false;
let packed: Promise<Buffer> | undefined;

/** Looked up when a figure is shown: a bundle without notebooks carries no Plotly. */
function installed(): { version: string; path: string } {
  const require = createRequire(import.meta.url);
  const { version } = require('plotly.js-dist/package.json') as { version: string };
  return { version, path: require.resolve('plotly.js-dist') };
}

/**
 * What to append to a figure's HTML: the library for the first caller of this process, only a look into the browser's
 * own copy for the others.
 */
export async function libraryOnce(): Promise<string> {
  const first = !sent;
  sent = true;
  const code = first ? (await packedLibrary()).toString('base64') : '';
  // The address is only a name in the browser's Cache Storage; nothing is ever fetched from it.
  const key = `https://kernelbook.invalid/plotly-${installed().version}.js.gz`;
  return `<div class="kernelbook-plotly" hidden><script type="text/plain">${code}</script>${inlineScript(loadLibrary, key)}</div>`;
}

/** Forgets that the library was given out. For tests. */
export function forgetLibrary(): void {
  sent = false;
}

/** Plotly, minified and compressed with gzip. */
export async function packedLibrary(): Promise<Buffer> {
  packed ??= makeOrRead();
  return packed;
}

async function makeOrRead(): Promise<Buffer> {
  const { version, path } = installed();
  const name = `plotly-${version}.min.js.gz`;
  const kept = await readCache(name);
  // Unpacking checks the CRC, so a damaged file is made anew.
  if (kept && (await isIntact(kept))) return kept;
  const { transform } = await import('esbuild');
  const source = await readFile(path, 'utf8');
  const { code } = await transform(source, { minify: true, legalComments: 'inline', target: 'es2022' });
  const made = await promisify(gzip)(code, { level: 9 });
  await writeCache(name, made);
  return made;
}

async function isIntact(bytes: Buffer): Promise<boolean> {
  return promisify(gunzip)(bytes).then(
    () => true,
    () => false,
  );
}
