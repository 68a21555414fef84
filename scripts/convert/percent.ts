/**
 * A notebook as a TypeScript file and back: jupytext's percent form, made loss-free. What jupytext leaves out (cell
 * ids, attachments, all metadata of the notebook, exact ends of lines) is written where jupytext takes it for metadata.
 * Outputs, counts and the traces of a run are not part of the text.
 */
import { isDeepStrictEqual } from 'node:util';
import { ownDisplayName, ownName } from '../../kernel/kernelspec.js';
import { derivedId } from '../notebook/cell-id.js';
import { type Cell, isObject, type Notebook } from '../notebook/format.js';
import { parseNotebook } from '../notebook/read.js';
import { serializeNotebook } from '../notebook/serialize.js';
import { withoutVolatile } from '../notebook/volatile.js';
import { type BodyForm, type BodyNotes, bodyEnd, formatBody, nextMarker, parseBody } from './body.js';
import { formatHeader, parseHeader, TextFormError, textRepresentation } from './header.js';
import { formatMarker, isMarker, isPlainKey, isPlainTitle, parseMarker } from './marker.js';

type Metadata = Record<string, unknown>;

/** What the marker holds under `ipynb`: what is of the notebook and has no other place in the text. */
interface Notes extends BodyNotes {
  metadata?: Metadata;
  attachments?: Metadata;
}

/** Jupytext's way to say that the text has no header. */
const noHeader: Metadata = { notebook_metadata_filter: '-all' };
const headerless: Metadata = {
  jupytext: noHeader,
  kernelspec: { name: ownName, display_name: ownDisplayName, language: 'typescript' },
};

/** The notebook as text, without outputs. Reading it gives the same notebook; anything else is a fault of ours. */
export function formatPercent(notebook: Notebook): string {
  const clean = withoutOtherForm(withoutVolatile(notebook));
  const [first, ...others] = clean.cells;
  const front = first && isFrontMatter(first) ? first : undefined;
  const cells = front ? others : clean.cells;
  const commentMagics = commentsMagics(clean.metadata);
  const lines = headerLines(clean.metadata, front?.source, cells.length > 0);
  for (const [index, cell] of cells.entries()) {
    const place = { index: index + (front ? 1 : 0), last: index === cells.length - 1 };
    for (const line of cellLines(cell, place, commentMagics)) lines.push(line);
  }
  const text = `${lines.join('\n')}\n`;
  const back = parsePercent(text);
  if (serializeNotebook(back) === serializeNotebook(clean)) return text;
  const lost = clean.cells.findIndex((cell, index) => !isDeepStrictEqual(cell, back.cells[index]));
  throw new TextFormError(
    lost < 0
      ? 'its metadata would change in the text form'
      : `its cell ${lost + 1} would change in the text form`,
  );
}

/** Jupytext notes in the notebook how its text looked; of a text in another form this one can say nothing. */
function withoutOtherForm(notebook: Notebook): Notebook {
  const { jupytext } = notebook.metadata;
  if (!isObject(jupytext) || !isObject(jupytext.text_representation)) return notebook;
  const { text_representation: form, ...others } = jupytext;
  if (form.format_name === undefined || form.format_name === 'percent') return notebook;
  const { jupytext: _, ...metadata } = notebook.metadata;
  const rest = Object.keys(others).length > 0 ? { jupytext: others } : {};
  return { ...notebook, metadata: { ...metadata, ...rest } };
}

/** The notebook a text stands for. Throws TextFormError, or InvalidNotebookError where its metadata is not valid. */
export function parsePercent(text: string): Notebook {
  const lines = text
    .replace(/^\ufeff/, '')
    .replaceAll('\r\n', '\n')
    .split('\n');
  if (lines.at(-1) === '') lines.pop();
  const header = parseHeader(lines);
  if (!header.metadata && !lines.some(isMarker)) {
    throw new TextFormError('it has neither a cell marker ("// %%") nor a Jupyter header');
  }
  const metadata = notebookMetadata(header.metadata, header.firstLines);
  const cells: Metadata[] = [];
  const taken = new Set<string>();
  if (header.frontMatter !== undefined) {
    cells.push({ cell_type: 'raw', metadata: {}, source: header.frontMatter });
  }
  let at = header.end;
  while (at < lines.length) {
    const { cell, end } = readCell(lines, at, commentsMagics(metadata));
    // Blank lines before the first marker are no cell.
    if (isMarker(lines[at]!) || cell.source !== '') cells.push(withUniqueId(cell, taken, at + 1));
    at = end;
  }
  return parseNotebook(JSON.stringify({ nbformat: 4, nbformat_minor: 4, metadata, cells }));
}

/** Whether the text says that it is a notebook; a plain program is not. */
export function isPercent(text: string): boolean {
  try {
    parsePercent(text);
    return true;
  } catch {
    return false;
  }
}

function headerLines(metadata: Metadata, front: string | undefined, hasCells: boolean): string[] {
  const jupytext = isObject(metadata.jupytext) ? metadata.jupytext : {};
  const { executable, encoding, ...others } = jupytext;
  const firstLines = Object.fromEntries(
    Object.entries({ executable, encoding }).filter(
      (entry): entry is [string, string] => typeof entry[1] === 'string',
    ),
  );
  const plain = { ...metadata, jupytext: others };
  if (hasCells && isDeepStrictEqual(plain, headerless)) return formatHeader(undefined, firstLines, front);
  const named = { text_representation: textRepresentation, ...others };
  return formatHeader({ ...metadata, jupytext: named }, firstLines, front);
}

function notebookMetadata(found: Metadata | undefined, firstLines: Record<string, string>): Metadata {
  if (!found) return { ...headerless, jupytext: { ...noHeader, ...firstLines } };
  const { jupytext, ...metadata } = found;
  const { text_representation: representation, ...others } = isObject(jupytext) ? jupytext : {};
  const form = isObject(representation) ? representation.format_name : undefined;
  if (typeof form === 'string' && form !== 'percent') {
    throw new TextFormError(
      `it is in jupytext's form "${form}"; make it "percent" with: jupytext --to ts:percent`,
    );
  }
  const kept = {
    ...others,
    ...firstLines,
    ...(representation !== undefined && !isDeepStrictEqual(representation, textRepresentation)
      ? { text_representation: representation }
      : {}),
  };
  return Object.keys(kept).length > 0 ? { ...metadata, jupytext: kept } : metadata;
}

function commentsMagics(metadata: Metadata): boolean {
  return !(isObject(metadata.jupytext) && metadata.jupytext.comment_magics === false);
}

/** A raw cell of YAML at the top, which jupytext writes into the header. */
function isFrontMatter(cell: Cell): boolean {
  const { cell_type: type, id, metadata, source } = cell;
  if (type !== 'raw' || id !== derivedId(source, 0) || Object.keys(metadata).length > 0) return false;
  if ('attachments' in cell || !/^---\n(?:[\t\x20-\x7e]+\n)+---$/.test(source)) return false;
  return !/^(?:---|jupyter)\s*:?\s*$/m.test(source.slice(4, -4));
}

function cellLines(cell: Cell, place: { index: number; last: boolean }, commentMagics: boolean): string[] {
  const { cell_type: type, id, source } = cell;
  const shown = shownMetadata(cell);
  const named = type === 'markdown' || (type === 'raw' && isActive('ipynb', shown));
  const commented = named || !isActive('ts', shown);
  const { lines, notes, blanks } = layOut(cell, { commented, commentMagics }, place.last);
  const laidOut = blanks !== (place.last ? 0 : 1) ? ['lines_to_next_cell'] : [];
  const hidden = Object.entries(cell.metadata).filter(([key]) => !(key in shown) && !laidOut.includes(key));
  const ipynb: Notes = {
    ...notes,
    ...(hidden.length > 0 ? { metadata: Object.fromEntries(hidden) } : {}),
    ...('attachments' in cell && cell.attachments ? { attachments: cell.attachments } : {}),
  };
  const marker = formatMarker({
    ...(named ? { cell_type: type } : {}),
    ...(id === derivedId(source, place.index) ? {} : { id }),
    ...shown,
    ...(Object.keys(ipynb).length > 0 ? { ipynb } : {}),
  });
  return [marker, ...lines, ...Array<string>(blanks).fill('')];
}

/** The lines of a cell, and how many blank ones follow: one between cells, or what jupytext noted of another text. */
function layOut(
  cell: Cell,
  form: BodyForm,
  last: boolean,
): ReturnType<typeof formatBody> & { blanks: number } {
  const usual = last ? 0 : 1;
  const wanted = cell.metadata.lines_to_next_cell;
  // A fence that nothing closes would go on in a cell that follows at once.
  const mayTouch = !last && !(form.commented && /^ {0,3}(?:```|~~~)/m.test(cell.source));
  const blanks = wanted === 2 ? usual + 1 : wanted === 0 && mayTouch ? 0 : usual;
  const body = formatBody(cell.source, form, blanks);
  const whole = ['// %%', ...body.lines, ...Array<string>(blanks).fill('')];
  if (blanks === usual || bodyEnd(whole) === body.lines.length + 1) return { ...body, blanks };
  return { ...formatBody(cell.source, form, usual), blanks: usual };
}

/** The metadata that stands on the marker key by key; where that would be ambiguous, nothing. */
function shownMetadata(cell: Cell): Metadata {
  const entries = Object.entries(cell.metadata)
    .filter(([key, value]) => isShown(key, value, cell.cell_type))
    .sort(([a], [b]) => (a < b ? -1 : 1));
  const shown = Object.fromEntries(entries);
  // With or without an id before it.
  const plain = [shown, { id: 'x', ...shown }].every((options) =>
    isDeepStrictEqual(parseMarker(formatMarker(options)), options),
  );
  // A code cell that is active elsewhere only would be read as a raw one.
  return plain && (cell.cell_type !== 'code' || isActive('ipynb', shown)) ? shown : {};
}

/** Whether a key may stand on the marker; others have a meaning there, or cannot be read back. */
function isShown(key: string, value: unknown, type: Cell['cell_type']): boolean {
  if (key === 'title') return isPlainTitle(value);
  if (key === 'cell_depth') return Number.isInteger(value) && Number(value) >= 1 && Number(value) <= 9;
  if (key === 'region_name') return type === 'markdown' && value === 'md';
  if (key === 'active') return typeof value === 'string' && value !== '' && type !== 'markdown';
  const reserved = [
    'id',
    'ipynb',
    'cell_type',
    'language',
    'lines_to_next_cell',
    'incorrectly_encoded_metadata',
  ];
  return isPlainKey(key) && !reserved.includes(key);
}

function readCell(lines: string[], start: number, commentMagics: boolean): { cell: Metadata; end: number } {
  const marked = isMarker(lines[start]!);
  const { cell_type: named, id, ipynb, language, ...metadata } = marked ? parseMarker(lines[start]!) : {};
  let type: Cell['cell_type'] = named === 'markdown' || named === 'raw' ? named : 'code';
  if (named === undefined && !isActive('ipynb', metadata)) {
    type = 'raw';
    if (metadata.active === '') delete metadata.active;
  }
  const foreign =
    typeof language === 'string' && !['typescript', 'javascript'].includes(language.toLowerCase());
  const form: BodyForm = {
    commented: foreign || named !== undefined || !isActive('ts', metadata),
    commentMagics,
  };
  const end = nextMarker(lines, start + 1, type !== 'code');
  const own = lines.slice(start, end);
  const stop = bodyEnd(own);
  const notes = isObject(ipynb) ? readNotes(ipynb) : {};
  const source = parseBody(own.slice(marked ? 1 : 0, stop), form, notes);
  const blanks = start + stop < lines.length ? own.length - stop + (end === lines.length ? 1 : 0) : 1;
  const { magic_args: args, ...rest } = metadata;
  const cell = {
    cell_type: type,
    ...(id === undefined ? {} : { id }),
    metadata: {
      ...(foreign ? rest : metadata),
      ...notes.metadata,
      ...(blanks === 1 ? {} : { lines_to_next_cell: blanks }),
      ...(ipynb !== undefined && !isObject(ipynb) ? { ipynb } : {}),
    },
    // Jupytext writes `%%python` cells as comments and keeps the language in the marker.
    source: foreign ? `%%${language}${typeof args === 'string' ? ` ${args}` : ''}\n${source}` : source,
    ...(type === 'code' ? { execution_count: null, outputs: [] } : {}),
    ...(notes.attachments ? { attachments: notes.attachments } : {}),
  };
  return { cell, end };
}

function readNotes(ipynb: Metadata): Notes {
  const { escaped, end, source, metadata, attachments } = ipynb;
  return {
    ...(escaped === true ? { escaped } : {}),
    ...(typeof end === 'string' ? { end } : {}),
    ...(typeof source === 'string' ? { source } : {}),
    ...(isObject(metadata) ? { metadata } : {}),
    ...(isObject(attachments) ? { attachments } : {}),
  };
}

/** A copied cell keeps the id of the first; the second gets one of its own. */
function withUniqueId(cell: Metadata, taken: Set<string>, line: number): Metadata {
  const { id, ...others } = cell;
  if (id === undefined) return cell;
  if (typeof id !== 'string' || !/^[a-zA-Z0-9_-]{1,64}$/.test(id)) {
    throw new TextFormError(
      `line ${line}: the cell id ${JSON.stringify(id)} must be 1 to 64 letters, digits, "-" or "_"`,
    );
  }
  if (taken.has(id)) return others;
  taken.add(id);
  return cell;
}

/** Jupytext's `active="ts"`, or a tag `active-ts`: in which files a cell is code. */
function isActive(extension: 'ts' | 'ipynb', metadata: Metadata): boolean {
  if (isObject(metadata.run_control) && metadata.run_control.frozen === true) return extension === 'ipynb';
  const tag = activeTag(metadata);
  if (tag !== undefined) return tag.split('-').includes(extension);
  return typeof metadata.active === 'string' ? metadata.active.split(/[.,]/).includes(extension) : true;
}

function activeTag(metadata: Metadata): string | undefined {
  const tags: unknown[] = Array.isArray(metadata.tags) ? metadata.tags : [];
  return tags.find((tag): tag is string => typeof tag === 'string' && tag.startsWith('active-'));
}
