/**
 * Notebooks that bend the format's rules and that Jupyter, nbclient and papermill run all the same: missing or doubled
 * cell ids, missing fields, keys that the format does not know, a newer minor version. They become valid ones, and
 * everything that was changed is told. What has no meaning as a notebook is left for the validator to refuse.
 */
import { isObject } from '../format.js';
import { newestMinor } from '../validate.js';
import { mendCell } from './cell.js';
import { mendIds } from './ids.js';
import type { Mend, Note } from './mends.js';
import { shown } from './mends.js';
import { dropUnknown, type Json, keepValid } from './objects.js';

const keys = ['cells', 'metadata', 'nbformat', 'nbformat_minor'];

/** The document as a valid one, where it can be had; the argument is not changed. */
export function mendDocument(document: unknown): { document: unknown; mends: Mend[] } {
  if (!isObject(document) || !Array.isArray(document.cells)) return { document, mends: [] };
  if (![undefined, 4, '4'].includes(document.nbformat as number)) return { document, mends: [] };
  const mends: Mend[] = [];
  const note: Note = (what) => mends.push({ cell: undefined, what });
  const mended: Json = { ...document, cells: [...document.cells] };
  if (mended.nbformat !== 4) {
    note(`nbformat is ${shown(mended.nbformat)}, read as 4`);
    mended.nbformat = 4;
  }
  mendMinor(mended, note);
  dropUnknown(mended, keys, note);
  mended.metadata = mendMetadata(mended.metadata, note);
  const cells = (mended.cells as unknown[]).map((cell, index) =>
    isObject(cell) ? mendCell(cell, (what) => mends.push({ cell: index + 1, what })) : cell,
  );
  const hasIds =
    (mended.nbformat_minor as number) >= 5 || cells.some((cell) => isObject(cell) && 'id' in cell);
  if (hasIds) mendIds(cells, (index, what) => mends.push({ cell: index + 1, what }));
  // Ids came with 4.5: an older file that has them is one of 4.5 in all but its number.
  if (hasIds && mended.nbformat_minor !== newestMinor) {
    note(
      `it has cell ids, which nbformat 4.${mended.nbformat_minor} does not know, read as 4.${newestMinor}`,
    );
    mended.nbformat_minor = newestMinor;
  }
  return { document: { ...mended, cells }, mends };
}

function mendMinor(document: Json, note: Note): void {
  const minor = document.nbformat_minor;
  if (Number.isInteger(minor) && (minor as number) >= 0 && (minor as number) <= newestMinor) return;
  note(`nbformat_minor is ${shown(minor)}, read as ${newestMinor}`);
  document.nbformat_minor = newestMinor;
}

function mendMetadata(metadata: unknown, note: Note): unknown {
  if (!isObject(metadata)) {
    note(`metadata is ${shown(metadata)}, read as empty`);
    return {};
  }
  const mended: Json = { ...metadata };
  mendKernelspec(mended, note);
  mendLanguage(mended, note);
  keepValid(mended, 'metadata', { title: isText, authors: Array.isArray }, note);
  return mended;
}

function mendKernelspec(metadata: Json, note: Note): void {
  keepValid(metadata, 'metadata', { kernelspec: isObject }, note);
  const spec = metadata.kernelspec as Json | undefined;
  if (spec === undefined) return;
  if (!isText(spec.name)) {
    note(`metadata.kernelspec has no name, left out`);
    delete metadata.kernelspec;
  } else if (!isText(spec.display_name)) {
    note(`metadata.kernelspec has no display_name, its name stands for it`);
    metadata.kernelspec = { ...spec, display_name: spec.name };
  }
}

function mendLanguage(metadata: Json, note: Note): void {
  keepValid(metadata, 'metadata', { language_info: isObject }, note);
  if (metadata.language_info === undefined) return;
  const language: Json = { ...(metadata.language_info as Json) };
  if (!isText(language.name)) {
    note('metadata.language_info has no name, left out');
    delete metadata.language_info;
    return;
  }
  const texts = { file_extension: isText, mimetype: isText, pygments_lexer: isText };
  const isMode = (value: unknown) => isText(value) || isObject(value);
  keepValid(language, 'metadata.language_info', { ...texts, codemirror_mode: isMode }, note);
  metadata.language_info = language;
}

function isText(value: unknown): value is string {
  return typeof value === 'string';
}
