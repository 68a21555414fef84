/** The text form: loss-free whatever a notebook holds, and the same cells as jupytext reads and writes. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { packageRoot } from '../../kernel/package-root.js';
import { formatPercent, parsePercent } from '../../scripts/convert/percent.js';
import type { Notebook } from '../../scripts/notebook/format.js';
import { readNotebook } from '../../scripts/notebook/read.js';
import { withoutVolatile } from '../../scripts/notebook/volatile.js';
import { describeRequires } from '../support/requires.js';
import { jupytext, kernelspec, type SketchedCell, sketch } from './helpers.js';

/** There and back, also through the line ends of Windows; gives the text. */
function roundTrip(notebook: Notebook): string {
  const text = formatPercent(notebook);
  const back = parsePercent(text);
  expect(back).toEqual(notebook);
  expect(formatPercent(back)).toBe(text);
  expect(parsePercent(text.replaceAll('\n', '\r\n'))).toEqual(notebook);
  return text;
}

/** What lines and markers could take for something else, in code as in Markdown. */
const pieces = [
  ...['', '', 'a', ' ', '\t', '// %% x', '//%%', '   // %% in', '// // %% y', '%% q', '\\%% z', '\\\\%% x'],
  ...['%time', '// %time', '%%python', '%x // noescape', '// <codecell>', '// In[3]:', '// + x', '"""', '`'],
  ...['```', '~~~', '```mermaid', '---', '// ---', 'jupyter:', 'title="x"', '// -*- coding: utf-8 -*-', '😀'],
  ...['\r', '\r\n', '\u2028', '\f', '\ud800', '\x85', 'const a = 1;'],
];
const metadata: Record<string, unknown>[] = [
  ...[
    {},
    {},
    { tags: ['a', 'b'] },
    { id: 'x' },
    { ipynb: 5 },
    { cell_type: 'x' },
    { n: null },
    { 'we ird': 1 },
  ],
  ...[{ title: 'A title' }, { title: '[markdown] b' }, { title: 'x=1' }, { title: ' pad ' }, { title: 3 }],
  ...[
    { name: 'n m=1 "q' },
    { deep: { a: [1, { b: '= x=1 {' }] } },
    { k: '\u2028\x85' },
    { language: 'python' },
  ],
  ...[{ active: 'ipynb' }, { active: '' }, { active: 'ts' }, { tags: ['active-ipynb'] }, { cell_depth: 2 }],
  ...[{ lines_to_next_cell: 0 }, { lines_to_next_cell: 2 }, { lines_to_next_cell: 3 }, { region_name: 'md' }],
  ...[{ run_control: { frozen: true } }, { incorrectly_encoded_metadata: 'abc' }, { '.a': null }],
];
const notebookMetadata: Record<string, unknown>[] = [
  ...[{}, { kernelspec }, { jupytext: { notebook_metadata_filter: '-all' }, kernelspec }, { lone: '\ud800' }],
  { title: '😀 \u2028 yes', a: { 'b c': ['no', '2020-01-01', '0o17', 1e300, null, true, { x: '---' }] } },
  { jupytext: { comment_magics: false } },
  { jupytext: { executable: '/usr/bin/env node', encoding: '// -*- coding: utf-8 -*-' } },
];

/** Mulberry32: the same notebooks in every run. */
function randomNumbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let bits = Math.imul(state ^ (state >>> 15), 1 | state);
    bits = (bits + Math.imul(bits ^ (bits >>> 7), 61 | bits)) ^ bits;
    return Math.floor((((bits ^ (bits >>> 14)) >>> 0) / 2 ** 32) * below);
  };
}

function randomNotebook(below: (n: number) => number): Notebook {
  const one = <T>(list: readonly T[]): T => list[below(list.length)]!;
  const cells = Array.from({ length: below(5) }, (_, index): SketchedCell => {
    const type = one(['code', 'markdown', 'raw'] as const);
    const lines = Array.from({ length: below(6) }, () => one(pieces) + (below(4) === 0 ? one(pieces) : ''));
    return {
      type,
      source: lines.join('\n'),
      metadata: { ...one(metadata), ...one(metadata) },
      ...(below(2) ? { id: `c${index}` } : {}),
      ...(type !== 'code' && below(8) === 0 ? { attachments: { 'a.png': { 'image/png': 'AAAA==' } } } : {}),
    };
  });
  return sketch(cells, one(notebookMetadata));
}

describe('the percent form', () => {
  it('is what a person would write', () => {
    const notebook = sketch([
      { type: 'markdown', id: 'intro', source: '# Title\n\ntext' },
      { id: 'parameters', metadata: { tags: ['parameters'] }, source: 'const steps: number = 4;' },
      { type: 'raw', id: 'raw', source: 'x' },
      { id: 'last', source: 'steps' },
    ]);
    const [, cells] = roundTrip(notebook).split('// ---\n\n');
    expect(cells).toBe(
      [
        ...['// %% [markdown] id="intro"', '// # Title', '//', '// text', ''],
        ...['// %% id="parameters" tags=["parameters"]', 'const steps: number = 4;', ''],
        ...['// %% [raw] id="raw"', '// x', '', '// %% id="last"', 'steps', ''],
      ].join('\n'),
    );
  });

  it.each(readdirSync(join(packageRoot(), 'notebooks')).filter((file) => file.endsWith('.ipynb')))(
    'gives back %s',
    async (file) => {
      // The compiler's version stays in the notebook file alone.
      roundTrip(withoutVolatile(await readNotebook(join(packageRoot(), 'notebooks', file))));
    },
  );

  it('gives back 300 notebooks made to confuse it', () => {
    const below = randomNumbers(7);
    for (let n = 0; n < 300; n++) roundTrip(randomNotebook(below));
  });

  it('keeps line breaks at the end, marker-like lines and attachments apart from what one edits', () => {
    const text = roundTrip(
      sketch([
        { id: 'a', source: 'x\n\n\n' },
        { id: 'b', source: '`\n// %% no cell\n`' },
        { type: 'markdown', id: 'c', source: 'a\r\nb', attachments: { 'i.png': { 'image/png': 'AA==' } } },
      ]),
    );
    const edited = text.replace('\nx\n', '\ny\n').replace('no cell', 'still none').replace('// b', '// B');
    expect(parsePercent(edited).cells.map(({ id, source }) => [id, source])).toEqual([
      ['a', 'y\n\n\n'],
      ['b', '`\n// %% still none\n`'],
      ['c', 'a\nB'],
    ]);
    expect(parsePercent(edited).cells[2]).toHaveProperty('attachments');
  });

  it('has no longest cell, and a notebook may have been paired with a text of another form', () => {
    const notebook = sketch([{ id: 'a', source: '// line\n'.repeat(200_000), metadata: { zero: -0 } }], {
      jupytext: {
        formats: 'ipynb,ts:light',
        text_representation: { extension: '.ts', format_name: 'light' },
      },
    });
    const back = parsePercent(formatPercent(notebook));
    expect(back.cells[0]!.source).toBe(notebook.cells[0]!.source);
    expect(back.metadata).toEqual({ jupytext: { formats: 'ipynb,ts:light' } });
  });

  it('leaves outputs, counts and the traces of runs out', () => {
    const notebook = sketch(
      [
        { id: 'a', source: '1', count: 3, outputs: [{ output_type: 'stream', name: 'stdout', text: 'x' }] },
        { id: 'b', source: 'p = 1', metadata: { tags: ['injected-parameters'] } },
      ],
      { kernelspec, papermill: { version: '1' }, widgets: {} },
    );
    expect(parsePercent(formatPercent(notebook))).toEqual(sketch([{ id: 'a', source: '1' }]));
  });

  it('reads a text without header or ids, and writes it without', () => {
    const text = '// %%\nconst a = 1;\n\n// %% A title [markdown]\n// text\n\n\n// %%\na\n// %%\n2\n';
    expect(formatPercent(parsePercent(text))).toBe(text);
    expect(parsePercent(text).metadata.kernelspec).toEqual(kernelspec);
  });

  it('gives a copied cell an id of its own', () => {
    const { cells } = parsePercent('// %% id="a"\n1\n\n// %% id="a"\n1\n');
    expect(cells.map(({ id }) => id)).toEqual(['a', expect.stringMatching(/^[0-9a-f]{8}$/)]);
  });

  it.each([
    ['const a = 1;\n', 'it has neither a cell marker ("// %%") nor a Jupyter header'],
    ['// %% id="a b"\n1\n', 'line 1: the cell id "a b" must be 1 to 64 letters, digits, "-" or "_"'],
    ['// ---\n// jupyter:\n//   a: [1\n// ---\n\n// %%\n', 'the YAML header from line 2 on cannot be read'],
    [
      '// ---\n// jupyter:\n//   jupytext:\n//     text_representation: {format_name: light}\n// ---\n1\n',
      'it is in jupytext\'s form "light"; make it "percent" with: jupytext --to ts:percent',
    ],
    ['// %% tags=["a,b"]\n1\n', 'cells[0].metadata.tags[0] is "a,b"'],
  ])('refuses %j', (text, message) => {
    expect(() => parsePercent(text)).toThrow(message);
  });
});

describeRequires('venv', 'beside jupytext', () => {
  const cellsOf = (notebook: { cells: { cell_type: string; source: string; metadata: object }[] }) =>
    notebook.cells.map(({ cell_type, source, metadata: { ...own } }) => ({ cell_type, source, own }));
  /** What jupytext itself keeps: it strips one line break at the end of a cell, and has no escape for markers. */
  const representable = sketch(
    [
      { type: 'raw', source: '---\ntitle: Front matter\n---' },
      {
        type: 'markdown',
        source: '# Überschrift 😀\n\n- a\n  - b\n\n```mermaid\n%% a comment\n```\n\n    code',
      },
      {
        metadata: { tags: ['parameters'] },
        source: 'const steps: number = 4;\n\n\n// two blank lines above',
      },
      { source: '' },
      { source: '%time\n// %time\n  %lsmagic x' },
      { source: '%%python\nprint(1)' },
      { metadata: { title: 'A title', deep: { a: ['= x=1', { b: null }] }, editable: false }, source: '1' },
      { metadata: { active: 'ipynb', name: 'n' }, source: 'only(here)' },
      { type: 'raw', metadata: { active: 'ts' }, source: 'only(there)' },
      { type: 'raw', metadata: { raw_mimetype: 'text/html' }, source: '<p>\n\n</p>' },
      { source: 'const s = `"""\n\n"""`;\n// %%no marker' },
      { type: 'markdown', source: 'end' },
    ],
    { kernelspec, authors: [{ name: 'Ä "q" \'s\': yes' }], date: '2020-01-01' },
  );

  it('jupytext reads our text to the same cells', () => {
    const text = formatPercent(representable);
    const read = jupytext('jupytext.reads(given, fmt="ts")', text) as ReturnType<typeof sketch>;
    expect(cellsOf(read)).toEqual(cellsOf(representable));
    expect(read.metadata.kernelspec).toEqual(kernelspec);
    expect(read.metadata.authors).toEqual(representable.metadata.authors);
    expect(read.metadata.date).toBe('2020-01-01');
  });

  it('we read what jupytext writes to the same cells, and write it in the same lines', () => {
    const document = JSON.stringify(representable);
    const text = jupytext('jupytext.writes(nbformat.reads(given, 4), fmt="ts:percent")', document) as string;
    const read = parsePercent(text);
    expect(cellsOf(read)).toEqual(cellsOf(representable));
    // Jupytext comments the cell out that is in Python; the rest is the same, line for line.
    const cells = (whole: string) =>
      whole
        .slice(whole.lastIndexOf('// ---'))
        .replace(/\/\/ (?:%%\n\/\/ %%python|%% language="python")\n.*/, '');
    expect(cells(formatPercent(read))).toBe(cells(text));
  });

  it('text and numbers of the header are the same for both', () => {
    const words = [
      'y',
      'N',
      'no',
      '1e3',
      '.5e3',
      '-.5',
      'e3',
      '08',
      '017',
      '1_0',
      '12:30',
      '2020-01-01',
      '',
      ' ',
    ];
    for (const more of [[], ['=', '<<']]) {
      const spec = { ...kernelspec, words: [...words, ...more], numbers: [1e-7, -1.5e-9, 1e21, 0.5, 3] };
      const notebook = sketch([{ source: '1' }], { kernelspec: spec });
      const text = formatPercent(notebook);
      expect(parsePercent(text).metadata).toEqual(notebook.metadata);
      const there = jupytext('jupytext.reads(given, fmt="ts")', text) as typeof notebook;
      expect(there.metadata.kernelspec).toEqual(spec);
      if (more.length > 0) continue; // jupytext cannot read these as it writes them
      const written = jupytext(
        'jupytext.writes(nbformat.reads(given, 4), fmt="ts:percent")',
        JSON.stringify(notebook),
      );
      expect(parsePercent(written as string).metadata.kernelspec).toEqual(spec);
    }
  });

  it('ids survive jupytext as metadata', () => {
    const text = formatPercent(sketch([{ id: 'first', source: '1' }]));
    const again = jupytext(
      'jupytext.writes(jupytext.reads(given, fmt="ts"), fmt="ts:percent")',
      text,
    ) as string;
    expect(parsePercent(again).cells.map(({ id }) => id)).toEqual(['first']);
  });
});
