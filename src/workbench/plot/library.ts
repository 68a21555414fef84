/**
 * The Plotly library as pages load it: minified and compressed. The file is made once, when a kernelspec or a guide
 * needs it, and kept in the user's cache directory.
 */
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';
import { readCache, writeCache } from '../../cache.js';

let packed: Promise<Buffer> | undefined;

/** Looked up when a figure is shown: a bundle without notebooks carries no Plotly. */
function installed(): { version: string; path: string } {
  const require = createRequire(import.meta.url);
  const { version } = require('plotly.js-dist/package.json') as { version: string };
  return { version, path: require.resolve('plotly.js-dist') };
}

/** Its name beside a kernelspec; with the version, so that a figure never meets another one. */
export function libraryFile(): string {
  return `plotly-${installed().version}.min.js.gz`;
}

/** Plotly, minified and compressed with gzip. */
export async function packedLibrary(): Promise<Buffer> {
  packed ??= makeOrRead();
  return packed;
}

async function makeOrRead(): Promise<Buffer> {
  const { path } = installed();
  const name = libraryFile();
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
