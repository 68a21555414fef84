/**
 * Runs one notebook from top to bottom in a kernel of its own, over the Jupyter protocol. The output file is
 * saved after every cell; a failing cell ends the run and what was shown so far is kept.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { KernelSpec } from '../../kernel/kernelspec.js';
import { KernelDiedError } from '../../kernel/protocol/client.js';
import {
  type ExecuteReply,
  isOutput,
  type OutputMessage,
  parentId,
  type RawMessage,
} from '../../kernel/protocol/messages.js';
import { notebookDevices } from '../notebook/devices.js';
import { type Cell, type CodeCell, hasTag, type Notebook } from '../notebook/format.js';
import { notebookVerifications, type VerificationRecord } from '../notebook/verifications.js';
import { writeNotebook } from '../notebook/write.js';
import { startLimit, TimeLimit } from './limits.js';
import type { NotebookKernel, StartKernel } from './notebook-kernel.js';
import { OutputCollector } from './outputs.js';
import { cellEnded, cellStarted, notebookEnded } from './papermill.js';
import { peakMemory } from './peak-memory.js';
import { type Verdict, verdictOfError } from './verdict.js';

export interface Failure {
  verdict: Exclude<Verdict, 'passed' | 'skipped'>;
  /** Absent where no cell was running: the kernel did not start. */
  cell?: { number: number; id: string; executionCount: number | null };
  ename: string;
  evalue: string;
}

export interface NotebookResult {
  name: string;
  output: string;
  verdict: Verdict;
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
}

export interface NotebookJob {
  name: string;
  /** Prepared by `prepareNotebook`; changed while it runs. */
  notebook: Notebook;
  output: string;
  spec: KernelSpec;
  start: StartKernel;
  /** The kernel's working folder: where the notebook lies. */
  cwd: string;
  env: NodeJS.ProcessEnv;
  /** Per cell; undefined for no limit. */
  timeoutMs: number | undefined;
  signal: AbortSignal;
  onCell: (done: number, total: number) => void;
}

/** Never throws for what the notebook or its kernel does; that is in the result. */
export async function executeNotebook(job: NotebookJob): Promise<NotebookResult> {
  const started = performance.now();
  const state: RunState = { ran: 0, peak: undefined };
  let failure: Failure | undefined;
  try {
    await writeNotebook(job.output, job.notebook);
    failure = await runInKernel(job, state);
  } finally {
    notebookEnded(job.notebook, failure !== undefined);
    await writeNotebook(job.output, job.notebook);
  }
  return {
    name: job.name,
    output: job.output,
    verdict: failure?.verdict ?? 'passed',
    failure,
    ran: state.ran,
    cells: codeCells(job.notebook).length,
    verifications: notebookVerifications(job.notebook),
    devices: notebookDevices(job.notebook),
    seconds: (performance.now() - started) / 1000,
    peakMemory: state.peak,
  };
}

interface RunState {
  ran: number;
  peak: number | undefined;
}

async function runInKernel(job: NotebookJob, state: RunState): Promise<Failure | undefined> {
  if (job.signal.aborted) return interruptedBeforeStart;
  let kernel: NotebookKernel;
  try {
    kernel = await job.start(job.spec, { cwd: job.cwd, env: job.env, signal: job.signal });
  } catch (error) {
    if (job.signal.aborted) return interruptedBeforeStart;
    return { verdict: 'dead kernel', ename: nameOf(error), evalue: messageOf(error) };
  }
  try {
    stampKernel(job.notebook, job.spec, kernel);
    await warmUp(kernel, job.signal);
    return await runCells(job, kernel, state);
  } finally {
    if (job.signal.aborted) await kernel.kill();
    else await kernel.shutdown();
  }
}

const warmUpLimitMs = 30_000;

/**
 * A kernel may answer before it can run code; ours starts its checker meanwhile. That time is no cell's, neither in
 * the record nor against the timeout, so we wait until it completes the empty text. One that cannot is not held up.
 */
async function warmUp(kernel: NotebookKernel, signal: AbortSignal): Promise<void> {
  const limit = sleep(warmUpLimitMs, undefined, { signal, ref: false });
  await Promise.race([kernel.complete(''), limit]).catch(() => {});
}

const interruptedBeforeStart: Failure = {
  verdict: 'interrupted',
  ename: 'Interrupted',
  evalue: 'the run was interrupted before this notebook started',
};

/** How long an interrupted cell may take to end before its kernel is killed. */
const graceMs = 5_000;

async function runCells(
  job: NotebookJob,
  kernel: NotebookKernel,
  state: RunState,
): Promise<Failure | undefined> {
  const { notebook } = job;
  const total = codeCells(notebook).length;
  const outputs = collectOutputs(kernel);
  job.onCell(0, total);
  for (const [index, cell] of notebook.cells.entries()) {
    cellStarted(cell);
    let failure: Failure | undefined;
    if (cell.cell_type === 'code') {
      outputs.current = cell;
      failure = await runCell(job, kernel, cell, index + 1);
      state.ran++;
      state.peak = (await peakMemory(kernel.pid)) ?? state.peak;
    }
    cellEnded(cell, failure !== undefined);
    await writeNotebook(job.output, notebook);
    job.onCell(state.ran, total);
    if (failure) return failure;
  }
  return undefined;
}

/**
 * Sends every output to the cell whose request caused it, also when it comes late, from a timer of an earlier
 * cell. One request runs at a time, so an unknown parent is that of the current cell.
 */
function collectOutputs(kernel: NotebookKernel): { current: CodeCell | undefined } {
  const state: { current: CodeCell | undefined } = { current: undefined };
  const collector = new OutputCollector();
  const owners = new Map<string, CodeCell>();
  kernel.onMessage((message: RawMessage) => {
    const parent = parentId(message);
    if (parent === undefined || (message.parent as { msg_type?: string }).msg_type !== 'execute_request')
      return;
    const owner = owners.get(parent) ?? state.current;
    if (!owner) return;
    owners.set(parent, owner);
    if (isOutput(message)) collector.receive(owner, message as OutputMessage);
  });
  return state;
}

async function runCell(
  job: NotebookJob,
  kernel: NotebookKernel,
  cell: CodeCell,
  number: number,
): Promise<Failure | undefined> {
  if (cell.source.trim() === '') return undefined;
  const place = () => ({ cell: { number, id: cell.id, executionCount: cell.execution_count } });
  const limit = startLimit(job.timeoutMs === undefined ? undefined : new TimeLimit('cell', job.timeoutMs));
  const signal = AbortSignal.any([job.signal, limit.signal]);
  let reply: ExecuteReply;
  try {
    reply = await kernel.execute(cell.source, { signal, graceMs });
  } catch (error) {
    const broken = { ...brokenRun(kernel, error, signal), ...place() };
    const { ename, evalue } = broken;
    cell.outputs.push({ output_type: 'error', ename, evalue, traceback: [`${ename}: ${evalue}`] });
    return broken;
  } finally {
    limit.release();
  }
  if (reply.status !== 'aborted') cell.execution_count = reply.execution_count;
  const mustFail = hasTag(cell, 'raises-exception');
  if (reply.status === 'error' && !mustFail) {
    const { ename, evalue } = reply;
    return { verdict: verdictOfError(ename), ename, evalue, ...place() };
  }
  if (reply.status === 'ok' && mustFail) {
    const evalue = 'the cell is tagged "raises-exception", but it raised no error';
    return { verdict: 'assertion', ename: 'MissingError', evalue, ...place() };
  }
  if (reply.status === 'aborted') {
    return { verdict: 'error', ename: 'Aborted', evalue: 'the kernel refused to run the cell', ...place() };
  }
  return undefined;
}

function brokenRun(kernel: NotebookKernel, error: unknown, signal: AbortSignal): Failure {
  if (signal.reason instanceof TimeLimit)
    return { verdict: 'timeout', ...signal.reason.describe(!kernel.running) };
  if (signal.aborted)
    return { verdict: 'interrupted', ename: 'Interrupted', evalue: 'the run was interrupted' };
  if (error instanceof KernelDiedError)
    return { verdict: 'dead kernel', ename: error.name, evalue: error.message };
  // It died while no cell was running: sending the next one is what fails then.
  if (!kernel.running) {
    const evalue = `the kernel ${kernel.name} died before this cell`;
    return { verdict: 'dead kernel', ename: KernelDiedError.name, evalue };
  }
  throw error;
}

/** The file says which kernel really ran it, as nbclient's do. */
function stampKernel(notebook: Notebook, spec: KernelSpec, kernel: NotebookKernel): void {
  const { language_info } = kernel.info;
  notebook.metadata.kernelspec = {
    name: spec.name,
    display_name: spec.displayName,
    language: spec.language || language_info.name,
  };
  notebook.metadata.language_info = { ...language_info };
}

function codeCells(notebook: Notebook): Cell[] {
  return notebook.cells.filter((cell) => cell.cell_type === 'code');
}

function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : 'Error';
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
