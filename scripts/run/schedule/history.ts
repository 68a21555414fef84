/**
 * What is remembered of earlier runs on this machine, by the notebook's path: how long it took and how much memory
 * its kernel had. It only decides in which order notebooks run and which at once, so whatever is wrong with the file
 * is ignored, and so is a folder that cannot be written.
 */
import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { isObject } from '../../notebook/format.js';
import { writeFileAtomically } from '../../notebook/write.js';

export interface PastRun {
  seconds: number;
  /** Largest resident size of the kernel in bytes; absent where it was not known. */
  peakMemory?: number;
  /** When it ended, in milliseconds since 1970. */
  at: number;
}

/** By absolute path. */
export type History = Map<string, PastRun>;

/** More than anyone's notebooks; the oldest are forgotten. */
const most = 5_000;

export async function readHistory(env: NodeJS.ProcessEnv = process.env): Promise<History> {
  try {
    const parsed: unknown = JSON.parse(await readFile(historyFile(env), 'utf8'));
    const { runs } = isObject(parsed) ? parsed : {};
    return new Map(Object.entries(isObject(runs) ? runs : {}).filter(isEntry));
  } catch {
    return new Map(); // none yet, or damaged
  }
}

/** Adds runs to what is remembered; other processes may have written meanwhile. */
export async function remember(runs: History, env: NodeJS.ProcessEnv = process.env): Promise<void> {
  if (runs.size === 0) return;
  const all = [...(await readHistory(env)), ...runs].sort(([, a], [, b]) => b.at - a.at);
  const newest = [...new Map(all.reverse())].slice(-most);
  const text = `${JSON.stringify({ format: 'kernelbook history 1', runs: Object.fromEntries(newest) })}\n`;
  await writeFileAtomically(historyFile(env), text, { durable: false }).catch(() => {});
}

function historyFile(env: NodeJS.ProcessEnv): string {
  const usual =
    process.platform === 'darwin' ? join(homedir(), 'Library', 'Caches') : join(homedir(), '.cache');
  return join(env.XDG_CACHE_HOME || usual, 'kernelbook', 'runs.json');
}

function isEntry(entry: [string, unknown]): entry is [string, PastRun] {
  const [, run] = entry;
  if (!isObject(run)) return false;
  const { seconds, peakMemory, at } = run;
  return isCount(seconds) && isCount(at) && (peakMemory === undefined || isCount(peakMemory));
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0;
}
