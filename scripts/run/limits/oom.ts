/**
 * Whether a kernel that was killed from outside was killed because memory ran out: the Linux kernel counts what its
 * OOM killer ends, per control group or, where that cannot be read, for the whole machine.
 */
import { readFile } from 'node:fs/promises';
import { formatBytes } from '../bytes.js';

/** How many processes the OOM killer has ended so far; undefined where the system does not tell. */
export async function oomKills(): Promise<number | undefined> {
  for (const file of await counters()) {
    const text = await readFile(file, 'utf8').catch(() => '');
    const count = /^oom_kill (\d+)$/m.exec(text)?.[1];
    if (count !== undefined) return Number(count);
  }
  return undefined;
}

/** The group this process and its kernels are in, then the machine. */
async function counters(): Promise<string[]> {
  const groups = await readFile('/proc/self/cgroup', 'utf8').catch(() => '');
  const unified = /^0::(.+)$/m.exec(groups)?.[1];
  const memory = /^\d+:memory:(.+)$/m.exec(groups)?.[1];
  return [
    ...(memory ? [`/sys/fs/cgroup/memory${memory}/memory.oom_control`] : []),
    ...(unified ? [`/sys/fs/cgroup${unified}/memory.events`] : []),
    '/proc/vmstat',
  ];
}

/** What can be said of a SIGKILL that we did not send, to go behind the signal's name. */
export function describeKill(
  before: number | undefined,
  after: number | undefined,
  peak: number | undefined,
): string {
  const used = peak === undefined ? '' : `; it had used up to ${formatBytes(peak)}`;
  if (before !== undefined && after !== undefined && after > before)
    return `: memory ran out, and the system's OOM killer ended it${used}`;
  if (before === undefined) return `, from outside; systems do that when memory runs out${used}`;
  return `, from outside, not by the system's OOM killer${used}`;
}
