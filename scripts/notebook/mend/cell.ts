/** One cell that bends the format's rules; its id is the matter of `ids.ts`, which sees all cells. */
import { isObject } from '../format.js';
import { type Note, shown } from './mends.js';
import { dropUnknown, fillIn, type Json, keepValid } from './objects.js';
import { mendBundle, mendOutput } from './output.js';

/** The cell as a valid one, where it can be had; the argument is not changed. */
export function mendCell(cell: Json, note: Note): Json {
  const mended: Json = { ...cell };
  const type = mended.cell_type;
  // Text cells may have come to their type from another one, and keep what that one had.
  if (type !== 'code' && type !== 'markdown' && type !== 'raw') {
    if (typeof type !== 'string') return mended;
    note(`there is no cell_type ${shown(type)}, read as raw text`);
    mended.cell_type = 'raw';
  }
  const isCode = type === 'code';
  const own = isCode ? ['outputs', 'execution_count'] : ['attachments'];
  dropUnknown(mended, ['id', 'cell_type', 'metadata', 'source', ...own], note);
  fillIn(mended, '', { metadata: {}, source: '' }, note);
  if (isObject(mended.metadata)) mended.metadata = mendMetadata(mended.metadata, isCode, note);
  else {
    note(`metadata is ${shown(mended.metadata)}, read as empty`);
    mended.metadata = {};
  }
  if (isCode) mendCode(mended, note);
  else if ('attachments' in mended) mendAttachments(mended, note);
  return mended;
}

function mendMetadata(metadata: Json, isCode: boolean, note: Note): Json {
  const mended: Json = { ...metadata };
  const isBoolean = (value: unknown) => typeof value === 'boolean';
  const isName = (value: unknown) => typeof value === 'string' && value !== '';
  keepValid(mended, 'metadata', { name: isName, jupyter: isObject }, note);
  const isScrolled = (value: unknown) => isBoolean(value) || value === 'auto';
  if (isCode) keepValid(mended, 'metadata', { collapsed: isBoolean, scrolled: isScrolled }, note);
  if (mended.tags === undefined) return mended;
  const tags = tagsOf(mended.tags);
  if (JSON.stringify(tags) !== JSON.stringify(mended.tags))
    note(`metadata.tags is ${shown(mended.tags)}, read as ${shown(tags)}`);
  return { ...mended, tags };
}

/** Tags hold no comma: people who type several at once mean several. */
function tagsOf(value: unknown): string[] {
  const words = (Array.isArray(value) ? value : [value]).filter((one) => typeof one === 'string');
  const tags = words.flatMap((word) =>
    word.includes(',') ? word.split(',').map((one) => one.trim()) : word,
  );
  return [...new Set(tags)].filter((tag) => tag !== '');
}

function mendCode(cell: Json, note: Note): void {
  fillIn(cell, '', { outputs: [], execution_count: null }, note);
  const count = cell.execution_count;
  if (count !== null && !isCount(count)) {
    note(`execution_count is ${shown(count)}, read as null`);
    cell.execution_count = null;
  }
  if (!Array.isArray(cell.outputs)) {
    note(`outputs is ${shown(cell.outputs)}, read as none`);
    cell.outputs = [];
  }
  cell.outputs = (cell.outputs as unknown[]).flatMap((output) => {
    const mended = mendOutput(output, cell.execution_count, note);
    return mended === undefined ? [] : [mended];
  });
}

function isCount(value: unknown): boolean {
  return Number.isInteger(value) && (value as number) >= 0;
}

function mendAttachments(cell: Json, note: Note): void {
  keepValid(cell, 'the cell', { attachments: isObject }, note);
  if (!isObject(cell.attachments)) return;
  const attachments: Json = { ...cell.attachments };
  for (const name of Object.keys(attachments))
    keepValid(attachments, 'attachments', { [name]: isObject }, note);
  for (const [name, bundle] of Object.entries(attachments))
    attachments[name] = mendBundle(bundle as Json, `attachments.${name}`, note);
  cell.attachments = attachments;
}
