/** Which processes run below a kernel, read from /proc. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { NotApplicable } from './check.js';

/** False for a zombie too: it runs no more. */
export function processRuns(pid: number): boolean {
  const fields = statFields(pid);
  return fields !== undefined && fields[0] !== 'Z';
}

/** All processes below `pid`, found by their parents. @throws NotApplicable where there is no /proc */
export function descendants(pid: number): number[] {
  if (!existsSync('/proc/self/stat')) throw new NotApplicable('child processes are found by /proc');
  const children = readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .map(Number)
    .filter((candidate) => Number(statFields(candidate)?.[1]) === pid);
  return children.flatMap((child) => [child, ...descendants(child)]);
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
