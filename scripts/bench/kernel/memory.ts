/** Resident memory of a process and of every process below it. */
import { readFileSync } from 'node:fs';
import { descendants } from '../../conformance/processes.js';

/**
 * Bytes. What processes share is counted in each of them, as `ps` does.
 * @throws Error where there is no /proc, or the process has ended
 */
export function residentMemory(pid: number): number {
  return [pid, ...descendants(pid)].reduce((sum, one) => sum + (residentOf(one) ?? 0), 0);
}

function residentOf(pid: number): number | undefined {
  try {
    const kibibytes = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    return kibibytes === undefined ? undefined : Number(kibibytes) * 1024;
  } catch {
    return undefined; // it has ended meanwhile
  }
}
