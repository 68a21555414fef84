/** A kernel that the system's OOM killer really ends, in a control group of its own, and one that V8 gives up. */
import { mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { KernelDiedError } from '../../../kernel/protocol/client.js';
import { patienceMs } from '../../support/patience.js';
import { skipNote } from '../../support/requires.js';
import { textOf, Workplace } from '../helpers.js';

// On a machine with other work, starting kernels takes its time.
const limit = 500 * 2 ** 20;

/** A group below our own whose memory is limited, or why there is none: that needs rights, and a system that has them. */
function limitedGroup(): { folder: string } | { reason: string } {
  try {
    const own = readFileSync('/proc/self/cgroup', 'utf8');
    const first = /^\d+:memory:(.+)$/m.exec(own)?.[1];
    const second = /^0::(.+)$/m.exec(own)?.[1];
    const parent = first ? join('/sys/fs/cgroup/memory', first) : join('/sys/fs/cgroup', second ?? '');
    const folder = join(parent, `kernelbook-${process.pid}`);
    mkdirSync(folder);
    try {
      writeFileSync(join(folder, first ? 'memory.limit_in_bytes' : 'memory.max'), String(limit), {
        flag: 'r+',
      });
    } catch (error) {
      rmdirSync(folder);
      throw error;
    }
    try {
      // Where there is swap, it is no way out.
      writeFileSync(
        join(folder, first ? 'memory.memsw.limit_in_bytes' : 'memory.swap.max'),
        first ? String(limit) : '0',
        { flag: 'r+' },
      );
    } catch {
      // There is none that is counted.
    }
    return { folder };
  } catch (error) {
    return { reason: error instanceof Error ? error.message : String(error) };
  }
}

const group = limitedGroup();
const note = 'reason' in group ? ` ${skipNote('a memory control group', group.reason)}` : '';

describe.skipIf('reason' in group)(`the OOM killer of the system${note}`, () => {
  const folder = 'folder' in group ? group.folder : '';
  let place: Workplace;
  beforeAll(async () => {
    place = await Workplace.create();
  });
  afterAll(async () => {
    await place.remove();
    await vi.waitFor(() => rmdirSync(folder), patienceMs);
  });

  it('is named as what ended the kernel, and the run goes on with the next notebook', async () => {
    await place.notebook('a.ipynb', 'kernelbook', [
      "console.log('kept')",
      `const held: Buffer[] = [];
for (;;) { held.push(Buffer.alloc(30 * 2 ** 20, 1)); await new Promise((resolve) => setTimeout(resolve, 50)); }`,
    ]);
    await place.notebook('b.ipynb', 'kernelbook', ["console.log('next')"]);
    const { status, stdout, stderr } = await place.kernelbook(
      ['run', 'a.ipynb', 'b.ipynb', '--no-check'],
      undefined,
      // The program that prepares the engine's start outlives the run, by design.
      {
        env: { KERNELBOOK_NO_SNAPSHOT: '1' },
        prefix: ['sh', '-c', `echo $$ > '${folder}/cgroup.procs' && exec "$@"`, 'sh'],
      },
    );
    expect(stderr).toMatch(
      /cell 2 \(In \[2\]\) "cell-2": KernelDiedError: the kernel kernelbook died \(signal SIGKILL: memory ran out, and the system's OOM killer ended it; it had used up to [\d.]+ MiB\)/,
    );
    expect(status).toBe(5);
    expect(stdout).toMatch(/^b\.ipynb .* passed$/m);
    const [first] = await place.executed('a.ipynb');
    expect(textOf(first!.outputs)).toBe('kept\n');
    expect(place.leftBehind()).toEqual([]);
  });
});

describe('V8, when its heap is full', () => {
  let place: Workplace;
  beforeAll(async () => {
    place = await Workplace.create();
  });
  afterAll(() => place.remove());

  it('is named as what ended the kernel, without its machine addresses', async () => {
    await place.notebook('heap.ipynb', 'kernelbook', [
      'const held: number[][] = [];\nfor (;;) held.push(Array.from({ length: 100_000 }, Math.random));',
    ]);
    const { status, stderr } = await place.kernelbook(['run', 'heap.ipynb', '--no-check'], undefined, {
      env: { NODE_OPTIONS: '--max-old-space-size=100' },
    });
    expect(stderr).toMatch(
      /KernelDiedError: the kernel kernelbook died \(signal SIGABRT\): .*heap out of memory; NODE_OPTIONS=--max-old-space-size=8192 lets/,
    );
    expect(stderr).not.toContain('0x');
    expect(status).toBe(5);
  });

  it('is not taken for the end of others', () => {
    const message = (log: string) => new KernelDiedError('x', { code: 3, signal: null, log }).message;
    expect(message('a\nb\n')).toBe('the kernel x died (exit code 3):\na\nb');
    expect(message('before\nFATAL ERROR: v8::Other\n 1: 0xb76db1 node')).toBe(
      'the kernel x died (exit code 3): v8::Other',
    );
  });
});
