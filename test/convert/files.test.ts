/** `kernelbook convert` on files: what becomes what, what is kept, and what is never written over. */
import { readFileSync } from 'node:fs';
import { chmod, readdir, utimes } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readNotebook } from '../../scripts/notebook/read.js';
import { serializeNotebook } from '../../scripts/notebook/serialize.js';
import { Workplace } from '../run/helpers.js';
import { kernelspec, sketch } from './helpers.js';

let place: Workplace;
beforeAll(async () => {
  place = await Workplace.create();
});
afterAll(() => place.remove());

const stream = (text: string) => ({ output_type: 'stream', name: 'stdout', text });
const executed = sketch(
  [
    { type: 'markdown', id: 'top', source: '# Top' },
    { id: 'a', source: 'a()', count: 1, outputs: [stream('of a')], metadata: { scrolled: true } },
    { id: 'b', source: 'b()', count: 2, outputs: [stream('of b')] },
  ],
  { kernelspec, papermill: { version: '2' } },
);
const text = (file: string) => readFileSync(place.path(file), 'utf8');
/** Makes a file look older or newer than now. */
const age = (file: string, minutes: number) => {
  const at = new Date(Date.now() - minutes * 60_000);
  return utimes(place.path(file), at, at);
};

describe('kernelbook convert', () => {
  it('writes the text, and brings an edited text back without losing outputs', async () => {
    await place.write('one/nb.ipynb', serializeNotebook(executed));
    const there = await place.kernelbook(['convert', 'one/nb.ipynb', 'one/nb.ts']);
    expect(there).toMatchObject({ status: 0, stdout: 'one/nb.ts  written\n', stderr: '' });
    const unchanged = await place.kernelbook(['convert', 'one/nb.ts', 'one/nb.ipynb']);
    expect(unchanged.stdout).toBe('one/nb.ipynb  unchanged\n');

    const edited = text('one/nb.ts').replace('b()', 'b(1)').replace('// # Top', '// # New top');
    await place.write('one/nb.ts', `${edited}\n// %%\nc()\n`);
    await age('one/nb.ipynb', 1);
    const back = await place.kernelbook(['convert', 'one/nb.ts']);
    expect(back).toMatchObject({ status: 0, stdout: 'one/nb.ipynb  updated\n' });
    const { cells, metadata } = await readNotebook(place.path('one/nb.ipynb'));
    expect(cells.map(({ source }) => source)).toEqual(['# New top', 'a()', 'b(1)', 'c()']);
    expect(cells[1]).toEqual(executed.cells[1]);
    expect(cells[2]).toMatchObject({ id: 'b', execution_count: null, outputs: [] });
    expect(metadata.papermill).toEqual({ version: '2' });
  });

  it('says what could not be written, and converts the others', async () => {
    await place.write('shut/a.ipynb', serializeNotebook(executed));
    await place.write('shut/b.ipynb', serializeNotebook(executed));
    await place.write('shut/a.ts', '// %%\nold();\n');
    await age('shut/a.ts', 1);
    await chmod(place.path('shut/a.ts'), 0o444);
    const { status, stdout, stderr } = await place.kernelbook(['convert', '--to', 'ts', 'shut']);
    expect([status, stdout]).toEqual([1, 'shut/b.ts  written\n']);
    expect(stderr).toBe('kernelbook convert: shut/a.ts: cannot be written: it is read-only\n');
    expect(text('shut/a.ts')).toContain('old();');
    const nowhere = await place.kernelbook(['convert', 'shut/b.ipynb', '-o', 'shut/b.ts/below']);
    expect(nowhere.stderr).toContain('kernelbook convert: shut/b.ts/below/b.ts: cannot be written: ');
    expect(nowhere.status).toBe(1);
  });

  it('finds cells again by their source where the text has no ids', async () => {
    await place.write('ids/nb.ipynb', serializeNotebook(executed));
    await place.write('ids/nb.ts', '// %%\nb()\n\n// %%\na()\n');
    await age('ids/nb.ipynb', 1);
    expect((await place.kernelbook(['convert', 'ids/nb.ts'])).status).toBe(0);
    const { cells } = await readNotebook(place.path('ids/nb.ipynb'));
    expect(cells.map(({ id }) => id)).toEqual(['b', 'a']);
    expect(cells[1]).toEqual(executed.cells[1]);
  });

  it('does not write over what is newer or no notebook, unless it is forced to', async () => {
    await place.write('new/nb.ipynb', serializeNotebook(executed));
    await place.write('new/nb.ts', '// %%\nedited()\n');
    await age('new/nb.ipynb', 5);
    const newer = await place.kernelbook(['convert', 'new/nb.ipynb']);
    expect(newer.status).toBe(1);
    expect(newer.stderr).toBe(
      'kernelbook convert: new/nb.ts is newer than new/nb.ipynb and differs from it; write over it with --force\n',
    );
    await place.write('new/nb.ts', 'export const program = 1;\n');
    await age('new/nb.ts', 9);
    const program = await place.kernelbook(['convert', 'new/nb.ipynb']);
    expect(program.stderr).toContain('new/nb.ts is there and is no notebook');
    expect(text('new/nb.ts')).toBe('export const program = 1;\n');
    expect((await place.kernelbook(['convert', '--force', 'new/nb.ipynb'])).stdout).toBe(
      'new/nb.ts  updated\n',
    );
  });

  it('converts folders, and keeps the line ends of a file that is there', async () => {
    await place.write('all/x.ipynb', serializeNotebook(executed));
    await place.write('all/deep/y.ipynb', serializeNotebook(executed));
    await place.write('all/program.ts', 'export {};\n');
    const to = await place.kernelbook(['convert', 'all', '--to', 'ts', '-o', 'texts']);
    expect(to.stdout).toBe('texts/deep/y.ts  written\ntexts/x.ts  written\n');
    await place.write('texts/x.ts', text('texts/x.ts').replaceAll('\n', '\r\n').replace('a()', 'old()'));
    await age('texts/x.ts', 9);
    await place.kernelbook(['convert', 'all/x.ipynb', '-o', 'texts']);
    expect(text('texts/x.ts')).toMatch(/a\(\)\r\n/);
    const back = await place.kernelbook(['convert', 'texts', '--to', 'ipynb', '-o', 'back']);
    expect(back.status).toBe(0);
    expect((await readdir(place.path('back'), { recursive: true })).sort()).toEqual([
      'deep',
      'deep/y.ipynb',
      'x.ipynb',
    ]);
    const none = await place.kernelbook(['convert', 'all', '--to', 'ipynb']);
    expect(none.stderr).toContain('none of its .ts files is the text of a notebook');
  });

  it.each([
    [['nb.py'], 2, 'nb.py ends in .py; notebooks (.ipynb) and their TypeScript text (.ts) can be converted'],
    [['gone.ts'], 1, 'gone.ts: no such file'],
    [['.'], 2, '. is a folder: say with --to ts or --to ipynb what its files become'],
    [['python.ipynb'], 1, 'a notebook in python; only TypeScript and JavaScript'],
    [['program.ts'], 1, 'program.ts: it has neither a cell marker ("// %%") nor a Jupyter header'],
    [['broken.ipynb'], 1, 'broken.ipynb: not a valid notebook'],
    [['a/x.ts', 'b/x.ts', '-o', 'c'], 2, 'two files would both become c/x.ipynb'],
  ])('says what is wrong with %j', async (args, status, message) => {
    await place.write('nb.py', '# %%\n1\n');
    await place.write('program.ts', 'export {};\n');
    await place.write('broken.ipynb', '{');
    const python = { name: 'python3', display_name: 'Python 3', language: 'python' };
    await place.write('python.ipynb', serializeNotebook(sketch([], { kernelspec: python })));
    const result = await place.kernelbook(['convert', ...args]);
    expect(result.stderr).toContain(message);
    expect(result.status).toBe(status);
  });
});
