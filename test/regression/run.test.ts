/** `kernelbook run` with golden outputs: a constant that is changed in a component is found, named and measured. */
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readNotebook } from '../../scripts/notebook/read.js';
import { Workplace } from '../run/helpers.js';

const component = (eps: string) =>
  `export const rmsNorm = (x: number[], eps = ${eps}): number[] => {
  const scale = 1 / Math.sqrt(x.reduce((sum, v) => sum + v * v, 0) / x.length + eps);
  return x.map((v) => v * scale);
};\n`;

let place: Workplace;
beforeAll(async () => {
  place = await Workplace.create();
  await place.write('norm.ts', component('1e-5'));
  await place.notebook('norm.ipynb', 'kernelbook', [
    ['let scale: number = 0.01;', 'parameters'],
    "import { rmsNorm } from './norm.ts';\nconst y = rmsNorm([3 * scale, 4 * scale]);\nconsole.log('scale', scale);",
    '({ y });',
  ]);
  await place.notebook('plain.ipynb', 'kernelbook', ['1 + 1']);
});
afterAll(() => place.remove());

/** Many runs of small notebooks: minutes on a busy machine. */
const timeout = 300_000;
/** Types are other tests' matter. */
const run = (...args: string[]) => place.kernelbook(['run', '--no-check', ...args]);

const golden = () => readFile(place.path('golden/norm.golden.json'), 'utf8');

describe('a component and its notebook', () => {
  it('writes, agrees, names what changed, and writes again', { timeout }, async () => {
    const first = await run('norm.ipynb', '--update');
    expect(first).toMatchObject({ status: 0, stderr: '' });
    expect(first.stdout).toContain('golden/norm.golden.json: written, 2 cells: 2 new (cell-2, cell-3)');
    const before = await golden();

    // Nothing is compared where there is no golden file.
    const again = await run('norm.ipynb', 'plain.ipynb', '--results', 'results.json');
    expect(again).toMatchObject({ status: 0, stderr: '' });
    const results = JSON.parse(await readFile(place.path('results.json'), 'utf8')) as {
      notebooks: { verdict: string; golden?: { compared: number }; cells: { seconds: number }[] }[];
    };
    expect(results.notebooks.map((one) => [one.verdict, one.golden?.compared, one.cells.length])).toEqual([
      ['passed', 3, 3],
      ['passed', undefined, 1],
    ]);
    expect(results.notebooks[0]!.cells[1]!.seconds).toBeGreaterThan(0);

    await writeFile(place.path('norm.ts'), component('1e-4'));
    const changed = await run('norm.ipynb');
    expect(changed.status).toBe(3);
    expect(changed.stdout).toMatch(/norm\.ipynb +3\/3 .*assertion/);
    const [x, y] = [3, 4].map((v) => (v / 100 / Math.sqrt(0.00125 + 1e-4)).toString());
    const [gx, gy] = [3, 4].map((v) => (v / 100 / Math.sqrt(0.00125 + 1e-5)).toString());
    const allowed = (2 ** -20 + 2 ** -16 * Number(gx)).toExponential(2);
    const report = changed.stderr.replaceAll(/(\d\.\d{9})\d+/g, '$1');
    const short = (text = '') => text.slice(0, 11);
    expect(report).toContain('FAILED norm.ipynb, cell 3 (In [3]) "cell-3": GoldenMismatch: ');
    expect(report).toContain('1 of 3 cells differs from golden/norm.golden.json:');
    expect(report).toContain('where the change is meant, --update writes');
    expect(report).toMatch(
      new RegExp(
        `text/plain line 1, column \\d+: ${short(x)}, golden ${short(gx)}, difference 0.0\\d+, tolerance ${allowed}`,
      ),
    );
    expect(report).toContain(`${short(y)}, golden ${short(gy)}`);
    const { metadata, cells } = await readNotebook(place.path('build/notebooks/norm.ipynb'));
    expect(metadata.kernelbook).toMatchObject({ regression: { golden: { compared: 3, differ: 1 } } });
    expect(cells[2]!.metadata.kernelbook).toMatchObject({
      regression: [expect.stringContaining('tolerance'), expect.anything()],
    });
    expect(await golden()).toBe(before);
    // What differed has not passed, so it is not kept either.
    expect((await run('norm.ipynb', '--resume')).status).toBe(3);

    const updated = await run('norm.ipynb', '--update');
    expect(updated.status).toBe(0);
    expect(updated.stdout).toContain('golden/norm.golden.json: written, 2 cells: 1 changed (cell-3)');
    expect(await golden()).not.toBe(before);
    const kept = await run('norm.ipynb', '--resume');
    expect(kept).toMatchObject({ status: 0, stdout: expect.stringContaining('kept from an earlier run') });
  });

  it('compares only the default parameters, on request nothing, and never updates after a failure', {
    timeout,
  }, async () => {
    const before = await golden();
    const given = await run('-p', 'scale', '0.02', 'norm.ipynb');
    expect(given.status).toBe(0);
    expect(given.stdout).toContain('golden outputs are not compared: parameters were given');
    const refused = await run('-p', 'scale', '0.02', 'norm.ipynb', '--update');
    expect(refused).toMatchObject({ status: 2, stderr: expect.stringContaining('leave out -p') });

    await writeFile(place.path('norm.ts'), component('1e-2'));
    expect((await run('norm.ipynb', '--no-golden')).status).toBe(0);
    const over = await run('norm.ipynb', '--update', '--max-seconds', '0.001');
    expect(over.status).toBe(3);
    expect(over.stderr).toMatch(/BudgetExceeded: max-seconds: \d[\d.]* s, over the budget of 0.001 s/);
    expect(await golden()).toBe(before);
  });

  it('says what is wrong with settings and golden files', { timeout }, async () => {
    const broken = JSON.parse(await readFile(place.path('plain.ipynb'), 'utf8'));
    broken.cells[0].metadata.kernelbook = { golden: { rtoll: 1 } };
    await place.write('settings.ipynb', JSON.stringify(broken));
    const settings = await run('settings.ipynb');
    expect(settings).toMatchObject({
      status: 2,
      stderr: expect.stringContaining(
        'settings.ipynb: cell "cell-1": kernelbook.golden has no setting rtoll',
      ),
    });
    expect(existsSync(place.path('build/notebooks/settings.ipynb'))).toBe(false);

    await place.write('golden/plain.golden.json', '{"format": 7}');
    const file = await run('plain.ipynb');
    expect(file.status).toBe(3);
    expect(file.stderr).toContain('GoldenFileError: golden/plain.golden.json is not of the format');
    expect((await run('plain.ipynb', '--update')).status).toBe(0);
    expect((await run('plain.ipynb')).status).toBe(0);
  });
});
