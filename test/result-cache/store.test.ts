/** Results on disk: whole or not there, private, bounded, and shared by runs at the same time. */
import { mkdtemp, readdir, readFile, rm, stat, truncate, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, expect, it, onTestFinished } from 'vitest';
import { type KeptRun, ResultStore } from '../../scripts/result-cache/store.js';

let folder: string;
let store: ResultStore;
beforeEach(async () => {
  const root = await mkdtemp(join(tmpdir(), 'kernelbook-results-'));
  onTestFinished(() => rm(root, { recursive: true }));
  folder = join(root, 'results');
  store = new ResultStore(folder);
});

const run = (text = 'out'): KeptRun => ({
  at: 1,
  seconds: 2.5,
  peakMemory: 3,
  cellPeaks: [['a', 3]],
  device: 'one',
  seen: [],
  notebook: {
    nbformat: 4,
    nbformat_minor: 5,
    metadata: {},
    cells: [{ cell_type: 'markdown', id: 'a', metadata: {}, source: text }],
  },
});
const path = (key: string) => join(folder, `${key}.json`);

it('gives back what was written, to its owner only', async () => {
  expect(await store.read('a')).toBeUndefined();
  await store.write('a', run());
  expect(await store.read('a')).toEqual(run());
  await store.write('a', run('newer \u2028 line'));
  expect(await store.read('a')).toEqual(run('newer \u2028 line'));
  expect([(await stat(folder)).mode & 0o777, (await stat(path('a'))).mode & 0o777]).toEqual([0o700, 0o600]);
  await store.remove('a');
  await store.remove('a');
  expect(await readdir(folder)).toEqual([]);
});

it.each<[string, (file: string) => Promise<void>]>([
  ['cut off', (file) => truncate(file, 200)],
  ['empty', (file) => truncate(file, 0)],
  ['changed by a bit', async (file) => writeFile(file, (await readFile(file, 'utf8')).replace('out', 'oUt'))],
  [
    'of another format',
    async (file) => writeFile(file, (await readFile(file, 'utf8')).replace('result 2', 'result 0')),
  ],
  ['something else', (file) => writeFile(file, 'null\nnull')],
])('removes a file that is %s', async (_, damage) => {
  await store.write('a', run());
  await damage(path('a'));
  expect(await store.read('a')).toBeUndefined();
  expect(await readdir(folder)).toEqual([]);
  await store.write('a', run());
  expect(await store.read('a')).toEqual(run());
});

it('lets go of what was not used for longest, and keeps none that is too large', async () => {
  const small = new ResultStore(folder, { files: 5, total: 1e6, one: 1_000 });
  for (const [index, key] of ['a', 'b', 'c', 'd', 'e', 'f'].entries()) {
    await small.write(key, run());
    await utimes(path(key), index, index);
  }
  await small.read('a');
  await small.tidy();
  expect(await readdir(folder)).toEqual(['a.json', 'd.json', 'e.json', 'f.json']);
  await small.write('g', run('x'.repeat(1_000)));
  expect(await readdir(folder)).not.toContain('g.json');
  const { size } = await stat(path('a'));
  await new ResultStore(folder, { files: 100, total: 3 * size, one: 1_000 }).tidy();
  expect(await readdir(folder)).toEqual(['a.json', 'f.json']);
});

it('is whole for those who read while others write', async () => {
  const writers = Array.from({ length: 20 }, (_, index) =>
    store.write('a', run(String(index % 2).repeat(5_000))),
  );
  const texts = new Set<string>();
  const reading = (async () => {
    for (let i = 0; i < 50; i++) {
      const found = await store.read('a');
      if (found) texts.add(found.notebook.cells[0]!.source);
    }
  })();
  await Promise.all([...writers, reading]);
  for (const text of texts) expect(['0'.repeat(5_000), '1'.repeat(5_000)]).toContain(text);
  expect(await store.read('a')).toBeDefined();
  expect(await readdir(folder)).toEqual(['a.json']);
});

it('is no error where nothing can be kept', async () => {
  const nowhere = new ResultStore('/dev/null/results');
  await nowhere.write('a', run());
  expect(await nowhere.read('a')).toBeUndefined();
  await nowhere.remove('a');
  await nowhere.tidy();
});
