/**
 * The files all pages share: KaTeX's style sheet with its fonts inside, and Plotly minified. Both are made from the
 * installed packages; nothing is fetched, now or when a page is read.
 */
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';

const require = createRequire(import.meta.url);

/** KaTeX's CSS, its WOFF2 fonts as data: fonts beside a page opened from a file are refused by some browsers. */
export async function katexStyles(): Promise<string> {
  const folder = dirname(require.resolve('katex'));
  const css = await readFile(join(folder, 'katex.min.css'), 'utf8');
  const fonts = [...new Set(css.match(/fonts\/[-\w]+\.woff2/g) ?? [])];
  let result = css.replaceAll(/,url\([^)]+\.(?:woff|ttf)\) format\("(?:woff|truetype)"\)/g, '');
  for (const font of fonts) {
    const data = (await readFile(join(folder, font))).toString('base64');
    result = result.replaceAll(`url(${font})`, `url(data:font/woff2;base64,${data})`);
  }
  return result;
}

/** Plotly, minified; the library keeps the packed file in the user's cache. */
export async function plotlyLibrary(): Promise<Uint8Array> {
  const { packedLibrary } = await import('../../src/workbench/plot/library.js');
  return promisify(gunzip)(await packedLibrary());
}
