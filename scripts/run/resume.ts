/**
 * `--resume`. A kernel's state cannot be brought back, so nothing continues in the middle of a notebook: one that
 * passed before, from the same cells and parameters, in the same kernel and backend, within the same budgets, is kept as
 * it is and compared with its golden outputs again; every other one, also one that failed, was cut off or has skipped
 * cells, is run again from its start. Secret parameters, and files that a notebook imports or reads, are not looked at.
 */
import { createHash } from 'node:crypto';
import type { KernelSpec } from '../../kernel/kernelspec.js';
import { isObject, type Notebook } from '../notebook/format.js';
import { readNotebook } from '../notebook/read.js';
import type { Budgets } from '../regression/settings.js';
import { type NotebookJob, type NotebookResult, resultOf } from './execute-notebook.js';

/**
 * What a run is of.
 * @param notebook as it is written by its author, with the parameters of this run (secret ones left out)
 */
export function runKey(
  notebook: Notebook,
  spec: KernelSpec,
  env: NodeJS.ProcessEnv,
  budgets: Budgets,
): string {
  const cells = notebook.cells.map(({ cell_type, source, metadata }) => [cell_type, source, metadata]);
  const kernel = [spec.name, spec.language, spec.argv, Object.entries(spec.env)];
  const own = [notebook.metadata.kernelspec?.name, notebook.metadata.kernelbook];
  const parts = [cells, own, kernel, env.KERNELBOOK_BACKEND ?? null, budgets];
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex');
}

/** Marks an executed notebook as one that need not be run again as long as its key is the same. */
export function recordPassed(notebook: Notebook, key: string): void {
  const { kernelbook } = notebook.metadata;
  notebook.metadata.kernelbook = { ...(isObject(kernelbook) ? kernelbook : {}), passed: key };
}

/** What ran to its end turned out not to be what it should be. */
export function forgetPassed(notebook: Notebook): void {
  const { kernelbook } = notebook.metadata;
  if (isObject(kernelbook)) delete kernelbook.passed;
}

/** The result of an earlier run that can stand for this one; undefined: the notebook is to be run. */
export async function keptResult(job: NotebookJob): Promise<NotebookResult | undefined> {
  const executed = await readNotebook(job.output).catch(() => undefined); // none, or one that was cut off
  const record = executed?.metadata.kernelbook;
  if (!executed || !isObject(record) || record.passed !== job.key) return undefined;
  return { ...resultOf(job, executed), kept: true };
}
