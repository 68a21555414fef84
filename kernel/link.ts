/**
 * What the user thread (the process's main thread) and the protocol worker say to each other. Cells are named by
 * the numbers the worker gives them, so that late output finds the header of the request that caused it.
 */
import type { CommMessage } from './comms/messages.js';
import type { CellOutcome, DisplayOutput } from './evaluator/outcome.js';
import type { CompiledCell } from './language/engine.js';
import type { HandedEngine } from './language/engine-child.js';
import type { OutputPipes } from './output-pipes.js';
import type { ConnectionInfo } from './protocol/connection-file.js';

export type CellId = number;

export type ToUserThread =
  | { kind: 'run'; id: CellId; cell: CompiledCell; allowStdin: boolean }
  /** Drop the cell: it was interrupted. */
  | { kind: 'abandon'; id: CellId }
  | { kind: 'ping'; nonce: number }
  | { kind: 'input'; request: number; value: string }
  | { kind: 'comm'; id: CellId; message: CommMessage }
  | { kind: 'exit'; code: number };

/** `size` is what an output counts in `Flow`. */
export type FromUserThread =
  | { kind: 'ready' }
  | { kind: 'done'; id: CellId; outcome: CellOutcome }
  /** The cell was dropped; these of its names had no value yet. */
  | { kind: 'abandoned'; id: CellId; undone: readonly string[] }
  | { kind: 'pong'; nonce: number }
  | { kind: 'stream'; id: CellId | undefined; name: 'stdout' | 'stderr'; text: string; size: number }
  | { kind: 'display'; id: CellId | undefined; output: DisplayOutput; size: number }
  | { kind: 'clear'; id: CellId | undefined; wait: boolean; size: number }
  | { kind: 'input'; id: CellId | undefined; request: number; prompt: string; password: boolean }
  | { kind: 'comm'; id: CellId | undefined; message: CommMessage; size: number }
  /** The listeners of a comm message have been called. */
  | { kind: 'handled'; id: CellId }
  /** Something may have been written to the pipes of `output-pipes.ts` before this message was sent. */
  | { kind: 'written' }
  /** The thread waits for a program (`Flow.isWaiting`); these others run beside it. */
  | { kind: 'waiting'; others: number[] }
  /** The process is ending; the thread blocks until `Flow.closed` is set. */
  | { kind: 'exiting'; code: number };

export interface WorkerSetup {
  connection: ConnectionInfo;
  cwd: string;
  flow: SharedArrayBuffer;
  /** The file of cells that were checked before the kernel started. */
  checkedCells: string | undefined;
  /** What the worker is to read besides messages. */
  pipes: OutputPipes['read'] | undefined;
  /** The language engine, where it has been started for the worker. */
  engine: HandedEngine | undefined;
}

/** The name under which the user thread offers the inspector a function that cleans Node's async stack. */
export const interruptHook = 'kernelbook.interrupt';
/** And one that tells on behalf of which cell the paused thread runs; 0: none. */
export const contextHook = 'kernelbook.interrupt.cell';

const inFlight = 0;
const closed = 1;
const begun = 2;
const waiting = 3;
const read = 4;
const flowLimit = 16 * 1024 * 1024;
/** The count of waits for programs grows when one begins and when it ends. */
const isOdd = (count: number) => count % 2 !== 0;

/**
 * The numbers both threads see: how much output waits in the worker, in characters or bytes, so that a cell that
 * prints without end is slowed down instead of filling the memory; whether the worker has closed its sockets; how many
 * cells the user thread has taken up; whether it waits for a program; and how often the worker has read the pipes at its word.
 */
export class Flow {
  readonly #cells: Int32Array;
  #asked = 0;

  constructor(readonly buffer: SharedArrayBuffer = new SharedArrayBuffer(20)) {
    this.#cells = new Int32Array(buffer);
  }

  /** User thread: blocks while too much is under way, at most `patienceMs`. */
  sent(size: number, patienceMs = 10_000): void {
    let underWay = Atomics.add(this.#cells, inFlight, size) + size;
    const until = Date.now() + patienceMs;
    while (underWay > flowLimit && underWay > size && Date.now() < until) {
      Atomics.wait(this.#cells, inFlight, underWay, 100);
      underWay = Atomics.load(this.#cells, inFlight);
    }
  }

  /** Worker: this much has been taken. */
  taken(size: number): void {
    Atomics.sub(this.#cells, inFlight, size);
    Atomics.notify(this.#cells, inFlight);
  }

  /** User thread: takes up the next of the cells that it was given. */
  begin(): void {
    Atomics.add(this.#cells, begun, 1);
  }

  /** Worker: of the cells that it has given to the user thread, how many that has taken up. */
  get begun(): number {
    return Atomics.load(this.#cells, begun);
  }

  /** User thread: it waits for a program, in `execSync` for instance. */
  wait(isWaiting: boolean): void {
    if (isOdd(Atomics.load(this.#cells, waiting)) !== isWaiting) Atomics.add(this.#cells, waiting, 1);
  }

  /** Which wait for a program the user thread is in; undefined: in none. No two waits have the same number. */
  get currentWait(): number | undefined {
    const count = Atomics.load(this.#cells, waiting);
    return isOdd(count) ? count : undefined;
  }

  /**
   * User thread: blocks until the worker has read the pipes as often as it was told to, at most `patienceMs`: what is
   * written from then on comes after what was.
   */
  waitRead(patienceMs = 2_000): void {
    this.#asked++;
    const until = Date.now() + patienceMs;
    for (let done = this.#read; done < this.#asked && Date.now() < until; done = this.#read)
      Atomics.wait(this.#cells, read, done, until - Date.now());
  }

  get #read(): number {
    return Atomics.load(this.#cells, read);
  }

  /** Worker: the pipes have been read at the word of the user thread. */
  markRead(): void {
    Atomics.add(this.#cells, read, 1);
    Atomics.notify(this.#cells, read);
  }

  /** Worker: the sockets are closed, the process may end. */
  close(): void {
    Atomics.store(this.#cells, closed, 1);
    Atomics.notify(this.#cells, closed);
  }

  get isClosed(): boolean {
    return Atomics.load(this.#cells, closed) === 1;
  }

  /** User thread: blocks until the sockets are closed. */
  waitClosed(timeoutMs: number): void {
    Atomics.wait(this.#cells, closed, 0, timeoutMs);
  }
}
