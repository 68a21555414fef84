/** What is run (a job), and what came of it (a result, with the failure where there is one). */
import type { KernelSpec } from '../../kernel/kernelspec.js';
import type { Skips } from '../check/before-run.js';
import { notebookDevices } from '../notebook/devices.js';
import type { Cell, Notebook } from '../notebook/format.js';
import { notebookVerifications, type VerificationRecord } from '../notebook/verifications.js';
import type { Regression } from '../regression/outcome.js';
import type { RunLimits } from './limits/limits.js';
import type { Secrets } from './parameters/secrets.js';
import type { KernelPool } from './schedule/kernel-pool.js';
import type { Verdict } from './verdict.js';

export interface Failure {
  verdict: Exclude<Verdict, 'passed' | 'skipped'>;
  /** Absent where no cell was running: the kernel did not start. */
  cell?: { number: number; id: string; executionCount: number | null };
  /** Of the cell's source, from 1, where it is known without a traceback. */
  line?: number;
  ename: string;
  evalue: string;
}

export interface NotebookResult {
  name: string;
  output: string;
  verdict: Verdict;
  /** Why nothing ran, where the verdict is `skipped`. */
  skipped?: string;
  /** Cells that were left out in a notebook that ran, and why. */
  skippedCells?: { number: number; id: string; reason: string }[];
  failure: Failure | undefined;
  /** Code cells that ran, and how many there are. */
  ran: number;
  cells: number;
  verifications: VerificationRecord[];
  /** Backends and devices its outputs name. */
  devices: string[];
  seconds: number;
  /** Largest resident size of the kernel process in bytes; undefined where the system does not tell. */
  peakMemory: number | undefined;
  /** The same when each code cell had ended, by cell id. */
  cellPeaks?: ReadonlyMap<string, number>;
  /** What the run was compared with and measured by. */
  regression?: Regression;
  /** It was not run: it had passed before, and nothing has changed. */
  kept?: true;
  /** That run, where it was kept in the user's cache folder; its end in ISO 8601. */
  cached?: { at: string; seconds: number; peakMemory: number | undefined };
  /** It passed, but the next run cannot go by that, for this reason. */
  uncached?: string;
}

export interface NotebookJob {
  name: string;
  /** The notebook's file. */
  path: string;
  /** What this machine cannot run. */
  skips: Skips;
  /** Prepared by `prepareNotebook`; changed while it runs. */
  notebook: Notebook;
  /** What the kernel gets and the file does not. */
  secrets: Secrets;
  /** Tells whether an earlier run was of the same; see `resume.ts`. */
  key: string;
  output: string;
  spec: KernelSpec;
  kernels: KernelPool;
  /** The kernel's working folder: where the notebook lies. */
  cwd: string;
  env: NodeJS.ProcessEnv;
  /** Where its kernel finds what the check before the run said of its cells; undefined: the kernel checks for itself. */
  checkedCells: string | undefined;
  /** Where its kernel writes down what the notebook reaches; undefined: nobody wants to know. */
  observed: string | undefined;
  limits: RunLimits;
  signal: AbortSignal;
  onCell: (done: number, total: number) => void;
}

/** What an executed notebook says of itself, as the result of one that passed. */
export function resultOf(job: NotebookJob, executed: Notebook): NotebookResult {
  return {
    ...unstarted(job),
    verdict: 'passed',
    ran: codeCells(executed).length,
    cells: codeCells(executed).length,
    verifications: notebookVerifications(executed),
    devices: notebookDevices(executed),
  };
}

/** The result of a notebook of which nothing has run. */
export function unstarted(job: NotebookJob): Omit<NotebookResult, 'verdict'> {
  return {
    name: job.name,
    output: job.output,
    failure: undefined,
    ran: 0,
    cells: codeCells(job.notebook).length,
    verifications: [],
    devices: [],
    seconds: 0,
    peakMemory: undefined,
  };
}

export function codeCells(notebook: Notebook): Cell[] {
  return notebook.cells.filter((cell) => cell.cell_type === 'code');
}
