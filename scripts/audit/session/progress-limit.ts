/**
 * Ends a cell that goes on for ever, without a clock that a busy machine could lengthen: what counts is the processor
 * time its kernel has used, and a kernel that uses none for long has stopped.
 */
import { readFile } from 'node:fs/promises';
import { descendants } from '../../processes.js';
import { StopReason } from '../../run/limits/stop-reasons.js';

const everyMs = 250;
/** Ticks of /proc; the kernel's interface always counts a hundred in a second. */
const ticksPerSecond = 100;
/** A kernel that used less than this share of a core all the while has stopped. */
const idleShare = 0.01;
const idleSeconds = 60;

export class NoEnd extends StopReason {
  constructor(readonly what: string) {
    super();
  }

  describe() {
    return { verdict: 'timeout' as const, ename: 'NoEnd', evalue: this.what };
  }
}

/**
 * Watches a kernel while a cell runs. Returns what ends the watch.
 * @param seconds of processor time that the cell may use
 * @param onEnd called once at most
 */
export function limitProgress(
  pid: number | undefined,
  seconds: number,
  onEnd: (reason: NoEnd) => void,
): () => void {
  if (pid === undefined) return () => {};
  let first: number | undefined;
  let last = { used: 0, at: performance.now() };
  const timer = setInterval(async () => {
    const total = await processorSeconds(pid);
    if (total === undefined) return;
    first ??= total;
    const used = total - first;
    const now = performance.now();
    if (used > seconds) end(new NoEnd(`it used ${Math.round(used)} s of processor time`));
    else if (now - last.at > idleSeconds * 1000) {
      if (used - last.used < idleShare * idleSeconds) end(new NoEnd(`it did nothing for ${idleSeconds} s`));
      last = { used, at: now };
    }
  }, everyMs);
  const end = (reason: NoEnd) => {
    clearInterval(timer);
    onEnd(reason);
  };
  return () => clearInterval(timer);
}

/** Of a process and those below it; undefined where the system does not tell. */
async function processorSeconds(pid: number): Promise<number | undefined> {
  try {
    const used = await Promise.all([pid, ...descendants(pid)].map(ticksOf));
    return used.reduce((sum, one) => sum + one, 0) / ticksPerSecond;
  } catch {
    return undefined;
  }
}

async function ticksOf(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return Number(fields[11] ?? 0) + Number(fields[12] ?? 0);
}
