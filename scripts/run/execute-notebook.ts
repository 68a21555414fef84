/**
 * Runs one notebook from top to bottom in a kernel of its own, over the Jupyter protocol. The output file is
 * saved after every cell; a failing cell ends the run and what was shown so far is kept.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { KernelSpec } from '../../kernel/kernelspec.js';
import {
  type KernelClient,
  KernelDiedError,
  KernelTimeoutError,
  launchKernel,
} from '../../kernel/protocol/client.js';
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
import type { Regression } from '../regression/regression.js';
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
  /** What the run was compared with and measured by, where it was. */
  regression?: Regression;
}

export interface NotebookJob {
  name: string;
  /** Prepared by `prepareNotebook`; changed while it runs. */
  notebook: Notebook;
  output: string;
  spec: KernelSpec;
  /** The kernel's working folder: where the notebook lies. */
  cwd: string;
  env: NodeJS.ProcessEnv;
  /** Per cell; undefined for no limit. */
  timeoutMs: number | undefined;
  signal: AbortSignal;
  /** `cell` has ended, and the largest resident size of the kernel was `peak` bytes then. */
  onCell: (done: number, total: number, cell?: Cell, peak?: number) => void;
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
  let client: KernelClient;
  try {
    // What a notebook contains was not typed at a prompt: it is no part of the user's history.
    const env = { KERNELBOOK_HISTORY: 'off', ...job.env };
    client = await launchKernel(job.spec, { cwd: job.cwd, env });
  } catch (error) {
    return { verdict: 'dead kernel', ename: nameOf(error), evalue: messageOf(error) };
  }
  try {
    stampKernel(job.notebook, job.spec, client);
    await warmUp(client, job.signal);
    return await runCells(job, client, state);
  } finally {
    if (job.signal.aborted) await client.kill();
    else await client.shutdown();
  }
}

const warmUpLimitMs = 30_000;

/**
 * A kernel may answer before it can run code; ours starts its checker meanwhile. That time is no cell's, neither in
 * the record nor against the timeout, so we wait until it completes the empty text. One that cannot is not held up.
 */
async function warmUp(client: KernelClient, signal: AbortSignal): Promise<void> {
  const limit = sleep(warmUpLimitMs, undefined, { signal, ref: false });
  await Promise.race([client.complete(''), limit]).catch(() => {});
}

const interruptedBeforeStart: Failure = {
  verdict: 'interrupted',
  ename: 'Interrupted',
  evalue: 'the run was interrupted before this notebook started',
};

async function runCells(
  job: NotebookJob,
  client: KernelClient,
  state: RunState,
): Promise<Failure | undefined> {
  const { notebook } = job;
  const total = codeCells(notebook).length;
  const outputs = collectOutputs(client);
  job.onCell(0, total);
  for (const [index, cell] of notebook.cells.entries()) {
    cellStarted(cell);
    let failure: Failure | undefined;
    if (cell.cell_type === 'code') {
      outputs.current = cell;
      failure = await runCell(job, client, cell, index + 1);
      state.ran++;
      state.peak = (await peakMemory(client.pid)) ?? state.peak;
    }
    cellEnded(cell, failure !== undefined);
    await writeNotebook(job.output, notebook);
    job.onCell(state.ran, total, cell, state.peak);
    if (failure) return failure;
  }
  return undefined;
}

/**
 * Sends every output to the cell whose request caused it, also when it comes late, from a timer of an earlier
 * cell. One request runs at a time, so an unknown parent is that of the current cell.
 */
function collectOutputs(client: KernelClient): { current: CodeCell | undefined } {
  const state: { current: CodeCell | undefined } = { current: undefined };
  const collector = new OutputCollector();
  const owners = new Map<string, CodeCell>();
  client.onMessage((message: RawMessage) => {
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
  client: KernelClient,
  cell: CodeCell,
  number: number,
): Promise<Failure | undefined> {
  if (cell.source.trim() === '') return undefined;
  const place = () => ({ cell: { number, id: cell.id, executionCount: cell.execution_count } });
  let reply: ExecuteReply;
  try {
    reply = await client.execute(cell.source, { timeoutMs: job.timeoutMs, signal: job.signal });
  } catch (error) {
    const broken = { ...brokenRun(client, error, job.signal), ...place() };
    const { ename, evalue } = broken;
    cell.outputs.push({ output_type: 'error', ename, evalue, traceback: [`${ename}: ${evalue}`] });
    return broken;
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

function brokenRun(client: KernelClient, error: unknown, signal: AbortSignal): Failure {
  if (signal.aborted)
    return { verdict: 'interrupted', ename: 'Interrupted', evalue: 'the run was interrupted' };
  const what = { ename: nameOf(error), evalue: messageOf(error) };
  if (error instanceof KernelTimeoutError) return { verdict: 'timeout', ...what };
  if (error instanceof KernelDiedError) return { verdict: 'dead kernel', ...what };
  // It died while no cell was running: sending the next one is what fails then.
  if (!client.process.running) {
    const evalue = `the kernel ${client.spec.name} died before this cell`;
    return { verdict: 'dead kernel', ename: KernelDiedError.name, evalue };
  }
  throw error;
}

/** The file says which kernel really ran it, as nbclient's do. */
function stampKernel(notebook: Notebook, spec: KernelSpec, client: KernelClient): void {
  const { language_info } = client.info;
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
