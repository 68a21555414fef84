/** `kernelbook run` and the results it keeps: what is taken for a run, what is shown of it, and what runs again. */
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { isObject } from '../../scripts/notebook/format.js';
import { readNotebook } from '../../scripts/notebook/read.js';
import { textOf, Workplace } from '../run/helpers.js';
import { patienceMs } from '../support/patience.js';

// On a machine with other work, starting kernels takes its time.
let place: Workplace;
beforeEach(async () => {
  place = await Workplace.create();
  await place.write('helper.ts', 'export const helper: number = 1;');
  await place.notebook('a.ipynb', 'kernelbook', [
    "import { helper } from './helper.ts';",
    'console.log(helper, Math.random());',
  ]);
});
afterEach(() => place.remove());

const run = (...args: string[]) => place.kernelbook(['run', 'a.ipynb', ...args], undefined, { cache: true });
const ran = /\[1\/1\] a\.ipynb {2}passed {2}\(2\/2 cells/;
const cached = /\[1\/1\] a\.ipynb {2}passed \(cached\) {2}\(ran \d{4}-\d\d-\d\d \d\d:\d\d UTC, [\d.]+ s\)/;
const shown = async (folder = 'build/notebooks') => {
  const { cells } = await readNotebook(place.path(folder, 'a.ipynb'));
  return cells.map((cell) => ('outputs' in cell ? textOf(cell.outputs) : ''));
};
const results = () => place.path('.cache/kernelbook/results');

it('gives the result of a run that passed again, and says everywhere that nothing ran', async () => {
  expect((await run()).stdout).toMatch(ran);
  const outputs = await shown();
  await rm(place.path('build'), { recursive: true });

  const { status, stdout, stderr } = await run(
    '-o',
    'other',
    '--junit',
    'j.xml',
    '--html',
    'h.html',
    '--results',
    'r.json',
  );
  expect([status, stderr]).toEqual([0, '']);
  expect(stdout).toMatch(cached);
  expect(stdout).toMatch(/^a\.ipynb +2\/2 +- +cached +- +passed \(cached\)$/m);
  expect(stdout).toContain('Not run, as nothing has changed: 1 notebook (--no-cache runs all)');
  expect(await shown('other')).toEqual(outputs);
  const { kernelbook, papermill } = (await readNotebook(place.path('other/a.ipynb'))).metadata;
  expect(kernelbook).toMatchObject({ cached: true });
  expect(papermill).toMatchObject({ output_path: 'other/a.ipynb', exception: null });
  const junit = await readFile(place.path('j.xml'), 'utf8');
  expect(junit).toMatch(/<property name="cached" value="ran until \d{4}-[^"]+"\/>/);
  expect(junit).not.toMatch(/ time="(?!0\.000")/);
  expect(await readFile(place.path('h.html'), 'utf8')).toMatch(
    /1 passed.*1 of them cached, not run[\s\S]*passed \(cached\)/,
  );
  const { notebooks } = JSON.parse(await readFile(place.path('r.json'), 'utf8'));
  expect(notebooks).toMatchObject([
    { verdict: 'passed', seconds: 0, cached: { seconds: expect.any(Number) } },
  ]);

  // What is changed is run, and so is everything with --no-cache.
  await place.write('helper.ts', 'export const helper: number = 2;');
  expect((await run()).stdout).toMatch(ran);
  const [, text] = await shown();
  expect(text).toMatch(/^2 /);
  expect((await run('--no-cache')).stdout).toMatch(ran);
  const [, newer] = await shown();
  expect(newer).not.toBe(text);
  expect((await run()).stdout).toMatch(cached);
  expect((await shown())[1]).toBe(newer);
});

it('runs again what failed, and what the file of is damaged', async () => {
  await place.notebook('bad.ipynb', 'kernelbook', ["throw new Error('no')"]);
  await place.notebook('reads.ipynb', 'kernelbook', ["import 'node:fs';"]);
  const names = ['a.ipynb', 'bad.ipynb', 'reads.ipynb'];
  const both = () => place.kernelbook(['run', ...names, '--results', 'r.json'], undefined, { cache: true });
  await both();
  const second = await both();
  expect(second.status).toBe(1);
  expect(second.stdout).toMatch(/a\.ipynb {2}passed \(cached\)/);
  const { notebooks } = JSON.parse(await readFile(place.path('r.json'), 'utf8'));
  expect(notebooks.map(({ uncached }: { uncached?: string }) => uncached)).toEqual([
    undefined,
    undefined,
    'cell 1 imports node:fs, which reaches outside the notebook',
  ]);
  expect(second.stdout).toMatch(/bad\.ipynb {2}error in cell 1: Error {2}\(1\/1 cells/);
  const [file, ...others] = await readdir(results());
  expect(others).toEqual([]);
  const whole = await readFile(`${results()}/${file}`, 'utf8');
  await writeFile(`${results()}/${file}`, whole.slice(0, -40));
  expect((await run()).stdout).toMatch(ran);
  expect((await run()).stdout).toMatch(cached);
});

it('keeps one whole result of two runs at once, and none of a run whose files changed meanwhile', async () => {
  const gate = place.path('gate.ts');
  await place.write(
    'wait.mjs',
    `import fs from 'node:fs'; export const there = () => fs.existsSync('${gate}');`,
  );
  await place.notebook('waits.ipynb', 'kernelbook', [
    "import { there } from './wait.mjs'; import { helper } from './helper.ts';",
    'while (!there()) await new Promise((resolve) => setTimeout(resolve, 50)); helper;',
  ]);
  const document = await readNotebook(place.path('waits.ipynb'));
  const { kernelbook } = document.metadata;
  document.metadata.kernelbook = { ...(isObject(kernelbook) ? kernelbook : {}), cache: true };
  await writeFile(place.path('waits.ipynb'), JSON.stringify(document));
  const waits = place.kernelbook(['run', 'waits.ipynb', '-o', 'w'], undefined, { cache: true });
  const [one, two] = await Promise.all([run('-o', 'one'), run('-o', 'two')]);
  expect([one!.status, two!.status]).toEqual([0, 0]);
  expect((await readdir(results())).length).toBe(1);
  await vi.waitFor(async () => expect((await shownOf('w/waits.ipynb')).length).toBe(2), patienceMs);
  await place.write('helper.ts', 'export const helper: number = 3;');
  await writeFile(gate, '');
  expect((await waits).status).toBe(0);
  expect((await readdir(results())).length).toBe(1);
});

async function shownOf(file: string): Promise<string[]> {
  const { cells } = await readNotebook(place.path(file));
  return cells.map(({ source }) => source);
}
