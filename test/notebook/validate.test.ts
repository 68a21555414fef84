/** The validator: every malformed notebook gets one line that names the place and the value. */
import { describe, expect, it } from 'vitest';
import { parseNotebook } from '../../scripts/notebook/read.js';
import { InvalidNotebookError, validateNotebook } from '../../scripts/notebook/validate.js';

type Json = Record<string, unknown>;

const code = (more: Json = {}): Json => ({
  cell_type: 'code',
  id: 'a',
  metadata: {},
  source: '1',
  outputs: [],
  execution_count: null,
  ...more,
});
const markdown = (more: Json = {}): Json => ({
  cell_type: 'markdown',
  id: 'm',
  metadata: {},
  source: '',
  ...more,
});
const notebook = (cells: unknown, more: Json = {}): Json => ({
  nbformat: 4,
  nbformat_minor: 5,
  metadata: {},
  cells,
  ...more,
});
const withOutput = (output: unknown): Json => notebook([code({ outputs: [output] })]);
const without = (object: Json, key: string): Json =>
  Object.fromEntries(Object.entries(object).filter(([name]) => name !== key));

describe('valid notebooks', () => {
  it.each([
    ['empty', notebook([])],
    ['text as lines', notebook([code({ source: ['a\n', 'b'] }), markdown()])],
    ['4.4 without ids', notebook([without(code(), 'id')], { nbformat_minor: 4 })],
    ['4.0', notebook([without(markdown(), 'id')], { nbformat_minor: 0 })],
    [
      'tags, scrolled, attachments',
      notebook([
        code({ metadata: { tags: ['x'], scrolled: 'auto' } }),
        markdown({ attachments: { 'a.png': { 'image/png': 'AA==' } } }),
      ]),
    ],
    ['stream', withOutput({ output_type: 'stream', name: 'stdout', text: ['a'] })],
    [
      'JSON mime of any type',
      withOutput({
        output_type: 'display_data',
        metadata: {},
        data: { 'application/x+json': [1, { a: null }] },
      }),
    ],
    ['error', withOutput({ output_type: 'error', ename: 'E', evalue: '', traceback: [] })],
  ])('%s', (_, document) => {
    expect(() => validateNotebook(document)).not.toThrow();
  });
});

describe('malformed notebooks', () => {
  const cases: [string, unknown, string][] = [
    ['a list', [], 'the document is []'],
    ['null', null, 'the document is null'],
    ['no nbformat', { cells: [] }, 'nbformat is missing'],
    ['nbformat 3', notebook([], { nbformat: 3 }), 'nbformat is 3; it must be 4; convert'],
    ['nbformat as text', notebook([], { nbformat: '4' }), 'nbformat is "4"'],
    ['a fractional minor', notebook([], { nbformat_minor: 4.5 }), 'nbformat_minor is 4.5'],
    ['a newer minor', notebook([], { nbformat_minor: 6 }), 'nbformat_minor is 6; it must be at most 5'],
    ['no metadata', without(notebook([]), 'metadata'), 'metadata is missing'],
    ['no cells', without(notebook([]), 'cells'), 'cells is missing'],
    ['cells as object', notebook({}), 'cells is {}'],
    ['an extra root key', notebook([], { worksheets: [] }), 'worksheets is not part of the format'],
    [
      'kernelspec without name',
      notebook([], { metadata: { kernelspec: { display_name: 'x' } } }),
      'metadata.kernelspec.name is missing',
    ],
    [
      'kernelspec as text',
      notebook([], { metadata: { kernelspec: 'python3' } }),
      'metadata.kernelspec is "python3"',
    ],
    [
      'language_info.name as number',
      notebook([], { metadata: { language_info: { name: 1 } } }),
      'metadata.language_info.name is 1',
    ],
    [
      'mimetype as number',
      notebook([], { metadata: { language_info: { name: 'x', mimetype: 2 } } }),
      'metadata.language_info.mimetype is 2',
    ],
    ['title as list', notebook([], { metadata: { title: [] } }), 'metadata.title is []'],
    ['a cell that is text', notebook(['1']), 'cells[0] is "1"'],
    ['an unknown cell type', notebook([code({ cell_type: 'heading' })]), 'cells[0].cell_type is "heading"'],
    ['no source', notebook([markdown(), without(code(), 'source')]), 'cells[1].source is missing'],
    ['source of numbers', notebook([code({ source: [1] })]), 'cells[0].source is [1]'],
    ['no id in 4.5', notebook([without(code(), 'id')]), 'cells[0].id is missing'],
    ['an id with a space', notebook([code({ id: 'a b' })]), 'cells[0].id is "a b"'],
    ['an id too long', notebook([code({ id: 'x'.repeat(65) })]), 'cells[0].id is "xxx'],
    ['an empty id', notebook([code({ id: '' })]), 'cells[0].id is ""'],
    [
      'one id twice',
      notebook([code(), markdown({ id: 'a' })]),
      'cells[1].id is "a"; it must be unique; cells[0]',
    ],
    ['no outputs', notebook([without(code(), 'outputs')]), 'cells[0].outputs is missing'],
    [
      'no execution_count',
      notebook([without(code(), 'execution_count')]),
      'cells[0].execution_count is missing',
    ],
    ['a negative count', notebook([code({ execution_count: -1 })]), 'cells[0].execution_count is -1'],
    [
      'outputs in markdown',
      notebook([markdown({ outputs: [] })]),
      'cells[0].outputs is not part of the format',
    ],
    [
      'a comma in a tag',
      notebook([code({ metadata: { tags: ['a,b'] } })]),
      'cells[0].metadata.tags[0] is "a,b"',
    ],
    ['a tag twice', notebook([code({ metadata: { tags: ['a', 'a'] } })]), 'cells[0].metadata.tags[1] is "a"'],
    ['tags as text', notebook([code({ metadata: { tags: 'a' } })]), 'cells[0].metadata.tags is "a"'],
    [
      'scrolled as text',
      notebook([code({ metadata: { scrolled: 'yes' } })]),
      'cells[0].metadata.scrolled is "yes"',
    ],
    ['an unknown output', withOutput({ output_type: 'pyout' }), 'cells[0].outputs[0].output_type is "pyout"'],
    [
      'an inherited name as output',
      withOutput({ output_type: 'constructor' }),
      'output_type is "constructor"',
    ],
    [
      'a stream without name',
      withOutput({ output_type: 'stream', text: '' }),
      'cells[0].outputs[0].name is missing',
    ],
    [
      'a stream with extras',
      withOutput({ output_type: 'stream', name: 'x', text: '', extra: 1 }),
      'outputs[0].extra is not part',
    ],
    [
      'text/plain as object',
      withOutput({ output_type: 'display_data', metadata: {}, data: { 'text/plain': {} } }),
      'cells[0].outputs[0].data["text/plain"] is {}',
    ],
    [
      'display without metadata',
      withOutput({ output_type: 'display_data', data: {} }),
      'outputs[0].metadata is missing',
    ],
    [
      'result without count',
      withOutput({ output_type: 'execute_result', data: {}, metadata: {} }),
      'outputs[0].execution_count is missing',
    ],
    [
      'traceback as text',
      withOutput({ output_type: 'error', ename: 'E', evalue: '', traceback: 'x' }),
      'outputs[0].traceback is "x"',
    ],
    [
      'an attachment that is text',
      notebook([markdown({ attachments: { 'a b.png': 'x' } })]),
      'cells[0].attachments["a b.png"] is "x"',
    ],
  ];
  it.each(cases)('%s', (_, document, message) => {
    let error: unknown;
    try {
      validateNotebook(document);
    } catch (caught) {
      error = caught;
    }
    expect(error).toBeInstanceOf(InvalidNotebookError);
    const text = (error as Error).message;
    expect(text).toContain(message);
    expect(text).not.toContain('\n');
  });

  it('explains text that is no JSON', () => {
    expect(() => parseNotebook('{"cells": [')).toThrow(/^no JSON: /);
    expect(() => parseNotebook('  \n')).toThrow('the file is empty');
  });
});
