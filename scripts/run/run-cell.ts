/** Runs one code cell and judges how it ended: as its directives ask, or as a failure with its cause. */
import { KernelDiedError } from '../../kernel/protocol/client.js';
import type { ExecuteReply } from '../../kernel/protocol/messages.js';
import type { CodeCell, ErrorOutput } from '../notebook/format.js';
import { directivesOf } from './cell-directives.js';
import { countOf, errorOf } from './kernel-content.js';
import type { RunLimits } from './limits/limits.js';
import { type Cause, InputRefused, StopReason, TimeLimit } from './limits/stop-reasons.js';
import type { NotebookKernel } from './notebook-kernel.js';
import type { Secrets } from './parameters/secrets.js';
import type { Failure } from './result.js';
import { verdictOfError } from './verdict.js';

export interface CellRun {
  kernel: NotebookKernel;
  limits: RunLimits;
  secrets: Secrets;
  /** Ends the notebook's run; its signal's reason is a StopReason. */
  stop: AbortController;
  /** What is known of a kernel's death beyond its exit. */
  explainDeath: (error: KernelDiedError) => Promise<KernelDiedError>;
}

/** @param number of the cell in the notebook, from 1, markdown cells counted too */
export async function runCell(run: CellRun, cell: CodeCell, number: number): Promise<Failure | undefined> {
  if (cell.source.trim() === '') return undefined;
  const cause = run.secrets.redact(await causeOfFailure(run, cell));
  return cause && { ...cause, cell: { number, id: cell.id, executionCount: cell.execution_count } };
}

async function causeOfFailure(run: CellRun, cell: CodeCell): Promise<Cause | undefined> {
  const { kernel, stop, limits, secrets } = run;
  const limit = timeLimit(cell, limits);
  const timer = limit && setTimeout(() => stop.abort(limit), limit.ms);
  let reply: ExecuteReply;
  try {
    reply = await kernel.execute(secrets.sourceOf(cell), {
      signal: stop.signal,
      graceMs: limits.graceMs,
      onUnexpectedInput: (prompt) => stop.abort(new InputRefused(prompt)),
    });
  } catch (error) {
    const cause = await causeOfEnd(run, error);
    cell.outputs.push(secrets.redact(shownError(cause)));
    return cause;
  } finally {
    clearTimeout(timer);
  }
  if ('execution_count' in reply)
    cell.execution_count = countOf(reply.execution_count) ?? cell.execution_count;
  const cause = judge(reply, cell);
  // Some kernels say only in their reply what went wrong.
  if (reply.status !== 'ok' && !cell.outputs.some((one) => one.output_type === 'error'))
    cell.outputs.push(secrets.redact(reply.status === 'error' ? errorOf(reply) : shownError(cause!)));
  return cause;
}

function shownError({ ename, evalue }: Cause): ErrorOutput {
  return { output_type: 'error', ename, evalue, traceback: [`${ename}: ${evalue}`] };
}

function timeLimit(cell: CodeCell, { cellMs }: RunLimits): TimeLimit | undefined {
  const { timeout } = directivesOf(cell);
  if (timeout === 0) return undefined;
  if (timeout !== undefined) return new TimeLimit('cell', timeout * 1000, 'its metadata kernelbook.timeout');
  return cellMs === undefined ? undefined : new TimeLimit('cell', cellMs, '--timeout');
}

function judge(reply: ExecuteReply, cell: CodeCell): Cause | undefined {
  const { mustFail, patterns } = directivesOf(cell);
  if (reply.status === 'aborted')
    return { verdict: 'error', ename: 'Aborted', evalue: 'the kernel refused to run the cell' };
  if (reply.status === 'ok') {
    if (!mustFail) return undefined;
    const wanted =
      patterns.length > 0
        ? `the cell must raise an error that matches ${patterns.join(' and ')}`
        : 'the cell is tagged "raises-exception"';
    return { verdict: 'assertion', ename: 'MissingError', evalue: `${wanted}, but it raised no error` };
  }
  if (reply.status !== 'error') return badReply(reply);
  const { ename, evalue } = errorOf(reply);
  if (!mustFail) return { verdict: verdictOfError(ename), ename, evalue };
  const raised = `${ename}: ${evalue}`;
  const unmet = patterns.find((pattern) => raised.search(pattern) < 0);
  return (
    unmet && {
      verdict: 'assertion',
      ename: 'UnexpectedError',
      evalue: `the cell must raise an error that matches ${unmet}, but it raised ${raised}`,
    }
  );
}

function badReply({ status }: { status?: unknown }): Cause {
  const said = status === undefined ? 'no status' : `the status ${JSON.stringify(status)}`;
  const evalue = `the kernel's reply to the cell has ${said}; it must be "ok", "error" or "aborted"`;
  return { verdict: 'error', ename: 'BadReply', evalue };
}

async function causeOfEnd({ kernel, stop, explainDeath }: CellRun, error: unknown): Promise<Cause> {
  const died = error instanceof KernelDiedError;
  if (stop.signal.reason instanceof StopReason)
    return stop.signal.reason.describe(died ? 'died' : kernel.running ? 'interrupted' : 'killed');
  if (!died) throw error;
  const explained = await explainDeath(error);
  return { verdict: 'dead kernel', ename: explained.name, evalue: explained.message };
}
