/** `kernelbook check`, and the checks of `kernelbook run` before it starts a kernel, as a user meets them. */
import { existsSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { CodeCell } from '../../scripts/notebook/format.js';
import { readNotebook } from '../../scripts/notebook/read.js';
import { Workplace } from '../run/helpers.js';

let place: Workplace;
beforeAll(async () => {
  place = await Workplace.create();
  await place.notebook('good.ipynb', 'kernelbook', ['const a: number = 1;\na']);
  await place.notebook('bad.ipynb', 'kernelbook', [
    'const a: number = 1;',
    'a.size;\nlater();',
    'function later() {}',
  ]);
  await place.notebook('warned.ipynb', 'kernelbook', ['const unused = 1;']);
  await place.notebook('loose.ipynb', 'tslab', ['function id(x) { return x; }\nid(1)']);
  await place.notebook('other.ipynb', 'python3', ['x = 1']);
  await place.write('broken.ipynb', 'not a notebook');
});
afterAll(() => place.remove());

describe('kernelbook check', () => {
  it('prints errors as tsc does and exits with 6; other kernels are named once, dialects as in the run', async () => {
    const { status, stdout, stderr } = await place.kernelbook([
      'check',
      'good.ipynb',
      'bad.ipynb',
      'loose.ipynb',
      'other.ipynb',
    ]);
    expect(stderr).toBe('');
    expect(
      stdout,
    ).toBe(`bad.ipynb cell 2 "cell-2":1:3 - error TS2339: Property 'size' does not exist on type 'number'.

1 a.size;
    ~~~~

bad.ipynb cell 2 "cell-2":2:1 - error TS2304: Cannot find name 'later'.

2 later();
  ~~~~~

  'later' is declared in cell 3, below.

Not type-checked, for other kernels (python3): other.ipynb
Checked: 2 errors in 1 of 3 notebooks.
`);
    expect(status).toBe(6);
  });

  it('warnings fail only if they are to', async () => {
    const gentle = await place.kernelbook(['check', 'warned.ipynb', 'good.ipynb']);
    expect(gentle.stdout).toContain("warning unused-name: 'unused' is declared but nothing uses it.");
    expect(gentle.stdout).toContain('Checked: no errors in 2 notebooks, 1 warning.');
    expect(gentle.status).toBe(0);
    const strict = await place.kernelbook(['check', 'warned.ipynb', '--strict']);
    expect(strict.status).toBe(6);
  });

  it('checks the others where one file is no notebook, and exits with 2', async () => {
    const { status, stdout, stderr } = await place.kernelbook(['check', 'broken.ipynb', 'good.ipynb']);
    expect(stderr).toMatch(/^kernelbook check: broken\.ipynb: not a valid notebook: no JSON: .*\n$/);
    expect(stdout).toBe('Checked: no errors in 1 notebook.\n');
    expect(status).toBe(2);
    const missing = await place.kernelbook(['check', 'god.ipynb']);
    expect(missing.stderr).toBe(
      'kernelbook check: god.ipynb: no such file or folder; did you mean good.ipynb?\n',
    );
    expect(missing.status).toBe(2);
    const kernel = await place.kernelbook(['check', 'good.ipynb', '--kernel', 'kernelboko']);
    expect(kernel.stderr).toMatch(/no kernel named "kernelboko", did you mean "kernelbook"\?/);
    expect(kernel.status).toBe(2);
  });
});

describe('kernelbook run', () => {
  it('runs nothing where a notebook has type errors, and tells them all', async () => {
    const { status, stdout, stderr } = await place.kernelbook([
      'run',
      'good.ipynb',
      'bad.ipynb',
      '-o',
      'build/refused',
    ]);
    expect(stderr).toContain("TS2339: Property 'size' does not exist");
    expect(stderr).toContain("'later' is declared in cell 3, below.");
    expect(stderr).toContain('Nothing was run: 2 errors in 1 of 2 notebooks.');
    expect(stdout).toMatch(/good\.ipynb .* skipped: not run: another notebook has type errors/);
    expect(stdout).toMatch(/bad\.ipynb .* type error/);
    expect(status).toBe(6);
    expect(existsSync(place.path('build/refused'))).toBe(false);
    const unchecked = await place.kernelbook(['run', 'bad.ipynb', '--no-check', '-o', 'build/unchecked']);
    expect(unchecked.stderr).toContain('FAILED bad.ipynb, cell 2 (In [2]) "cell-2": CompileError');
    expect(existsSync(place.path('build/unchecked/bad.ipynb'))).toBe(true);
  });

  it('skips what this machine cannot run, with the reason, and fails for that only on request', async () => {
    await place.notebook('cells.ipynb', 'kernelbook', [
      '1',
      ["console.log('gpu')", 'skip-unless:webgpu'],
      '3',
    ]);
    await place.notebook('big.ipynb', 'python3', ["print('big')"]);
    const big = await readNotebook(place.path('big.ipynb'));
    big.metadata.kernelbook = { requires: ['memory>=900TiB'] };
    await place.write('big.ipynb', JSON.stringify(big));
    const { status, stdout } = await place.kernelbook(['run', 'cells.ipynb', 'big.ipynb']);
    expect(stdout).toMatch(/^big\.ipynb +0\/1 .* skipped: needs memory>=900TiB: there are [\d.]+ GiB here$/m);
    expect(stdout).toMatch(
      /^cells\.ipynb +2\/3 .* passed; cell 2 skipped: needs webgpu: this run computes on cpu$/m,
    );
    expect(status).toBe(0);
    const { cells } = await readNotebook(place.path('build/notebooks/cells.ipynb'));
    expect((cells[1] as CodeCell).outputs).toEqual([
      {
        output_type: 'stream',
        name: 'stderr',
        text: 'This cell was skipped: it needs webgpu: this run computes on cpu\n',
      },
    ]);
    expect(cells.map(({ metadata }) => (metadata.papermill as { status: string }).status)).toEqual([
      'completed',
      'pending',
      'completed',
    ]);
    const { metadata } = await readNotebook(place.path('build/notebooks/big.ipynb'));
    expect(metadata.kernelbook).toMatchObject({ skipped: expect.stringContaining('needs memory') });
    expect((await place.kernelbook(['run', 'big.ipynb', '--require-all'])).status).toBe(7);
    expect((await place.kernelbook(['run', 'cells.ipynb', '--require-all'])).status).toBe(7);
  });

  it('a requirement nobody knows is bad usage', async () => {
    await place.notebook('typo.ipynb', 'kernelbook', [['1', 'skip-unless:webgpuu']]);
    const { status, stderr } = await place.kernelbook(['run', 'typo.ipynb']);
    expect(stderr).toMatch(
      /^kernelbook run: typo\.ipynb: cell 1 "cell-1": unknown requirement "webgpuu", did you mean webgpu\?/,
    );
    expect(status).toBe(2);
  });
});
