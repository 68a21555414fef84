/**
 * The executions of one shell, one after the other: check and compile in the engine, run in the user thread, publish,
 * reply. After an error the requests queued behind it are aborted. `shells.ts` has all shells and their interrupt.
 */
import { bold } from '../error-text.js';
import type { CellOutcome, ErrorReport } from '../evaluator/outcome.js';
import type { CompileResult, LanguageEngine, Rejected } from '../language/engine.js';
import type { CellId } from '../link.js';
import { log } from '../log.js';
import type { ContentMap, ExecuteReply, RawMessage, UserExpression } from '../protocol/messages.js';
import { silence } from './breath.js';
import { FailedCell } from './failed-cell.js';
import type { History } from './history.js';
import type { Outlet } from './outlet.js';
import { type PagerQuery, pagerQuery } from './pager.js';
import type { UserThreadProxy } from './user-thread-proxy.js';

export interface ExecutionRequest {
  message: RawMessage;
  content: ContentMap['execute_request'];
  identities: readonly Uint8Array[];
  /** As `performance.now()` tells. */
  received: number;
  reply(content: ExecuteReply, started: Date): void;
}

/** What all shells count together. */
export interface CellCounter {
  count: number;
  /** The engine's taking note of the latest cell: its client need not wait for it, the next cell of any shell does. */
  committed: Promise<void>;
}

export interface Job extends ExecutionRequest {
  id: CellId;
  started: Date;
  /** What the front end is to show beside the output. */
  payload: Record<string, unknown>[];
  /** Its code is being terminated: whatever it reports, an import that failed for instance, is that. */
  interrupted: boolean;
  /** Once it is dropped: which of its names had no value yet. */
  dropped?: Promise<readonly string[]>;
  /** Settles the job from outside: the cell itself will not. */
  stop(error: ErrorReport): void;
  stopped: Promise<CellOutcome>;
}

export class Executions {
  readonly #queue: ExecutionRequest[] = [];
  #current: Job | undefined;
  #draining: Promise<void> | undefined;
  /** The token of the cell whose code runs now. */
  #running: number | undefined;
  #failed: FailedCell | undefined;

  constructor(
    readonly outlet: Outlet,
    readonly engine: LanguageEngine,
    readonly thread: UserThreadProxy,
    readonly history: History,
    readonly counter: CellCounter,
  ) {}

  /** The cell that is checked or runs. */
  get current(): Job | undefined {
    return this.#current;
  }

  enqueue(request: ExecutionRequest): void {
    if (this.#failed?.precedesReply(request.message.header)) {
      this.#abort([request]);
      return;
    }
    this.#queue.push(request);
    if (this.#queue.length === 1) this.#checkAhead();
    this.#draining ??= this.#drain();
  }

  /** Aborts what waits, and resolves when the cell that runs has ended. */
  async close(): Promise<void> {
    this.#abort(this.#queue.splice(0));
    await this.#draining;
  }

  async #drain(): Promise<void> {
    for (let next = this.#queue.shift(); next; next = this.#queue.shift()) {
      try {
        await this.#handle(next);
      } catch (error) {
        // A reply that cannot be sent must not stop the queue; its client gets one that can.
        this.#current = undefined;
        next.reply(
          { status: 'error', execution_count: this.counter.count, ...kernelError(error) },
          new Date(),
        );
        this.outlet.idle(next.message.header);
      }
    }
    this.#draining = undefined;
  }

  async #handle(request: ExecutionRequest): Promise<void> {
    const { header } = request.message;
    const { code, silent, store_history: store, stop_on_error: stopOnError } = request.content;
    const job = this.#open(request);
    this.#current = job;
    const blank = code.trim() === '';
    if (store && !blank) this.history.add(++this.counter.count, code);
    const count = this.counter.count;
    const running = blank ? undefined : this.#run(job, count);
    // The engine gets its request before anything is sent: it works meanwhile.
    await endOfTurn();
    this.outlet.busy(header, true);
    if (!silent) this.outlet.publish('execute_input', { code, execution_count: count }, header);

    const outcome = (await running) ?? ({ status: 'ok' } as const);
    const reply = await this.#report(job, count, outcome);
    // Only what was sent before the reply: later requests may be the client's answer to the error.
    const stops = reply.status === 'error' && stopOnError;
    if (stops) await silence(() => this.#latestOf(request));
    const aborted = stops ? this.#queue.splice(0) : [];
    if (stops) this.#failed = new FailedCell(header, request.received);
    this.#current = undefined;
    this.#running = undefined;
    this.outlet.flush();
    request.reply(reply, job.started);
    this.outlet.idle(header);
    this.#abort(aborted);
  }

  /** When the last request came from the client of the cell that runs. */
  #latestOf(request: ExecutionRequest): number {
    const { session } = request.message.header;
    const last = this.#queue.findLast(({ message }) => message.header.session === session);
    return (last ?? request).received;
  }

  #abort(requests: readonly ExecutionRequest[]): void {
    for (const { message, reply } of requests) {
      this.outlet.busy(message.header);
      reply({ status: 'aborted' }, new Date());
      this.outlet.idle(message.header);
    }
  }

  #open(request: ExecutionRequest): Job {
    const { message, identities, content } = request;
    const id = this.outlet.open({ request: message, identities, silent: content.silent });
    let stop: Job['stop'] = () => {};
    const stopped = new Promise<CellOutcome>((resolve) => {
      stop = (error) => resolve({ status: 'error', undone: [], ...error });
    });
    return { ...request, id, started: new Date(), payload: [], interrupted: false, stop, stopped };
  }

  #run(job: Job, count: number): Promise<CellOutcome> {
    const query = pagerQuery(job.content.code);
    const running = query ? this.#page(job, query) : this.#evaluate(job, job.content.code, count);
    return Promise.race([running, job.stopped]);
  }

  /** What the engine knows of a name goes to the front end's pager. */
  async #page(job: Job, { name, detail }: PagerQuery): Promise<CellOutcome> {
    try {
      await this.counter.committed;
      const { found, text, html } = await this.engine.inspect(name, name.length, detail);
      const data = { 'text/plain': text, ...(html === undefined ? {} : { 'text/html': html }) };
      if (found) job.payload.push({ source: 'page', data, start: 0 });
      else this.outlet.stream(job.id, 'stdout', `Nothing is known of ${name}.\n`);
      return { status: 'ok' };
    } catch (error) {
      return failure(kernelError(error));
    }
  }

  async #evaluate(job: Job, code: string, count: number, commit = true): Promise<CellOutcome> {
    try {
      const compiled = await this.#compile(code, count);
      // An interrupt may have come while the engine worked; then nothing runs any more.
      if (this.#current !== job) return failure(keyboardInterrupt);
      if (!compiled.ok) return failure(compileError(compiled));
      const run = this.thread.run(job.id, compiled.cell, job.content.allow_stdin);
      if (commit) {
        this.#running = compiled.token;
        this.#checkAhead();
      }
      // Of a cell that is stopped, `run` tells nothing.
      const outcome = await Promise.race([run, job.stopped]);
      this.#running = undefined;
      if (commit) this.counter.committed = this.#commit(compiled.token, undoneBy(job, outcome));
      if (job.interrupted && outcome.status === 'error') return failure(keyboardInterrupt);
      return outcome;
    } catch (error) {
      return failure(kernelError(error));
    }
  }

  /** What a failed cell had declared by then counts as well. */
  async #commit(token: number, undone: readonly string[] | Promise<readonly string[]>): Promise<void> {
    await endOfTurn(); // the reply goes first
    try {
      await this.engine.commit(token, await undone);
    } catch (error) {
      // The cell has run; an engine that died is told of it when it starts again.
      log(`the engine did not take note of a cell: ${(error as Error).message}`);
    }
  }

  /** Has the next cell of the queue checked while this one runs: if this one succeeds, that one need not wait for it. */
  #checkAhead(): void {
    const [next] = this.#queue;
    if (!next || this.#running === undefined) return;
    const { code, store_history: store } = next.content;
    if (code.trim() === '' || pagerQuery(code)) return;
    const count = this.counter.count + (store ? 1 : 0);
    const prepare = async () => this.engine.prepare(code, { count }, this.#running!);
    prepare().catch(() => {}); // its own compilation will tell
  }

  /** Once more if the engine's process died meanwhile: it comes back knowing the earlier cells. */
  async #compile(code: string, count: number): Promise<CompileResult> {
    await this.counter.committed;
    const compile = async () => this.engine.compile(code, { count });
    return compile().catch(compile);
  }

  async #report(job: Job, count: number, outcome: CellOutcome): Promise<ExecuteReply> {
    const { header } = job.message;
    const { silent, user_expressions: expressions } = job.content;
    if (outcome.status === 'error') {
      const { ename, evalue, traceback } = outcome;
      if (ename === keyboardInterrupt.ename) this.outlet.interrupted(job.id);
      if (!silent) this.outlet.publish('error', { ename, evalue, traceback }, header);
      return { status: 'error', ename, evalue, traceback, execution_count: count };
    }
    if (outcome.result && !silent) {
      const text = outcome.result['text/plain'];
      if (job.content.store_history && typeof text === 'string') this.history.setOutput(count, text);
      this.outlet.publish(
        'execute_result',
        { execution_count: count, data: outcome.result, metadata: {} },
        header,
      );
    }
    const values: Record<string, UserExpression> = {};
    for (const [name, expression] of Object.entries(expressions)) {
      const value = await Promise.race([this.#evaluate(job, expression, count, false), job.stopped]);
      if (value.status === 'error') {
        const { status, ename, evalue, traceback } = value;
        values[name] = { status, ename, evalue, traceback };
      } else values[name] = { status: 'ok', data: value.result ?? {}, metadata: {} };
    }
    return { status: 'ok', execution_count: count, user_expressions: values, payload: job.payload };
  }
}

function undoneBy(job: Job, outcome: CellOutcome): readonly string[] | Promise<readonly string[]> {
  return job.dropped ?? (outcome.status === 'error' ? outcome.undone : []);
}

function failure(report: ErrorReport): CellOutcome {
  return { status: 'error', undone: [], ...report };
}

/** When everything that is due now has been done, and before anything else comes in. */
function endOfTurn(): Promise<void> {
  return new Promise((resolve) => process.nextTick(resolve));
}

export const keyboardInterrupt: ErrorReport = {
  ename: 'KeyboardInterrupt',
  evalue: 'the cell was interrupted',
  traceback: [`${bold('KeyboardInterrupt')}: the cell was interrupted`],
};

function compileError({ diagnostics, traceback }: Rejected): ErrorReport {
  const [first] = diagnostics;
  const others = diagnostics.length > 1 ? ` (and ${diagnostics.length - 1} more)` : '';
  const number = first?.code ? `TS${first.code}: ` : '';
  return {
    ename: 'CompileError',
    evalue: `line ${first?.line}, column ${first?.column}: ${number}${first?.message}${others}`,
    traceback,
  };
}

function kernelError(error: unknown): ErrorReport {
  const evalue = error instanceof Error ? error.message : String(error);
  return { ename: 'KernelError', evalue, traceback: [`KernelError: ${evalue}`] };
}
