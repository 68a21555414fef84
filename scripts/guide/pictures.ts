/** Pictures that a notebook names, as data in the page: attachments of the cell, and files beside the notebook. */
import { readFileSync, realpathSync, statSync } from 'node:fs';
import { isAbsolute, relative, resolve } from 'node:path';
import { formatQuantity } from '../../src/display/format.js';
import { sniffImage } from '../../src/display/image.js';
import type { MarkdownCell } from '../notebook/format.js';

/** The picture as a `data:` address, or why there is none, as the end of a sentence; undefined where it is not our matter. */
export type Picture = { data: string } | { missing: string } | undefined;

/** A page holds its pictures; one of more than this makes it slow to open. */
const largest = 8e6;

/** The name as it is written, and as an address stands for it. */
function spellings(name: string): string[] {
  const names = [name];
  try {
    names.push(decodeURIComponent(name));
  } catch {
    // "50%.png" is a name, not an address
  }
  return [...new Set(names.flatMap((one) => [one, one.normalize('NFC'), one.normalize('NFD')]))];
}

/** `attachment:name` in a Markdown cell. */
export function attachedPicture({ attachments = {} }: MarkdownCell, source: string): Picture {
  if (!source.startsWith('attachment:')) return undefined;
  const names = spellings(source.slice('attachment:'.length));
  const bundle = names.map((name) => attachments[name]).find((one) => one !== undefined);
  if (bundle === undefined) return { missing: 'is not attached to this cell' };
  for (const [mime, data] of Object.entries(bundle)) {
    const text = Array.isArray(data) ? data.join('') : data;
    if (!/^image\/(?:png|jpeg|gif|webp|svg\+xml)$/.test(mime) || typeof text !== 'string') continue;
    if (mime === 'image/svg+xml' && text.trimStart().startsWith('<'))
      return { data: dataAddress(mime, Buffer.from(text)) };
    if (/^[\sA-Za-z0-9+/=]+$/.test(text))
      return { data: `data:${mime};base64,${text.replaceAll(/\s/g, '')}` };
  }
  return { missing: `is attached as ${Object.keys(bundle).join(', ') || 'nothing'}, which is no picture` };
}

/** A file in the folder of the notebook or below it. */
export function localPicture(folder: string, source: string): Picture {
  if (/^(?:[a-z][a-z0-9+.-]*:|\/\/)/i.test(source) || source === '') return undefined;
  const found = spellings(source.replace(/[?#].*$/s, ''))
    .concat(spellings(source))
    .map((name) => resolve(folder, name))
    .map((path) => ({ path, file: statSync(path, { throwIfNoEntry: false }) }))
    .find(({ file }) => file?.isFile());
  if (!found) return { missing: 'is not beside the notebook' };
  const inside = relative(realpathSync(folder), realpathSync(found.path));
  if (inside.startsWith('..') || isAbsolute(inside))
    return { missing: "lies outside the notebook's folder, and a page shows only what is in it" };
  const { size } = found.file!;
  if (size > largest)
    return {
      missing: `has ${formatQuantity(size, 'B')}; a page takes pictures of at most ${formatQuantity(largest, 'B')}`,
    };
  const bytes = readFileSync(found.path);
  const mime = sniffImage(bytes) ?? (isSvg(bytes) ? 'image/svg+xml' : undefined);
  return mime ? { data: dataAddress(mime, bytes) } : { missing: 'is no PNG, JPEG, GIF, WebP or SVG picture' };
}

function isSvg(bytes: Uint8Array): boolean {
  let text = Buffer.from(bytes.subarray(0, 4096)).toString('utf8');
  // One after the other: a pattern that repeats them tries every way to divide them.
  for (let before = ''; before !== text; ) {
    before = text;
    text = text.replace(/^(?:\uFEFF|\s+|<\?[^>]*\?>|<!--[\s\S]*?-->|<!DOCTYPE[^>]*>)/i, '');
  }
  return /^<svg[\s>]/i.test(text);
}

const dataAddress = (mime: string, bytes: Uint8Array): string =>
  `data:${mime};base64,${Buffer.from(bytes).toString('base64')}`;
