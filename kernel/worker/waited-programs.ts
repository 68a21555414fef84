/**
 * Ends the programs that the user thread waits for in `execSync` and its like: the interrupt goes to them as a terminal's
 * Ctrl-C would, and where they do not mind it, harder words follow. The thread then goes on and can be stopped.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { log } from '../log.js';

const words = ['SIGINT', 'SIGTERM', 'SIGKILL'] as const;
const patienceMs = 500;
const lookMs = 20;

/**
 * @param isWaiting whether the thread still waits for the same programs
 * @param spared children of this process that are not what it waits for
 */
export async function endWaitedPrograms(
  isWaiting: () => boolean,
  spared: ReadonlySet<number>,
): Promise<void> {
  for (const word of words) {
    if (!isWaiting()) return;
    for (const pid of below(process.pid, parents(), spared)) send(pid, word);
    for (const until = Date.now() + patienceMs; Date.now() < until && isWaiting(); ) await sleep(lookMs);
  }
}

function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It has ended, or is not ours to end.
  }
}

function below(pid: number, parents: ReadonlyMap<number, number>, spared: ReadonlySet<number>): number[] {
  const children = [...parents].flatMap(([child, parent]) =>
    parent === pid && !spared.has(child) ? [child] : [],
  );
  return children.flatMap((child) => [child, ...below(child, parents, spared)]);
}

/** Every process with the one it is a child of. */
function parents(): Map<number, number> {
  try {
    return existsSync('/proc/self/stat') ? parentsInProc() : parentsByPs();
  } catch (error) {
    log(`interrupt: the programs that the cell waits for cannot be found: ${(error as Error).message}`);
    return new Map();
  }
}

function parentsInProc(): Map<number, number> {
  const found = new Map<number, number>();
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    try {
      const stat = readFileSync(`/proc/${entry}/stat`, 'utf8');
      // What follows the name, which may contain anything: the state, and the parent.
      found.set(Number(entry), Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]));
    } catch {
      // It has ended.
    }
  }
  return found;
}

function parentsByPs(): Map<number, number> {
  const lines = execFileSync('ps', ['-A', '-o', 'pid=,ppid='], { encoding: 'utf8' }).trim().split('\n');
  return new Map(lines.map((line) => line.trim().split(/\s+/).map(Number) as [number, number]));
}
