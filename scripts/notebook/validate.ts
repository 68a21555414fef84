/**
 * Strict check of a parsed JSON document against nbformat 4.0 to 4.5. Stops at the first fault and says
 * where it is (`cells[3].outputs[0].name`), what stands there and what must stand there.
 * Reference: the JSON schemas of nbformat 4, and its rule that cell ids are unique.
 */
import { isJsonMime, isObject } from './format.js';

export const newestMinor = 5;

/** A document that is no valid notebook; the message is one line for the user. */
export class InvalidNotebookError extends Error {
  override readonly name = 'InvalidNotebookError';
}

type Json = Record<string, unknown>;

const outputKeys: Record<string, readonly string[]> = {
  stream: ['output_type', 'name', 'text'],
  display_data: ['output_type', 'data', 'metadata'],
  execute_result: ['output_type', 'data', 'metadata', 'execution_count'],
  error: ['output_type', 'ename', 'evalue', 'traceback'],
};

/** Throws InvalidNotebookError unless `document` is a notebook of format 4.0 to 4.5. */
export function validateNotebook(document: unknown): void {
  if (!isObject(document)) fail('the document', document, 'an object with "cells", "metadata", "nbformat"');
  if (!('nbformat' in document)) fail('nbformat', undefined, 'the number 4');
  if (document.nbformat !== 4) {
    fail('nbformat', document.nbformat, '4; convert it with "jupyter nbconvert --to notebook --nbformat 4"');
  }
  const minor = document.nbformat_minor;
  if (!isCount(minor)) fail('nbformat_minor', minor, 'a whole number, 0 to 5');
  if (minor > newestMinor)
    fail('nbformat_minor', minor, `at most ${newestMinor}; save the notebook as nbformat 4.5`);
  onlyKeys(document, ['cells', 'metadata', 'nbformat', 'nbformat_minor'], '');
  checkRootMetadata(document.metadata);
  if (!Array.isArray(document.cells)) fail('cells', document.cells, 'a list of cells');
  document.cells.forEach((cell, index) => {
    checkCell(cell, `cells[${index}]`, minor);
  });
  checkUniqueIds(document.cells);
}

function checkRootMetadata(metadata: unknown): void {
  if (!isObject(metadata)) fail('metadata', metadata, 'an object');
  const { kernelspec, language_info: language, title, authors } = metadata;
  if (kernelspec !== undefined) {
    if (!isObject(kernelspec)) fail('metadata.kernelspec', kernelspec, 'an object');
    text(kernelspec.name, 'metadata.kernelspec.name');
    text(kernelspec.display_name, 'metadata.kernelspec.display_name');
  }
  if (language !== undefined) {
    if (!isObject(language)) fail('metadata.language_info', language, 'an object');
    text(language.name, 'metadata.language_info.name');
    for (const key of ['file_extension', 'mimetype', 'pygments_lexer'] as const) {
      if (key in language) text(language[key], `metadata.language_info.${key}`);
    }
    const mode = language.codemirror_mode;
    if (mode !== undefined && typeof mode !== 'string' && !isObject(mode)) {
      fail('metadata.language_info.codemirror_mode', mode, 'a string or an object');
    }
  }
  if (title !== undefined) text(title, 'metadata.title');
  if (authors !== undefined && !Array.isArray(authors)) fail('metadata.authors', authors, 'a list');
}

function checkCell(cell: unknown, path: string, minor: number): void {
  if (!isObject(cell)) fail(path, cell, 'a cell object');
  const type = cell.cell_type;
  if (type !== 'code' && type !== 'markdown' && type !== 'raw') {
    fail(`${path}.cell_type`, type, '"code", "markdown" or "raw"');
  }
  const special = type === 'code' ? ['outputs', 'execution_count'] : ['attachments'];
  onlyKeys(cell, ['id', 'cell_type', 'metadata', 'source', ...special], path);
  if (minor >= 5 || 'id' in cell) checkId(cell.id, `${path}.id`);
  checkCellMetadata(cell.metadata, `${path}.metadata`, type === 'code');
  lines(cell.source, `${path}.source`);
  if (type === 'code') {
    count(cell.execution_count, `${path}.execution_count`);
    if (!Array.isArray(cell.outputs)) fail(`${path}.outputs`, cell.outputs, 'a list of outputs');
    cell.outputs.forEach((output, index) => {
      checkOutput(output, `${path}.outputs[${index}]`);
    });
  } else if (cell.attachments !== undefined) {
    if (!isObject(cell.attachments)) fail(`${path}.attachments`, cell.attachments, 'an object');
    for (const [name, bundle] of Object.entries(cell.attachments)) {
      checkBundle(bundle, `${path}.attachments[${JSON.stringify(name)}]`);
    }
  }
}

function checkId(id: unknown, path: string): void {
  text(id, path);
  if (!/^[a-zA-Z0-9_-]{1,64}$/.test(id)) fail(path, id, '1 to 64 letters, digits, "-" or "_"');
}

function checkUniqueIds(cells: Json[]): void {
  const seen = new Map<unknown, number>();
  cells.forEach((cell, index) => {
    if (cell.id === undefined) return;
    const first = seen.get(cell.id);
    if (first !== undefined) fail(`cells[${index}].id`, cell.id, `unique; cells[${first}] has the same id`);
    seen.set(cell.id, index);
  });
}

function checkCellMetadata(metadata: unknown, path: string, isCode: boolean): void {
  if (!isObject(metadata)) fail(path, metadata, 'an object');
  const { tags, name, jupyter, collapsed, scrolled } = metadata;
  if (tags !== undefined) {
    if (!Array.isArray(tags)) fail(`${path}.tags`, tags, 'a list of strings');
    tags.forEach((tag, index) => {
      text(tag, `${path}.tags[${index}]`);
      if (tag === '' || tag.includes(','))
        fail(`${path}.tags[${index}]`, tag, 'not empty and without a comma');
      if (tags.indexOf(tag) !== index) fail(`${path}.tags[${index}]`, tag, 'listed only once');
    });
  }
  if (name !== undefined && (typeof name !== 'string' || name === '')) {
    fail(`${path}.name`, name, 'a string that is not empty');
  }
  if (jupyter !== undefined && !isObject(jupyter)) fail(`${path}.jupyter`, jupyter, 'an object');
  if (isCode && collapsed !== undefined && typeof collapsed !== 'boolean') {
    fail(`${path}.collapsed`, collapsed, 'true or false');
  }
  if (isCode && scrolled !== undefined && typeof scrolled !== 'boolean' && scrolled !== 'auto') {
    fail(`${path}.scrolled`, scrolled, 'true, false or "auto"');
  }
}

function checkOutput(output: unknown, path: string): void {
  if (!isObject(output)) fail(path, output, 'an output object');
  const type = output.output_type;
  const keys = typeof type === 'string' && Object.hasOwn(outputKeys, type) ? outputKeys[type] : undefined;
  if (!keys) fail(`${path}.output_type`, type, Object.keys(outputKeys).map(show).join(', '));
  onlyKeys(output, keys, path);
  if (type === 'stream') {
    text(output.name, `${path}.name`);
    lines(output.text, `${path}.text`);
  } else if (type === 'error') {
    text(output.ename, `${path}.ename`);
    text(output.evalue, `${path}.evalue`);
    if (!Array.isArray(output.traceback)) fail(`${path}.traceback`, output.traceback, 'a list of strings');
    output.traceback.forEach((line, index) => {
      text(line, `${path}.traceback[${index}]`);
    });
  } else {
    checkBundle(output.data, `${path}.data`);
    if (!isObject(output.metadata)) fail(`${path}.metadata`, output.metadata, 'an object');
    if (type === 'execute_result') count(output.execution_count, `${path}.execution_count`);
  }
}

function checkBundle(bundle: unknown, path: string): void {
  if (!isObject(bundle)) fail(path, bundle, 'an object from mime type to data');
  for (const [mime, value] of Object.entries(bundle)) {
    if (!isJsonMime(mime)) lines(value, `${path}[${JSON.stringify(mime)}]`);
  }
}

function onlyKeys(object: Json, allowed: readonly string[], path: string): void {
  for (const key of Object.keys(object)) {
    if (!allowed.includes(key)) {
      throw new InvalidNotebookError(
        `${path ? `${path}.` : ''}${key} is not part of the format; allowed here: ${allowed.join(', ')}`,
      );
    }
  }
}

function text(value: unknown, path: string): asserts value is string {
  if (typeof value !== 'string') fail(path, value, 'a string');
}

function lines(value: unknown, path: string): void {
  const valid =
    typeof value === 'string' || (Array.isArray(value) && value.every((line) => typeof line === 'string'));
  if (!valid) fail(path, value, 'a string or a list of strings');
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0;
}

function count(value: unknown, path: string): void {
  if (value !== null && !isCount(value)) fail(path, value, 'null or a whole number');
}

function fail(path: string, value: unknown, wanted: string): never {
  const state = value === undefined ? 'is missing' : `is ${show(value)}`;
  throw new InvalidNotebookError(`${path} ${state}; it must be ${wanted}`);
}

function show(value: unknown): string {
  const json = JSON.stringify(value) ?? String(value);
  return json.length <= 60 ? json : `${json.slice(0, 57)}...`;
}
