/** Peak resident memory of a process, where the system keeps it (Linux). */
import { readFile } from 'node:fs/promises';

/** Bytes; undefined where /proc is absent or the process has ended. */
export async function peakMemory(pid: number | undefined): Promise<number | undefined> {
  try {
    const status = await readFile(`/proc/${pid}/status`, 'utf8');
    const kibibytes = /^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1];
    return kibibytes === undefined ? undefined : Number(kibibytes) * 1024;
  } catch {
    return undefined;
  }
}
