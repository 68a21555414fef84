/** When the file of a running notebook is written, and what a write that fails does. */
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { Notebook } from '../../scripts/notebook/format.js';
import { removeAbandoned } from '../../scripts/notebook/write.js';
import type { SaveFailure } from '../../scripts/run/limits/stop-reasons.js';
import { NotebookSaver } from '../../scripts/run/saver.js';

const notebook: Notebook = { nbformat: 4, nbformat_minor: 5, metadata: {}, cells: [] };
const diskFull = () => Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });

afterEach(() => {
  vi.useRealTimers();
});

/** A saver whose disk does what the test says. */
async function start(write: () => Promise<void>) {
  const writes: boolean[] = [];
  const failures: SaveFailure[] = [];
  const saver = new NotebookSaver(
    'out/a.ipynb',
    notebook,
    (failure) => failures.push(failure),
    async (_path, _notebook, { durable }) => {
      writes.push(durable === true);
      await write();
    },
  );
  await saver.open();
  return { saver, writes, failures };
}

/** Lets false time pass until the promise is settled; it may wait for the real disk too. */
async function elapse<T>(promise: Promise<T>): Promise<T> {
  let settled = false;
  const settle = () => {
    settled = true;
  };
  promise.then(settle, settle);
  while (!settled) {
    await vi.advanceTimersByTimeAsync(100);
    await new Promise((resolve) => realImmediate(resolve));
  }
  return promise;
}
const realImmediate = setImmediate;

describe('the saver', () => {
  it('writes before the first cell and after each, and waits for the disk at the end only', async () => {
    const { saver, writes } = await start(async () => {});
    await saver.cellEnded(1);
    await saver.cellEnded(2);
    await saver.close();
    expect(writes).toEqual([false, false, false, true]);
  });

  it('writes within a long cell, when something has changed', async () => {
    vi.useFakeTimers();
    const { saver, writes } = await start(async () => {});
    await vi.advanceTimersByTimeAsync(10_000);
    expect(writes).toHaveLength(1);
    saver.changed();
    await vi.advanceTimersByTimeAsync(10_000);
    expect(writes).toHaveLength(2);
    await saver.close();
    saver.changed();
    await vi.advanceTimersByTimeAsync(10_000);
    expect(writes).toHaveLength(3);
  });

  it('does not let slow writes hold up the cells', async () => {
    vi.useFakeTimers();
    const slow = () => new Promise<void>((resolve) => setTimeout(resolve, 400));
    const { saver, writes } = await elapse(start(slow));
    for (let cell = 1; cell <= 5; cell++) await saver.cellEnded(cell);
    expect(writes).toHaveLength(1);
    // After ten times as long it is written again, from the timer.
    await vi.advanceTimersByTimeAsync(6_500);
    expect(writes).toHaveLength(2);
    await elapse(saver.close());
    expect(writes).toEqual([false, false, true]);
  });

  it('tells of the first failure once, and what the file holds', async () => {
    let full = false;
    const { saver, failures } = await start(async () => {
      if (full) throw diskFull();
    });
    await saver.cellEnded(1);
    await saver.cellEnded(2);
    full = true;
    await saver.cellEnded(3);
    await saver.close();
    expect(failures).toEqual([saver.failure]);
    expect(saver.saved).toBe(false);
    expect(saver.failure?.describe()).toEqual({
      verdict: 'not saved',
      ename: 'NotSavedError',
      evalue:
        'out/a.ipynb could not be written: the disk is full (ENOSPC); the file holds the run up to cell 2',
    });
  });

  it('tries again at the end, when the disk may have room', async () => {
    let full = false;
    const { saver } = await start(async () => {
      if (full) throw diskFull();
    });
    full = true;
    await saver.cellEnded(1);
    full = false;
    await saver.close();
    expect(saver.saved).toBe(true);
    expect(saver.failure?.describe().evalue).toContain('the file holds the run up to cell 1');
  });

  it('says that there is no file where not even the first write worked', async () => {
    const { saver } = await start(async () => {
      throw diskFull();
    });
    await saver.close();
    expect(saver.failure?.describe().evalue).toContain('there is no file of this run');
  });
});

describe('temporary files of writers that were killed', () => {
  it('are removed, those of others are not', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'kernelbook-saver-'));
    try {
      // No process has a number beyond the limit of the system.
      const abandoned = '.a.ipynb.999999999-0123456789ab.tmp';
      const kept = [
        `.a.ipynb.${process.pid}-0123456789ab.tmp`,
        '.b.ipynb.999999999-0123456789ab.tmp',
        'a.ipynb',
      ];
      for (const file of [abandoned, ...kept]) await writeFile(join(folder, file), '');
      await removeAbandoned(join(folder, 'a.ipynb'));
      expect((await readdir(folder)).sort()).toEqual(kept.sort());
      await removeAbandoned(join(folder, 'absent', 'a.ipynb'));
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
