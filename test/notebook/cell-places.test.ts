/** The line of the file for a line of a cell, in notebooks written in every way JSON allows. */
import { expect, it } from 'vitest';
import { CellPlaces } from '../../scripts/notebook/cell-places.js';

const sources = [
  ['const a = 1;', 'b("\\n");', '', '  c({ x: [1, "]"] });'],
  ['😀 "quoted" \\ backslash'],
  ['last', 'line'],
];
const cells = sources.map((lines, index) => ({
  id: `c${index}`,
  number: index + 1,
  source: lines.join('\n'),
}));
const document = (split: (lines: string[]) => string | string[]) => ({
  metadata: { cells: [{ source: ['not a cell'] }], 'odd "key"': { source: 'neither' } },
  cells: sources.map((lines, index) => ({
    metadata: { tags: ['a'], source: 'not this one' },
    outputs: [{ output_type: 'stream', name: 'stdout', text: ['}', ']', '"'] }],
    source: split(lines),
    execution_count: -1.5e3,
    id: `c${index}`,
    cell_type: 'code',
  })),
  nbformat: 4,
});
const asLines = (lines: string[]) =>
  lines.map((line, index) => (index < lines.length - 1 ? `${line}\n` : line));

it.each([1, 4, '\t'])('finds each line where Jupyter writes it, indented by %j', (indent) => {
  for (const lineEnd of ['\n', '\r\n']) {
    const text = JSON.stringify(document(asLines), null, indent).replaceAll('\n', lineEnd);
    const places = new CellPlaces(text);
    const file = text.split(lineEnd);
    for (const [index, lines] of sources.entries()) {
      for (const [line, source] of asLines(lines).entries())
        expect(file[places.lineOf(cells[index]!, line + 1) - 1]!.trim().replace(/,$/, '')).toBe(
          JSON.stringify(source),
        );
    }
  }
});

it('finds the one line of a source that is one string, or of a file that is one line', () => {
  const text = JSON.stringify(
    document((lines) => lines.join('\n')),
    null,
    1,
  );
  const places = new CellPlaces(text);
  const lines = [1, 2, 3, 4].map((line) => places.lineOf(cells[0]!, line));
  expect(new Set(lines).size).toBe(1);
  expect(text.split('\n')[lines[0]! - 1]).toContain('const a = 1;');
  expect(new CellPlaces(JSON.stringify(document(asLines))).lineOf(cells[2]!, 2)).toBe(1);
});

it('follows pieces that are no lines', () => {
  const source = ['a', 'b\nc', 'd\n', '\n', 'e\n'];
  const text = JSON.stringify({ cells: [{ id: 'x', source }] }, null, 1);
  const places = new CellPlaces(text);
  const found = [1, 2, 3, 4].map((line) =>
    places.lineOf({ id: 'x', number: 1, source: source.join('') }, line),
  );
  // The source is ab, cd, an empty line and e.
  expect(found.map((line) => text.split('\n')[line - 1]!.trim())).toEqual([
    '"a",',
    '"b\\nc",',
    '"\\n",',
    '"e\\n"',
  ]);
});
