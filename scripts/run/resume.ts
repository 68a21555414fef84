/**
 * `--resume`. A kernel's state cannot be brought back, so nothing continues in the middle of a notebook: one that
 * passed before, from the same cells, parameters and imported files, in the same kernel and backend, within the same
 * budgets, is kept as it is and compared with its golden outputs again; every other one, also one that failed, was cut
 * off or has skipped cells, is run again from its start. Secret parameters, files that a notebook reads, and what the
 * notebooks of other kernels import, are not looked at.
 */
import type { KernelSpec } from '../../kernel/kernelspec.js';
import { isOwnKernel } from '../check/own-kernel.js';
import { isObject, type Notebook } from '../notebook/format.js';
import { readNotebook } from '../notebook/read.js';
import type { Budgets } from '../regression/settings.js';
import { contentOf, dependenciesOfNotebook } from '../result-cache/content.js';
import { FileHashes, sha256 } from '../result-cache/file-hashes.js';
import { type NotebookJob, type NotebookResult, resultOf } from './result.js';

/**
 * What a run is of.
 * @param notebook as it is written by its author, with the parameters of this run (secret ones left out)
 * @param folder where it runs; undefined where that is not on this machine
 */
export function runKey(
  notebook: Notebook,
  spec: KernelSpec,
  env: NodeJS.ProcessEnv,
  budgets: Budgets,
  folder: string | undefined,
): string {
  const kernel = [spec.name, spec.language, spec.argv, Object.entries(spec.env)];
  const hashes = new FileHashes();
  const imports =
    folder !== undefined && isOwnKernel(spec) ? dependenciesOfNotebook(notebook, folder) : undefined;
  const files = [...(imports?.files ?? [])].sort().map((file) => [file, hashes.file(file)]);
  const parts = [contentOf(notebook), files, kernel, env.KERNELBOOK_BACKEND ?? null, budgets];
  return sha256(JSON.stringify(parts));
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
