/**
 * Files that Jupyter, nbclient and papermill run although they bend the format's rules: each is read as a valid
 * notebook and told in one line. Oracle of what is valid: Python's nbformat.
 */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { packageRoot } from '../../kernel/package-root.js';
import type { CodeCell } from '../../scripts/notebook/format.js';
import { mendsText } from '../../scripts/notebook/mend/mends.js';
import { parseBentNotebook } from '../../scripts/notebook/read.js';
import { serializeNotebook } from '../../scripts/notebook/serialize.js';
import { InvalidNotebookError } from '../../scripts/notebook/validate.js';
import { describeRequires } from '../support/requires.js';

type Json = Record<string, unknown>;

const code = (more: Json = {}): Json => ({
  ...{ cell_type: 'code', id: 'a', metadata: {}, source: '1', outputs: [], execution_count: null },
  ...more,
});
const markdown = (more: Json = {}): Json => ({
  ...{ cell_type: 'markdown', id: 'm', metadata: {}, source: '' },
  ...more,
});
const notebook = (cells: unknown, more: Json = {}): Json => ({
  ...{ nbformat: 4, nbformat_minor: 5, metadata: {}, cells },
  ...more,
});
const without = (object: Json, ...keys: string[]): Json =>
  Object.fromEntries(Object.entries(object).filter(([name]) => !keys.includes(name)));
const output = (one: unknown): Json => notebook([code({ outputs: [one] })]);
const kernelspec = (value: unknown): Json => notebook([code()], { metadata: { kernelspec: value } });
const language = (value: unknown): Json => notebook([code()], { metadata: { language_info: value } });
const tagged = (tags: unknown): Json => notebook([code({ metadata: { tags } })]);

/** What is bent, and what is said of it. */
const bent: [string, Json | string, string][] = [
  ['a missing id', notebook([code(), without(code(), 'id')]), 'cell 2: no id, it gets one'],
  ['a doubled id', notebook([code(), markdown({ id: 'a' })]), 'cell 2: its id "a" is that of cell 1 too'],
  ['an id with a space', notebook([code({ id: 'a b' })]), 'cell 1: its id "a b" is not valid'],
  ['an id too long', notebook([code({ id: 'x'.repeat(65) })]), 'is not valid, it gets another'],
  ['an id that is a number', notebook([code({ id: 7 })]), 'cell 1: its id 7 is not valid'],
  ['missing outputs', notebook([without(code(), 'outputs')]), 'cell 1: outputs is missing, read as []'],
  ['outputs that are null', notebook([code({ outputs: null })]), 'cell 1: outputs is null, read as []'],
  ['outputs that are no list', notebook([code({ outputs: {} })]), 'cell 1: outputs is {}, read as none'],
  ['a missing count', notebook([without(code(), 'execution_count')]), 'execution_count is missing'],
  ['a negative count', notebook([code({ execution_count: -1 })]), 'execution_count is -1, read as null'],
  ['a missing source', notebook([without(code(), 'source')]), 'source is missing, read as ""'],
  ['missing cell metadata', notebook([without(code(), 'metadata')]), 'metadata is missing, read as {}'],
  ['cell metadata that is a list', notebook([code({ metadata: [] })]), 'metadata is [], read as empty'],
  ['missing metadata', without(notebook([code()]), 'metadata'), 'metadata is undefined, read as empty'],
  ['doubled tags', tagged(['a', 'a', 'b']), 'metadata.tags is ["a","a","b"], read as ["a","b"]'],
  ['tags in one', tagged(['a, b']), 'read as ["a","b"]'],
  ['tags as text', tagged('a'), 'metadata.tags is "a", read as ["a"]'],
  [
    'an unknown key of the file',
    notebook([code()], { worksheets: [] }),
    'worksheets is not part of the format',
  ],
  ['an unknown key of a cell', notebook([code({ prompt_number: 3 })]), 'cell 1: prompt_number is not part'],
  [
    'outputs of a text cell',
    notebook([markdown({ outputs: [] })]),
    'cell 1: outputs is not part of the format',
  ],
  [
    'an unknown cell type',
    notebook([markdown({ cell_type: 'heading' })]),
    'no cell_type "heading", read as raw',
  ],
  [
    'an older minor version',
    notebook([code()], { nbformat_minor: 4 }),
    'it has cell ids, which nbformat 4.4',
  ],
  ['a newer minor version', notebook([code()], { nbformat_minor: 6 }), 'nbformat_minor is 6, read as 5'],
  [
    'no minor version',
    without(notebook([code()]), 'nbformat_minor'),
    'nbformat_minor is undefined, read as 5',
  ],
  ['no version', without(notebook([code()]), 'nbformat'), 'nbformat is undefined, read as 4'],
  ['a version as text', notebook([code()], { nbformat: '4' }), 'nbformat is "4", read as 4'],
  ['no display_name', kernelspec({ name: 'k' }), 'kernelspec has no display_name, its name stands for it'],
  ['a kernelspec without name', kernelspec({ display_name: 'K' }), 'kernelspec has no name, left out'],
  ['a kernelspec as text', kernelspec('k'), 'metadata.kernelspec is "k", left out'],
  ['a language without name', language({}), 'language_info has no name, left out'],
  ['a mimetype as number', language({ name: 'x', mimetype: 2 }), 'language_info.mimetype is 2, left out'],
  ['a title as list', notebook([code()], { metadata: { title: [] } }), 'metadata.title is [], left out'],
  ['an unknown output', output({ output_type: 'pyout' }), 'an output is {"output_type":"pyout"}, left out'],
  ['an inherited name as output', output({ output_type: 'constructor' }), 'an output is'],
  ['a stream without name', output({ output_type: 'stream', text: 'x' }), 'stream.name is missing'],
  [
    'an unknown key of an output',
    output({ output_type: 'display_data', data: {}, metadata: {}, transient: {} }),
    'outputs: transient is not part of the format, left out',
  ],
  [
    'a result without count',
    output({ output_type: 'execute_result', data: {}, metadata: {} }),
    'execution_count',
  ],
  [
    'data without metadata',
    output({ output_type: 'display_data', data: {} }),
    'display_data.metadata is missing',
  ],
  [
    'text that is none',
    output({ output_type: 'display_data', data: { 'text/plain': { a: 1 } }, metadata: {} }),
    'has {"a":1} as text/plain, read as text',
  ],
  [
    'a traceback as text',
    output({ output_type: 'error', ename: 'E', evalue: 1, traceback: 'x' }),
    'error.traceback is "x", read as ["x"]',
  ],
  [
    'an attachment that is text',
    notebook([markdown({ attachments: { 'a.png': 'x' } })]),
    'attachments.a.png is "x"',
  ],
  ['a byte order mark', `\uFEFF${JSON.stringify(notebook([code()]))}`, 'byte order mark, passed over'],
  [
    'numbers that JSON has not',
    JSON.stringify(notebook([code({ source: 'NaN', metadata: { x: 0 } })])).replace(
      '"x":0',
      '"x":[NaN,-Infinity]',
    ),
    'it has NaN and -Infinity, which JSON has not, read as null',
  ],
];

const textOf = (document: Json | string) =>
  typeof document === 'string' ? document : JSON.stringify(document);

describe('a notebook that bends the rules', () => {
  it.each(bent)('%s', (_, document, said) => {
    const { notebook: mended, mends } = parseBentNotebook(textOf(document));
    expect(mendsText(mends)).toContain(said);
    expect(mendsText(mends)).not.toContain('\n');
    // Mended once, it is valid.
    const again = parseBentNotebook(serializeNotebook(mended));
    expect(again.mends).toEqual([]);
    expect(again.notebook).toEqual(mended);
  });

  it('keeps what it means', () => {
    const document = notebook([
      code({ source: ['const a = 1;\n', 'a'], extra: 1, metadata: { tags: ['x', 'x'], own: 1 } }),
      code({ source: 'a + 1', outputs: [{ output_type: 'stream', text: 'said' }] }),
    ]);
    const { cells } = parseBentNotebook(JSON.stringify(document)).notebook;
    expect(cells.map(({ source }) => source)).toEqual(['const a = 1;\na', 'a + 1']);
    expect(cells[0]!.metadata).toEqual({ tags: ['x'], own: 1 });
    expect((cells[1] as CodeCell).outputs).toEqual([{ output_type: 'stream', name: 'stdout', text: 'said' }]);
  });

  it('gives the same ids each time, and leaves the ids that are right', () => {
    const document = notebook([code(), code(), without(code(), 'id'), code({ id: 'b' })]);
    const ids = () => parseBentNotebook(JSON.stringify(document)).notebook.cells.map(({ id }) => id);
    expect(ids()).toEqual(ids());
    expect([ids()[0], ids()[3]]).toEqual(['a', 'b']);
    expect(new Set(ids()).size).toBe(4);
  });

  it('names some of many cells', () => {
    const { mends } = parseBentNotebook(JSON.stringify(notebook(Array(8).fill(without(code(), 'id')))));
    expect(mendsText(mends)).toBe('cells 1, 2, 3, 4, 5 and 3 more: no id, it gets one');
  });

  it.each([
    ['no cells', without(notebook([]), 'cells'), 'cells is missing'],
    ['cells as object', notebook({}), 'cells is {}'],
    ['a list', [], 'the document is []'],
    ['nbformat 3', notebook([], { nbformat: 3 }), 'nbformat is 3; it must be 4; convert'],
    ['a cell that is text', notebook(['1']), 'cells[0] is "1"'],
    ['a cell without type', notebook([without(code(), 'cell_type')]), 'cells[0].cell_type is missing'],
    ['source of numbers', notebook([code({ source: [1] })]), 'cells[0].source is [1]'],
  ])('is still refused where it says nothing: %s', (_, document, message) => {
    const read = () => parseBentNotebook(JSON.stringify(document));
    expect(read).toThrow(InvalidNotebookError);
    expect(read).toThrow(message);
  });

  it('is refused with the reason where it is no JSON', () => {
    expect(() => parseBentNotebook('{"a": NaN,}')).toThrow(/^no JSON: /);
    expect(() => parseBentNotebook('')).toThrow('the file is empty');
  });
});

describeRequires('venv', 'beside nbformat', () => {
  it('every mended notebook is valid', () => {
    const texts = bent.map(([, document]) => serializeNotebook(parseBentNotebook(textOf(document)).notebook));
    const script = `
import sys, json, nbformat
for text in json.load(sys.stdin):
    book = json.loads(text)
    nbformat.validate(book, relax_add_props=False)
    ids = [cell['id'] for cell in book['cells']]
    assert len(ids) == len(set(ids)), ids
print('valid')`;
    const python = join(packageRoot(), '.venv', 'bin', 'python');
    expect(execFileSync(python, ['-c', script], { input: JSON.stringify(texts), encoding: 'utf8' })).toBe(
      'valid\n',
    );
  });
});
