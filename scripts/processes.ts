/** Which processes run below another one or in a folder, read from /proc. */
import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';

/** False for a zombie too: it runs no more. */
export function processRuns(pid: number): boolean {
  const fields = statFields(pid);
  return fields !== undefined && fields[0] !== 'Z';
}

/** Whether this system tells what runs. */
export function processesAreKnown(): boolean {
  return existsSync('/proc/self/stat');
}

/** All processes below `pid`, found by their parents. @throws Error where there is no /proc */
export function descendants(pid: number): number[] {
  const children = allProcesses().filter((candidate) => Number(statFields(candidate)?.[1]) === pid);
  return children.flatMap((child) => [child, ...descendants(child)]);
}

/** For people who ask what hangs: number, parent, state (R running, S sleeping, D in the system, Z ended), and the command, shortened. */
export function describeProcess(pid: number): string {
  const [state, parent] = statFields(pid) ?? [];
  if (state === undefined) return `process ${pid}, which has ended`;
  let command = '';
  try {
    command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim().slice(0, 200);
  } catch {
    // Not ours to see, or gone.
  }
  return `process ${pid} of ${parent} (${state}): ${command}`;
}

/** Processes that work in a folder or below it, as kernels do. @throws Error where there is no /proc */
export function processesIn(folder: string): number[] {
  return allProcesses().filter((pid) => {
    try {
      return readlinkSync(`/proc/${pid}/cwd`).startsWith(folder) && processRuns(pid);
    } catch {
      return false; // ended while we looked, or not ours to see
    }
  });
}

function allProcesses(): number[] {
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .map(Number);
}

/** State, parent and so on: what follows the name, which may contain anything. */
function statFields(pid: number): string[] | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  } catch {
    return undefined; // it has ended
  }
}
