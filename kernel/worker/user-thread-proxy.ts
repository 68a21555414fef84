/** The worker's view of the user thread: run a cell, abandon it, ask whether the thread is alive. */
import { type MessagePort, receiveMessageOnPort } from 'node:worker_threads';
import type { CellOutcome } from '../evaluator/outcome.js';
import type { CompiledCell } from '../language/engine.js';
import type { CellId, Flow, FromUserThread, ToUserThread } from '../link.js';

type Of<K extends FromUserThread['kind']> = Extract<FromUserThread, { kind: K }>;

export interface UserThreadHandlers {
  /** What the user thread has to wait for before it may print more; undefined: nothing. */
  room(): Promise<void> | undefined;
  stream(message: Of<'stream'>): void;
  display(message: Of<'display'>): void;
  clear(message: Of<'clear'>): void;
  input(message: Of<'input'>): void;
  comm(message: Of<'comm'>): void;
  handled(message: Of<'handled'>): void;
  /** Something may have been written to the pipes. */
  written(): void;
  /** The process ends, by `process.exit` in a cell or because we asked. */
  exiting(code: number): void;
}

export class UserThreadProxy {
  readonly #ready: Promise<void>;
  readonly #pings = new Map<number, () => void>();
  #nonce = 0;
  #given = 0;
  /** What the thread was given to run: one cell, and one more per subshell. */
  readonly #running = new Map<CellId, { order: number; done: (outcome: CellOutcome) => void }>();
  readonly #abandoned = new Map<CellId, (undone: readonly string[]) => void>();
  #isReady = false;
  #becomeReady = (): void => {};
  #others: readonly number[] = [];

  constructor(
    readonly port: MessagePort,
    readonly flow: Flow,
    readonly handlers: UserThreadHandlers,
  ) {
    this.#ready = new Promise((resolve) => {
      this.#becomeReady = resolve;
    });
    port.on('message', (message: FromUserThread) => this.#receive(message));
  }

  /** Takes the messages that wait, now. */
  catchUp(): void {
    for (let next = receiveMessageOnPort(this.port); next; next = receiveMessageOnPort(this.port))
      this.#receive(next.message as FromUserThread);
  }

  /** Which wait for a program the thread is in, in `execSync` for instance; undefined: in none. */
  get currentWait(): number | undefined {
    return this.flow.currentWait;
  }

  /** Programs that a cell has started and does not wait for. */
  get otherPrograms(): readonly number[] {
    return this.#others;
  }

  /** True while the thread has not yet taken up this cell that it was given: something else keeps it busy. */
  isWaiting(id: CellId): boolean {
    const cell = this.#running.get(id);
    return cell !== undefined && cell.order > this.flow.begun && this.#isReady;
  }

  /** Runs a cell; never resolves if the cell is abandoned. */
  async run(id: CellId, cell: CompiledCell, allowStdin: boolean): Promise<CellOutcome> {
    await this.#ready;
    return new Promise((done) => {
      this.#running.set(id, { order: ++this.#given, done });
      this.post({ kind: 'run', id, cell, allowStdin });
    });
  }

  /** Drops a cell. Resolves to the names it declares that had no value yet, once the thread has dropped it. */
  abandon(id: CellId): Promise<readonly string[]> {
    this.#running.delete(id);
    return new Promise((resolve) => {
      this.#abandoned.set(id, resolve);
      this.post({ kind: 'abandon', id });
    });
  }

  /** Whether the thread's event loop answers within `timeoutMs`. */
  ping(timeoutMs: number): Promise<boolean> {
    const nonce = ++this.#nonce;
    return new Promise((resolve) => {
      const end = (answered: boolean) => {
        clearTimeout(timer);
        this.#pings.delete(nonce);
        resolve(answered);
      };
      const timer = setTimeout(end, timeoutMs, false);
      this.#pings.set(nonce, () => end(true));
      this.post({ kind: 'ping', nonce });
    });
  }

  post(message: ToUserThread, transfer: readonly ArrayBuffer[] = []): void {
    this.port.postMessage(message, transfer);
  }

  /** Lets the user thread print as much again, once there is room for it. */
  #take(size: number, room: Promise<void> | undefined): void {
    if (room) void room.then(() => this.flow.taken(size));
    else this.flow.taken(size);
  }

  #receive(message: FromUserThread): void {
    const { handlers } = this;
    switch (message.kind) {
      case 'ready':
        this.#isReady = true;
        this.#becomeReady();
        return;
      case 'done':
        handlers.written();
        this.#finish(message);
        return;
      case 'abandoned':
        this.#abandoned.get(message.id)?.(message.undone);
        this.#abandoned.delete(message.id);
        return;
      case 'pong':
        this.#pings.get(message.nonce)?.();
        return;
      case 'waiting':
        this.#others = message.others;
        return;
      case 'written':
        handlers.written();
        this.flow.markRead();
        return;
      case 'exiting':
        handlers.written();
        handlers.exiting(message.code);
        return;
      default:
        (handlers[message.kind] as (message: FromUserThread) => void)(message);
        if ('size' in message) this.#take(message.size, handlers.room());
    }
  }

  #finish({ id, outcome }: Of<'done'>): void {
    const cell = this.#running.get(id); // undefined where it was abandoned meanwhile
    this.#running.delete(id);
    cell?.done(outcome);
  }
}
