/** Which notebooks run at once and in which order, which fall to a shard, and what is remembered between runs. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type PastRun, readHistory, remember } from '../../../scripts/run/schedule/history.js';
import { Schedule } from '../../../scripts/run/schedule/schedule.js';
import { inShard } from '../../../scripts/run/schedule/shard.js';
import { Workplace } from '../helpers.js';

const past = (seconds: number, peakMemory?: number): PastRun => ({
  seconds,
  ...(peakMemory !== undefined && { peakMemory }),
  at: 1,
});

/** Runs notebooks that end when told to; `running` is what runs, in the order of the starts. */
function staged(options: { jobs: number; memoryCap?: number; past: (PastRun | undefined)[] }) {
  const ends = new Map<number, () => void>();
  const done = new Schedule({ memoryCap: undefined, ...options }).run((index) => {
    return new Promise((resolve) => ends.set(index, resolve));
  });
  return {
    done,
    running: () => [...ends.keys()],
    end: async (index: number) => {
      ends.get(index)!();
      ends.delete(index);
      await turn();
    },
  };
}

describe('order', () => {
  it('is that of the notebooks when one runs at a time', async () => {
    const stage = staged({ jobs: 1, past: [past(1), past(3), past(2)] });
    for (const index of [0, 1, 2]) {
      expect(stage.running()).toEqual([index]);
      await stage.end(index);
    }
    await stage.done;
  });

  it('is the longest first when several do, before it those never run', async () => {
    const stage = staged({ jobs: 2, past: [past(1), past(3), undefined, past(2)] });
    expect(stage.running()).toEqual([2, 1]);
    await stage.end(1);
    expect(stage.running()).toEqual([2, 3]);
    await stage.end(2);
    await stage.end(3);
    await stage.end(0);
    await stage.done;
  });

  it('keeps to the cap, lets a smaller one pass, and runs one that never fits alone', async () => {
    const all = [past(9, 60), past(8, 50), past(7, 40), past(6, 200)];
    const stage = staged({ jobs: 4, memoryCap: 100, past: all });
    expect(stage.running()).toEqual([0, 2]);
    await stage.end(0);
    expect(stage.running()).toEqual([2, 1]);
    await stage.end(2);
    expect(stage.running()).toEqual([1]);
    await stage.end(1);
    expect(stage.running()).toEqual([3]);
    await stage.end(3);
    await stage.done;
  });

  it('takes one that is not known to be as large as the largest', () => {
    expect(staged({ jobs: 2, memoryCap: 100, past: [undefined, past(1, 60)] }).running()).toEqual([0]);
    expect(staged({ jobs: 2, memoryCap: 100, past: [undefined, undefined] }).running()).toEqual([0, 1]);
  });

  it('is known ahead: what comes next beside what runs, of those that match, within the cap', async () => {
    const all = [past(9, 60), past(8, 50), past(7, 30), past(6, 10)];
    const schedule = new Schedule({ jobs: 2, memoryCap: 100, past: all });
    expect(schedule.next(2, () => true)).toEqual([0, 2]);
    const ends = new Map<number, () => void>();
    const done = schedule.run((index) => new Promise((resolve) => ends.set(index, resolve)));
    expect(schedule.running).toEqual([0, 2]);
    expect(schedule.next(2, () => true)).toEqual([3]);
    expect(schedule.next(2, (index) => index !== 3)).toEqual([]);
    for (const index of [0, 2, 1, 3]) {
      ends.get(index)!();
      await turn();
    }
    await done;
    expect(schedule.next(1, () => true)).toEqual([]);
  });

  it('fails with what fails', async () => {
    const failing = new Schedule({ jobs: 2, memoryCap: undefined, past: [past(1), past(2)] }).run(
      async () => {
        throw new RangeError('lost');
      },
    );
    await expect(failing).rejects.toThrow('lost');
  });
});

describe('shards', () => {
  const names = Array.from({ length: 11 }, (_, i) => `${i}.ipynb`);
  const parts = (count: number, durations = new Map<string, number>()) =>
    Array.from({ length: count }, (_, i) => [...inShard(names, { index: i + 1, count, durations })]);

  it('are all notebooks, each once, in equal numbers, whatever the order they are named in', () => {
    for (const count of [1, 2, 3, 11, 20]) {
      const all = parts(count);
      expect(all.flat().sort()).toEqual([...names].sort());
      const sizes = all.map((part) => part.length);
      expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
    }
    const backwards = inShard([...names].reverse(), { index: 2, count: 3, durations: new Map() });
    expect([...backwards]).toEqual(parts(3)[1]);
  });

  it('take equally long where the durations are known', () => {
    const durations = new Map(names.map((name, i) => [name, i === 4 ? 100 : 10]));
    const [first, second] = parts(2, durations);
    expect([first, second]).toEqual([['4.ipynb'], expect.any(Array)]);
    expect(second).toHaveLength(10);
  });
});

describe('what is remembered', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'kernelbook-history-'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));
  const env = () => ({ XDG_CACHE_HOME: folder });
  const file = () => join(folder, 'kernelbook', 'runs.json');

  it('comes back, newer runs before older ones, and no more than some thousands', async () => {
    expect(await readHistory(env())).toEqual(new Map());
    await remember(new Map([['/a', past(1, 5)]]), env());
    await remember(new Map([['/a', { seconds: 2, at: 2 }]]), env());
    await remember(new Map([['/b', past(3)]]), env());
    expect(Object.fromEntries(await readHistory(env()))).toEqual({
      '/a': { seconds: 2, at: 2 },
      '/b': past(3),
    });
    await remember(
      new Map(Array.from({ length: 6_000 }, (_, i) => [`/${i}`, { seconds: 1, at: 10 + i }])),
      env(),
    );
    const kept = await readHistory(env());
    expect(kept.size).toBe(5_000);
    expect([kept.has('/a'), kept.has('/999'), kept.has('/1000')]).toEqual([false, false, true]);
  });

  it.each(['', 'no JSON', '[]', '{"runs": 3}', '{"runs": {"/a": {"seconds": "1", "at": -1}}}'])(
    'is nothing when the file is damaged: %s',
    async (content) => {
      await writeFile(file(), content);
      expect(await readHistory(env())).toEqual(new Map());
      await remember(new Map([['/c', past(1)]]), env());
      expect((await readHistory(env())).has('/c')).toBe(true);
    },
  );

  it('is no error when it cannot be written', async () => {
    await remember(new Map([['/a', past(1)]]), { XDG_CACHE_HOME: '/dev/null' });
  });
});

describe('the command line', () => {
  let place: Workplace;
  beforeAll(async () => {
    place = await Workplace.create();
    for (const letter of ['a', 'b', 'c'])
      await place.notebook(`${letter}.ipynb`, 'kernelbook', [`'${letter}'`]);
    await place.notebook('d.ipynb', 'kernelbook', [['let steps: number = 1;', 'parameters']]);
  });
  afterAll(() => place.remove());
  const files = ['a', 'b', 'c', 'd'].map((letter) => `${letter}.ipynb`);

  it('runs every notebook in one of the shards, with results in their order, and remembers them', async () => {
    const env = { XDG_CACHE_HOME: place.path('.cache') };
    // The parameter is that of a notebook of the other shard.
    const first = ['run', ...files, '--shard', '1/2', '-j', 'auto', '-p', 'steps', '2'];
    const one = await place.kernelbook([...first, '--memory-cap', '8GiB', '--results', 'r.json'], undefined, {
      env,
    });
    expect(one.stderr.split('\n').filter((line) => line.startsWith('kernelbook run'))).toEqual([]);
    expect(one.status).toBe(0);
    expect(one.stdout.match(/^[a-d]\.ipynb +\d/gm)!.map((line) => line[0])).toEqual(['a', 'c']);
    const two = await place.kernelbook(['run', ...files, '--shard', '2/2', '-p', 'steps', '2'], undefined, {
      env,
    });
    expect(two.stdout.match(/^[a-d]\.ipynb +\d/gm)!.map((line) => line[0])).toEqual(['b', 'd']);
    const known = JSON.parse(await readFile(place.path('.cache/kernelbook/runs.json'), 'utf8'));
    expect(Object.keys(known.runs).sort()).toEqual(files.map((file) => place.path(file)));
  });

  it.each<[string[], RegExp]>([
    [['--shard', '0/2'], /Give the part and how many there are/],
    [['--shard', '3/2'], /Give the part and how many there are/],
    [['--shard', 'half'], /Give the part and how many there are/],
    [['--memory-cap', '8'], /Give a size with its unit/],
    [['--warm-kernels', '-1'], /Give a whole number, 0 or more/],
    [['--jobs', 'all'], /Give a whole number, 1 or more, or auto/],
    [['--durations', 'r.json'], /--durations is for --shard/],
    [['--shard', '1/2', '--durations', 'none.json'], /none\.json: no such file; --durations needs/],
    [['--shard', '1/2', '--durations', 'a.ipynb'], /a\.ipynb: it has no list of notebooks/],
  ])('refuses %j', async (args, message) => {
    const { status, stderr } = await place.kernelbook(['run', 'a.ipynb', '-o', 'build/bad', ...args]);
    expect(stderr).toMatch(message);
    expect(status).toBe(2);
  });
});
