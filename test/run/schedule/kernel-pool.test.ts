/** Kernels started ahead of their notebooks: which ones, for whom, and that none is left. */
import { setImmediate as turn } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { type KernelSpec, ownKernelSpec } from '../../../kernel/kernelspec.js';
import {
  localKernels,
  type NotebookKernel,
  type StartOptions,
} from '../../../scripts/run/notebook-kernel.js';
import { KernelPool, type KernelSetting } from '../../../scripts/run/schedule/kernel-pool.js';
import { patienceMs } from '../../support/patience.js';
import { textOf, Workplace } from '../helpers.js';

// On a machine with other work, starting kernels takes its time.
const setting = (cwd: string, name = 'k', env: NodeJS.ProcessEnv = {}): KernelSetting => ({
  spec: { name, argv: [name] } as unknown as KernelSpec,
  cwd,
  env,
});

interface FakeKernel {
  name: string;
  cwd: string;
  running: boolean;
  kills: number;
  /** Lets a shutdown that is under way finish. */
  end: () => void;
}

/** A pool whose kernels start when told to. */
function staged({ mostEnding = 1 } = {}) {
  const starts: { cwd: string; name: string; succeed: () => void; fail: (error: Error) => void }[] = [];
  const kernels: FakeKernel[] = [];
  const faults: string[] = [];
  const start = ({ name }: KernelSpec, { cwd, signal }: StartOptions) =>
    new Promise<NotebookKernel>((resolve, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason));
      const succeed = () => {
        let end = () => {};
        const ended = new Promise<void>((done) => {
          end = done;
        });
        const kernel = {
          name,
          cwd,
          running: true,
          kills: 0,
          info: { implementation: 'other' },
          end,
          shutdown: async () => {
            await ended;
            kernel.running = false;
          },
          kill: async () => {
            kernel.kills++;
            kernel.running = false;
          },
        };
        kernels.push(kernel);
        resolve(kernel as unknown as NotebookKernel);
      };
      starts.push({ cwd, name, succeed, fail: reject });
    });
  const pool = new KernelPool({
    start,
    startTimeoutMs: 1_000,
    mostEnding,
    onFault: (line) => faults.push(line),
  });
  return { pool, starts, kernels, faults };
}

const signal = () => new AbortController().signal;

describe('a kernel that was started ahead', () => {
  it('is given to one notebook only, of its kernel, folder and environment', async () => {
    const { pool, starts } = staged();
    pool.expect([setting('/a'), setting('/a'), setting('/b')]);
    pool.expect([setting('/a'), setting('/a'), setting('/b')]);
    expect(starts.map(({ cwd }) => cwd)).toEqual(['/a', '/a', '/b']);
    for (const { succeed } of starts) succeed();
    const first = await pool.take(setting('/a'), signal());
    const second = await pool.take(setting('/a'), signal());
    expect(first).not.toBe(second);
    expect(starts).toHaveLength(3);
    for (const other of [setting('/b', 'l'), setting('/b', 'k', { X: '1' }), setting('/a')]) {
      const taken = pool.take(other, signal());
      await turn();
      starts.at(-1)!.succeed();
      await taken;
    }
    expect(starts).toHaveLength(6);
    expect(((await pool.take(setting('/b'), signal())) as unknown as FakeKernel).cwd).toBe('/b');
    expect(starts).toHaveLength(6);
  });

  it('is waited for where it is not ready yet, and its failure then is that of the notebook', async () => {
    const { pool, starts } = staged();
    pool.expect([setting('/a')]);
    const taken = pool.take(setting('/a'), signal());
    starts[0]!.fail(new Error('no such program'));
    await expect(taken).rejects.toThrow('no such program');
    expect(starts).toHaveLength(1);
  });

  it('is replaced where it failed or died before it was asked for', async () => {
    const { pool, starts, kernels } = staged();
    pool.expect([setting('/a'), setting('/b')]);
    starts[0]!.fail(new Error('a passing fault'));
    starts[1]!.succeed();
    await turn();
    kernels[0]!.running = false;
    for (const cwd of ['/a', '/b']) {
      const taken = pool.take(setting(cwd), signal());
      await turn();
      starts.at(-1)!.succeed();
      expect((await taken).running).toBe(true);
    }
    expect(starts.map(({ cwd }) => cwd)).toEqual(['/a', '/b', '/a', '/b']);
    expect(kernels[0]!.kills).toBe(1);
  });

  it('is given up with the run that waits for it', async () => {
    const { pool } = staged();
    pool.expect([setting('/a'), setting('/b')]);
    const stop = new AbortController();
    const taken = pool.take(setting('/a'), stop.signal);
    stop.abort(new RangeError('stopped'));
    await expect(taken).rejects.toThrow('stopped');
    await expect(pool.take(setting('/b'), stop.signal)).rejects.toThrow('stopped');
  });

  it('ends when no notebook will ask for it, ready or not', async () => {
    const { pool, starts, kernels, faults } = staged();
    pool.expect([setting('/a'), setting('/b')]);
    starts[0]!.succeed();
    pool.expect([setting('/b')]);
    await turn();
    expect(kernels[0]!.running).toBe(false);
    await pool.close();
    expect(faults).toEqual([]);
  });
});

describe('a kernel that is done', () => {
  it('ends while others run, as many as may, and before the run is over', async () => {
    const { pool, starts, kernels } = staged({ mostEnding: 1 });
    pool.expect([setting('/a'), setting('/a')]);
    for (const { succeed } of starts) succeed();
    await pool.retire(await pool.take(setting('/a'), signal()));
    let retired = false;
    const second = pool.retire(await pool.take(setting('/a'), signal())).then(() => {
      retired = true;
    });
    await turn();
    expect(retired).toBe(false);
    kernels[0]!.end();
    await second;
    let closed = false;
    const closing = pool.close().then(() => {
      closed = true;
    });
    await turn();
    expect(closed).toBe(false);
    kernels[1]!.end();
    await closing;
    expect(kernels.map(({ running }) => running)).toEqual([false, false]);
  });

  it('and cannot be ended is told', async () => {
    const { pool, starts, faults } = staged();
    pool.expect([setting('/a')]);
    starts[0]!.succeed();
    const kernel = await pool.take(setting('/a'), signal());
    kernel.shutdown = async () => {
      throw new Error('the server is gone');
    };
    await pool.retire(kernel);
    await pool.close();
    expect(faults).toEqual(['a kernel k could not be ended: the server is gone']);
  });
});

it('that was killed before it was asked for is replaced', async () => {
  const started: NotebookKernel[] = [];
  const pool = new KernelPool({
    start: async (...options) => {
      const kernel = await localKernels.start(...options);
      started.push(kernel);
      return kernel;
    },
    startTimeoutMs: 120_000,
    mostEnding: 0,
    onFault: (line) => expect.fail(line),
  });
  const own = { spec: ownKernelSpec(), cwd: process.cwd(), env: process.env };
  pool.expect([own]);
  await vi.waitFor(() => expect(started).toHaveLength(1), patienceMs);
  process.kill(started[0]!.pid!, 'SIGKILL');
  await vi.waitFor(() => expect(started[0]!.running).toBe(false), patienceMs);
  const kernel = await pool.take(own, signal());
  expect(kernel).not.toBe(started[0]);
  expect(kernel.running).toBe(true);
  await pool.retire(kernel);
  await pool.close();
  expect(kernel.running).toBe(false);
});

describe('the command line', () => {
  let place: Workplace;
  beforeAll(async () => {
    place = await Workplace.create();
  });
  beforeEach(() => vi.waitFor(() => expect(place.leftBehind()).toEqual([]), patienceMs));
  afterAll(() => place.remove());

  const state = [
    "const seen = Reflect.get(globalThis, 'seen') ?? 'nothing'; Reflect.set(globalThis, 'seen', 'something');",
    "console.log(process.cwd().split('/').pop(), 'has seen', seen)",
    'console.log(process.pid)',
  ];

  it('gives each notebook a kernel of its own in its own folder, and leaves none', async () => {
    const files = ['x/a.ipynb', 'x/b.ipynb', 'y/c.ipynb', 'y/d.ipynb'];
    for (const file of files) await place.notebook(file, 'kernelbook', state);
    const { status, stderr } = await place.kernelbook([
      'run',
      'x',
      'y',
      '--jobs',
      '2',
      '--warm-kernels',
      '2',
    ]);
    expect([status, stderr]).toEqual([0, '']);
    const shown = await Promise.all(
      ['a', 'b', 'c', 'd'].map(async (name) =>
        (await place.executed(`${name}.ipynb`)).map(({ outputs }) => textOf(outputs)),
      ),
    );
    expect(shown.map(([, seen]) => seen)).toEqual(
      ['x', 'x', 'y', 'y'].map((cwd) => `${cwd} has seen nothing\n`),
    );
    expect(new Set(shown.map(([, , pid]) => pid)).size).toBe(4);
    expect(place.leftBehind()).toEqual([]);
  });

  it('ends what was started ahead when types are wrong, and runs nothing', async () => {
    await place.notebook('wrong.ipynb', 'kernelbook', ["let n: number = '1';"]);
    const { status } = await place.kernelbook([
      'run',
      'wrong.ipynb',
      'x/a.ipynb',
      '--jobs',
      '2',
      '-o',
      'none',
    ]);
    expect(status).toBe(6);
    expect(place.leftBehind()).toEqual([]);
  });

  it('ends what was started ahead on Ctrl-C', async () => {
    await place.notebook('long.ipynb', 'kernelbook', ["console.log('begun')", 'await new Promise(() => {})']);
    let pid = 0;
    const run = place.kernelbook(['run', 'long.ipynb', 'x/a.ipynb', '--warm-kernels', '2'], (started) => {
      pid = started;
    });
    await vi.waitFor(
      async () => expect(textOf((await place.executed('long.ipynb'))[0]!.outputs)).toBe('begun\n'),
      { timeout: patienceMs, interval: 50 },
    );
    process.kill(pid, 'SIGINT');
    expect((await run).status).toBe(130);
    expect(place.leftBehind()).toEqual([]);
  });
});
