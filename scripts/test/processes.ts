/** The processes below one, as Linux tells them; elsewhere none are known. */
import { readdirSync, readFileSync } from 'node:fs';

export interface RunningProcess {
  pid: number;
  parent: number;
  /** R running, S sleeping, D in the kernel, Z ended but not waited for. */
  state: string;
  /** Its command line, shortened. */
  command: string;
}

/** Every process that `root` started, and those that they started, parents before children. */
export function processesBelow(root: number): RunningProcess[] {
  const all = allProcesses();
  const below = (pid: number): RunningProcess[] =>
    all.filter(({ parent }) => parent === pid).flatMap((child) => [child, ...below(child.pid)]);
  return below(root);
}

function allProcesses(): RunningProcess[] {
  let names: string[];
  try {
    names = readdirSync('/proc');
  } catch {
    return [];
  }
  return names.filter((name) => /^\d+$/.test(name)).flatMap((name) => readProcess(Number(name)) ?? []);
}

function readProcess(pid: number): RunningProcess | undefined {
  try {
    // "pid (name) state parent …"; the name may hold anything, brackets too.
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const [state, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
    return { pid, parent: Number(parent), state: state!, command: command.slice(0, 200) };
  } catch {
    return undefined;
  }
}
