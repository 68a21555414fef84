/** Checks many notebooks, those of one folder and dialect after each other. */
import { checkNotebook, type NotebookToCheck } from './check-notebook.js';
import type { Engines, Setting } from './engines.js';
import type { CheckedNotebook } from './finding.js';

export type CheckJob = NotebookToCheck & Setting;

/**
 * In the order of `jobs`; ends early, with those checked so far, when the signal comes.
 * @param lanes as many notebooks are checked at once
 */
export async function checkAll(
  jobs: readonly CheckJob[],
  lanes: readonly Engines[],
  signal?: AbortSignal,
): Promise<CheckedNotebook[]> {
  const results: CheckedNotebook[] = [];
  const places = new Map<string, number[]>();
  for (const [index, { cwd, dialect }] of jobs.entries()) {
    const key = JSON.stringify([cwd, dialect]);
    places.set(key, [...(places.get(key) ?? []), index]);
  }
  const waiting = [...places.values()].flat();
  const work = async (engines: Engines) => {
    while (waiting.length > 0 && !signal?.aborted) {
      const index = waiting.shift()!;
      results[index] = await checkOnce(jobs[index]!, engines);
    }
  };
  await Promise.all(lanes.map(work));
  return results.filter((result) => result !== undefined);
}

/** An engine whose process ended is replaced by a new one, which must begin with the first cell. */
async function checkOnce(job: CheckJob, engines: Engines): Promise<CheckedNotebook> {
  const engine = await engines.fresh(job);
  try {
    return await checkNotebook(engine, job);
  } catch (error) {
    if (!isEngineDeath(error)) throw error;
    return await checkNotebook(await engines.fresh(job), job);
  }
}

function isEngineDeath(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith('language engine: its process ended');
}
