/**
 * The memory of a kernel while it runs: its peak, and a limit that is watched from outside, for any kernel. What
 * the kernel's child processes have counts against the limit.
 */
import { readdir, readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { peakMemory } from '../peak-memory.js';

const intervalMs = 250;

export class MemoryWatch {
  #peak: number | undefined;
  #stopped = false;

  /**
   * @param pid undefined where the kernel runs elsewhere: then nothing is known
   * @param limit in bytes
   * @param onExceeded called once at most, with what was used
   */
  constructor(
    readonly pid: number | undefined,
    readonly limit: number | undefined,
    readonly onExceeded: (used: number) => void,
  ) {
    if (pid !== undefined) void this.#watch(pid);
  }

  /** Largest resident size of the kernel process so far, in bytes; undefined where the system does not tell. */
  get peak(): number | undefined {
    return this.#peak;
  }

  async sample(): Promise<void> {
    this.#peak = (await peakMemory(this.pid)) ?? this.#peak;
  }

  stop(): void {
    this.#stopped = true;
  }

  async #watch(pid: number): Promise<void> {
    while (!this.#stopped) {
      await sleep(intervalMs, undefined, { ref: false });
      await this.sample();
      if (this.limit === undefined) continue;
      const used = await residentMemory(pid);
      if (used <= this.limit || this.#stopped) continue;
      this.stop();
      this.onExceeded(used);
    }
  }
}

/** Bytes of a process and its descendants; 0 where the system does not tell. */
export async function residentMemory(pid: number): Promise<number> {
  try {
    const status = await readFile(`/proc/${pid}/status`, 'utf8');
    const own = Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) * 1024;
    const descendants = await Promise.all((await childrenOf(pid)).map(residentMemory));
    return descendants.reduce((sum, bytes) => sum + bytes, own);
  } catch {
    return 0; // it has ended
  }
}

async function childrenOf(pid: number): Promise<number[]> {
  const threads = await readdir(`/proc/${pid}/task`);
  const lists = await Promise.all(
    threads.map((thread) => readFile(`/proc/${pid}/task/${thread}/children`, 'utf8').catch(() => '')),
  );
  return lists.flatMap((list) => list.split(' ').filter(Boolean).map(Number));
}
