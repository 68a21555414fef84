/**
 * The main shell and its subshells (JEP 91). Each has a queue of its own; they share the thread, the names and the
 * count, so a subshell's cell runs while another one's awaits. An interrupt stops what runs in every shell.
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ErrorReport } from '../evaluator/outcome.js';
import type { LanguageEngine } from '../language/engine.js';
import type { CellId } from '../link.js';
import { RequestError } from '../protocol/request.js';
import { type CellCounter, Executions, type Job, keyboardInterrupt } from './execution.js';
import type { History } from './history.js';
import type { Interrupter } from './interrupter.js';
import type { Outlet } from './outlet.js';
import type { UserThreadProxy } from './user-thread-proxy.js';

/** An interrupt is repeated so long; then the kernel gives itself up to be restarted. */
const interruptTimeoutMs = 20_000;
/** How long after an interrupt code of the abandoned cells is kept from blocking the thread. */
const watchMs = 5_000;
const watchStepMs = 200;
const watchPatienceMs = 300;

export interface ShellServices {
  outlet: Outlet;
  engine: LanguageEngine;
  thread: UserThreadProxy;
  interrupter: Interrupter;
  history: History;
}

export class Shells {
  readonly #counter: CellCounter = { count: 0, committed: Promise.resolve() };
  readonly #main: Executions;
  readonly #subshells = new Map<string, Executions>();
  /** Also the deleted ones whose last cell still runs. */
  readonly #all = new Set<Executions>();
  /** The jobs whose code the running interrupt has terminated. */
  readonly #hit = new Set<Job>();
  /** Cells that were interrupted a moment ago. */
  readonly #abandoned = new Set<CellId>();
  #watchUntil: number | undefined;

  constructor(readonly services: ShellServices) {
    this.#main = this.#open();
  }

  /** The number of the latest cell. */
  get count(): number {
    return this.#counter.count;
  }

  /** @throws RequestError where there is no such subshell; no id, or null, is the main shell */
  find(id: unknown): Executions {
    if (id === undefined || id === null) return this.#main;
    const shell = typeof id === 'string' ? this.#subshells.get(id) : undefined;
    if (!shell)
      throw new RequestError(`there is no subshell ${JSON.stringify(id)}; it may have been deleted`);
    return shell;
  }

  create(): string {
    const id = randomUUID();
    this.#subshells.set(id, this.#open());
    return id;
  }

  list(): string[] {
    return [...this.#subshells.keys()];
  }

  /** What waits in the subshell is aborted; a cell that runs there goes on to its end. */
  delete(id: string): void {
    const shell = this.find(id);
    this.#subshells.delete(id);
    void shell.close().then(() => this.#all.delete(shell));
  }

  /** Stops the running cells of all shells. Resolves to false if the user thread could not be freed. */
  async interrupt(): Promise<boolean> {
    const running = this.#running();
    const answered = await this.services.interrupter.interrupt(interruptTimeoutMs);
    if (!answered) return false;
    for (const job of running) this.#hit.add(job);
    this.#stopHit();
    void this.#watch();
    return true;
  }

  /** Called in the moment before code is terminated: whose is it? */
  terminating(): void {
    for (const job of this.#active()) {
      this.#hit.add(job);
      job.interrupted = true;
    }
  }

  /** Ends the running cells with an error because the process is going away. */
  fail(error: ErrorReport): void {
    for (const job of this.#running()) job.stop(error);
  }

  #open(): Executions {
    const { outlet, engine, thread, history } = this.services;
    const shell = new Executions(outlet, engine, thread, history, this.#counter);
    this.#all.add(shell);
    return shell;
  }

  #running(): Job[] {
    return [...this.#all].flatMap((shell) => shell.current ?? []);
  }

  /** Without those that the thread has not taken up yet: they are not what keeps it busy. */
  #active(): Job[] {
    return this.#running().filter((job) => !this.services.thread.isWaiting(job.id));
  }

  #stopHit(): void {
    for (const job of this.#running()) {
      if (!this.#hit.has(job)) continue;
      this.#abandoned.add(job.id);
      job.dropped = this.services.thread.abandon(job.id);
      job.stop(keyboardInterrupt);
    }
    this.#hit.clear();
  }

  /** An abandoned cell may wake up from an await and loop: it must not keep the next cell from running. */
  async #watch(): Promise<void> {
    const { thread, interrupter } = this.services;
    const watching = this.#watchUntil !== undefined;
    this.#watchUntil = Date.now() + watchMs;
    if (watching) return;
    for (; Date.now() < this.#watchUntil; await sleep(watchStepMs)) {
      if (await thread.ping(watchPatienceMs)) continue;
      if (this.#active().length > 0) await interrupter.stopIfOf(this.#abandoned);
      else {
        await interrupter.interrupt(watchMs);
        this.#stopHit();
      }
    }
    this.#watchUntil = undefined;
    this.#abandoned.clear();
  }
}
