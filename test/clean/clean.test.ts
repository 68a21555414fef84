/** `kernelbook clean`: what goes, what stays, and that the committed notebooks are clean. Oracle: Python's nbformat. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { chmod, lstat, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { packageRoot } from '../../kernel/package-root.js';
import { typescriptInfo } from '../../kernel/worker/kernel-info.js';
import { cleanNotebook } from '../../scripts/notebook/clean-notebook.js';
import { parseNotebook } from '../../scripts/notebook/read.js';
import { selectNotebooks } from '../../scripts/notebook/select.js';
import { serializeNotebook } from '../../scripts/notebook/serialize.js';
import { Workplace } from '../run/helpers.js';
import { describeRequires } from '../support/requires.js';

let place: Workplace;
beforeAll(async () => {
  place = await Workplace.create();
});
afterAll(() => place.remove());

const kernelspec = { name: 'kernelbook', display_name: 'TypeScript (kernelbook)', language: 'typescript' };
const code = (id: string, metadata: object, source: string) => ({
  ...{ cell_type: 'code', id, metadata, source, execution_count: 7 },
  outputs: [{ output_type: 'stream', name: 'stdout', text: 'x' }],
});
const text = (id: string, metadata: object) => ({ cell_type: 'markdown', id, metadata, source: 'Ä\n注' });

/** As Jupyter, papermill and our runner leave a notebook behind. */
const executed = {
  nbformat: 4,
  nbformat_minor: 5,
  metadata: {
    kernelspec,
    language_info: { version: '5.9', name: 'typescript', file_extension: '.ts' },
    papermill: { version: '2.6' },
    widgets: { 'application/vnd.jupyter.widget-state+json': {} },
    kernelbook: { commit: 'abc', passed: 'key', regression: { golden: {} } },
    title: 'kept',
    small: [1e-5, -1.25e-7, 0.0001],
  },
  cells: [
    text('intro', { editable: true, slideshow: { slide_type: '' }, tags: [] }),
    code('a', { tags: ['parameters'], collapsed: true, scrolled: 'auto', execution: {} }, 'const p = 1;\n'),
    code('b', { tags: ['injected-parameters'] }, 'const p = 2;'),
    code('c', { papermill: {}, jupyter: { outputs_hidden: true, source_hidden: true } }, 'p'),
    code(
      'd',
      {
        jupyter: { outputs_hidden: false },
        kernelbook: { errata: ['E1'], regression: ['x'], skipped: 'y' },
        editable: false,
      },
      '',
    ),
    text('end', { slideshow: { slide_type: 'slide' } }),
  ],
};
const cleaned = {
  ...executed,
  metadata: {
    kernelspec,
    // What a front end writes into it on opening it.
    language_info: typescriptInfo,
    title: 'kept',
    small: [1e-5, -1.25e-7, 0.0001],
  },
  cells: [
    text('intro', {}),
    { ...code('a', { tags: ['parameters'] }, 'const p = 1;\n'), execution_count: null, outputs: [] },
    { ...code('c', { jupyter: { source_hidden: true } }, 'p'), execution_count: null, outputs: [] },
    {
      ...code('d', { kernelbook: { errata: ['E1'] }, editable: false }, ''),
      execution_count: null,
      outputs: [],
    },
    text('end', { slideshow: { slide_type: 'slide' } }),
  ],
};

describe('kernelbook clean', () => {
  it('leaves the content and nothing else, and is done after once', async () => {
    await place.write('nb.ipynb', JSON.stringify(executed));
    await symlink('nb.ipynb', place.path('link.ipynb'));
    expect(await place.kernelbook(['clean', 'link.ipynb'])).toMatchObject({
      status: 0,
      stdout: 'link.ipynb  cleaned\n',
    });
    expect((await lstat(place.path('link.ipynb'))).isSymbolicLink()).toBe(true);
    const content = readFileSync(place.path('nb.ipynb'), 'utf8');
    expect(content).toBe(serializeNotebook(parseNotebook(JSON.stringify(cleaned))));
    expect(content).toContain('"注"');
    expect(await place.kernelbook(['clean', 'nb.ipynb'])).toMatchObject({ status: 0, stdout: '' });
  });

  it('checks without writing, and names what is not clean', async () => {
    await place.write('check/bad.ipynb', JSON.stringify(executed));
    await place.write('check/good.ipynb', serializeNotebook(parseNotebook(JSON.stringify(cleaned))));
    const { status, stderr } = await place.kernelbook(['clean', '--check', 'check']);
    expect(status).toBe(1);
    expect(stderr).toBe('kernelbook clean: check/bad.ipynb is not clean\nclean with: kernelbook clean\n');
    expect(readFileSync(place.path('check/bad.ipynb'), 'utf8')).toBe(JSON.stringify(executed));
    expect((await place.kernelbook(['clean', '--check', 'check/good.ipynb'])).status).toBe(0);
  });

  it('says what stands in the way, and leaves the file', async () => {
    await place.write('odd/merge.ipynb', '{\n<<<<<<< HEAD\n "a": 1\n=======\n>>>>>>> b\n}');
    await place.write('odd/read-only.ipynb', JSON.stringify(executed));
    await chmod(place.path('odd/read-only.ipynb'), 0o444);
    await symlink('circle.ipynb', place.path('odd/circle.ipynb'));
    const { status, stderr } = await place.kernelbook(['clean', 'odd']);
    expect(status).toBe(1);
    expect(stderr).toContain(
      'odd/merge.ipynb: not a valid notebook: no JSON: it has the conflict marks of a merge',
    );
    expect(stderr).toContain('odd/read-only.ipynb: cannot be written: it is read-only');
    expect(readFileSync(place.path('odd/read-only.ipynb'), 'utf8')).toBe(JSON.stringify(executed));
    expect(await place.kernelbook(['clean', 'odd/circle.ipynb'])).toMatchObject({
      status: 2,
      stderr: 'kernelbook clean: odd/circle.ipynb: a link that leads nowhere\n',
    });
  });

  it('leaves an invalid notebook as it is, and cleans the others', async () => {
    await place.write('mixed/a.ipynb', '{"nbformat": 4');
    await place.write('mixed/b.ipynb', JSON.stringify(executed));
    const { status, stdout, stderr } = await place.kernelbook(['clean', 'mixed']);
    expect([status, stdout]).toEqual([1, 'mixed/b.ipynb  cleaned\n']);
    expect(stderr).toContain('kernelbook clean: mixed/a.ipynb: not a valid notebook');
    expect(readFileSync(place.path('mixed/a.ipynb'), 'utf8')).toBe('{"nbformat": 4');
    expect((await place.kernelbook(['clean', 'gone.ipynb'])).status).toBe(2);
  });
});

describe('kernelbook clean --repair', () => {
  const bent = JSON.stringify({
    ...executed,
    nbformat_minor: 6,
    cells: [
      ...executed.cells,
      code('a', { tags: ['x', 'x'] }, 'p'),
      { ...text('', {}), id: undefined, extra: 1 },
    ],
  });

  it('mends what is not valid; without it the file stays, and says what would be mended', async () => {
    await place.write('bent/nb.ipynb', `\uFEFF${bent}`);
    for (const words of [[], ['--check']]) {
      const { status, stderr } = await place.kernelbook(['clean', ...words, 'bent/nb.ipynb']);
      expect(status).toBe(1);
      expect(stderr).toContain('bent/nb.ipynb: not a valid notebook, read as if mended: ');
      expect(stderr).toContain('cell 7: its id "a" is that of cell 2 too, it gets another');
      expect(stderr).toContain('cell 8: no id, it gets one');
      expect(stderr).toContain('"kernelbook clean --repair" mends the file');
      expect(readFileSync(place.path('bent/nb.ipynb'), 'utf8')).toBe(`\uFEFF${bent}`);
    }
    expect(await place.kernelbook(['clean', '--repair', 'bent/nb.ipynb'])).toEqual({
      status: 0,
      stdout: 'bent/nb.ipynb  mended and cleaned\n',
      stderr: '',
    });
    const { cells } = parseNotebook(readFileSync(place.path('bent/nb.ipynb'), 'utf8'));
    expect(cells.map(({ id }) => id).slice(0, 5)).toEqual(['intro', 'a', 'c', 'd', 'end']);
    expect((await place.kernelbook(['clean', '--check', 'bent/nb.ipynb'])).status).toBe(0);
  });

  it('gives the same ids in each copy of a file', async () => {
    await place.write('one/nb.ipynb', bent);
    await place.write('two/nb.ipynb', bent);
    await place.kernelbook(['clean', '--repair', 'one', 'two']);
    expect(readFileSync(place.path('one/nb.ipynb'))).toEqual(readFileSync(place.path('two/nb.ipynb')));
  });
});

describe('the notebooks of the current folder', () => {
  it('are what is meant where none is named, without those that a run has written', async () => {
    await place.write('here/a.ipynb', JSON.stringify(executed));
    await place.write('here/below/b.ipynb', JSON.stringify(executed));
    await place.write('here/build/notebooks/a.ipynb', JSON.stringify(executed));
    const { stdout } = await place.kernelbook(['clean'], undefined, {
      prefix: ['env', '-C', place.path('here')],
    });
    expect(stdout).toBe('a.ipynb  cleaned\nbelow/b.ipynb  cleaned\n');
    expect(readFileSync(place.path('here/build/notebooks/a.ipynb'), 'utf8')).toBe(JSON.stringify(executed));
  });
});

describe('the committed notebooks', async () => {
  const folders = [join(packageRoot(), 'notebooks')];
  it.each(await selectNotebooks(folders))('$place is clean', ({ path }) => {
    const content = readFileSync(path, 'utf8');
    expect(content, 'clean it with: kernelbook clean').toBe(
      serializeNotebook(cleanNotebook(parseNotebook(content))),
    );
  });
});

describeRequires('venv', 'beside nbformat', () => {
  it('a cleaned notebook is byte for byte what Jupyter writes of it', () => {
    const content = serializeNotebook(cleanNotebook(parseNotebook(JSON.stringify(executed))));
    const script =
      'import sys, nbformat\nnb = nbformat.reads(sys.stdin.read(), 4)\nnbformat.validate(nb)\nprint(nbformat.writes(nb))';
    const python = join(packageRoot(), '.venv', 'bin', 'python');
    expect(execFileSync(python, ['-c', script], { input: content, encoding: 'utf8' })).toBe(content);
  });
});
