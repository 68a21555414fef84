/**
 * What `kernelbook run` decides before any kernel starts: which notebooks and cells this machine cannot run, and whether
 * the others have type errors across their cells. With a single type error nothing runs: a build that is to be mended
 * should be told everything at once, and soon.
 */
import type { KernelSpec } from '../../kernel/kernelspec.js';
import { isObject, type Notebook } from '../notebook/format.js';
import { checkAll } from './check-all.js';
import type { Engines } from './engines.js';
import type { CheckedNotebook } from './finding.js';
import { isOwnKernel, settingOf } from './own-kernel.js';
import type { MachineProbe } from './probe-machine.js';
import { cellRequirements, notebookRequirements } from './requirements.js';

/** The part of a notebook's job that matters before it runs. */
export interface JobToCheck {
  name: string;
  /** The notebook's file. */
  path: string;
  notebook: Notebook;
  spec: KernelSpec;
  cwd: string;
  env: NodeJS.ProcessEnv;
  skips: Skips;
}

/** What of a notebook does not run on this machine, and why. */
export interface Skips {
  notebook: string | undefined;
  /** By id; for cells of a notebook that runs. */
  cells: ReadonlyMap<string, string>;
}

export async function decideSkips(notebook: Notebook, probe: MachineProbe): Promise<Skips> {
  const whole = await probe.unmet(notebookRequirements(notebook));
  const cells = new Map<string, string>();
  if (whole !== undefined) return { notebook: whole, cells };
  for (const cell of notebook.cells) {
    const reason = await probe.unmet(cellRequirements(cell));
    if (reason !== undefined) cells.set(cell.id, reason);
  }
  return { notebook: undefined, cells };
}

/** Writes the reason where a reader of the executed notebook finds it. */
export function markSkipped(holder: { metadata: Record<string, unknown> }, reason: string): void {
  const { kernelbook } = holder.metadata;
  holder.metadata.kernelbook = { ...(isObject(kernelbook) ? kernelbook : {}), skipped: reason };
}

/** Takes out what an earlier run wrote into the notebook that is now its input. */
export function unmarkRun({ metadata, cells }: Notebook): void {
  for (const holder of [{ metadata }, ...cells])
    if (isObject(holder.metadata.kernelbook)) {
      delete holder.metadata.kernelbook.skipped;
      delete holder.metadata.kernelbook.cached;
    }
}

/** Whether the notebook is checked before it runs: notebooks of other kernels are theirs to check. */
export function isChecked({ spec, skips }: JobToCheck): boolean {
  return isOwnKernel(spec) && skips.notebook === undefined;
}

/**
 * @param jobs that are checked
 * @param lanes as many are checked at once
 */
export async function checkJobs(
  jobs: readonly JobToCheck[],
  lanes: readonly Engines[],
  signal: AbortSignal,
): Promise<CheckedNotebook[]> {
  const toCheck = jobs.map(({ name, path, notebook, cwd, env, spec, skips }) => ({
    name,
    path,
    notebook,
    isRun: true,
    ...settingOf(cwd, spec, env),
    skipped: new Map([...skips.cells].map(([id, reason]) => [id, `is skipped here: it ${reason}`])),
  }));
  return await checkAll(toCheck, lanes, signal);
}
