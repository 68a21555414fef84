/**
 * A language engine in a child process. If the process dies, the next request starts a new one and tells it the
 * cells that ran, so the notebook keeps its types.
 */
import { createInterface } from 'node:readline';
import { log } from '../log.js';
import type {
  CellToCheck,
  CheckedCell,
  CompileResult,
  CompletenessResult,
  CompletionResult,
  EngineOptions,
  InspectResult,
  LanguageEngine,
} from './engine.js';
import { type EngineChild, startEngine, startPlainEngine } from './engine-child.js';
import type { Commit, EngineMethod, EngineRequest, EngineResponse } from './remote-protocol.js';
import { buildSnapshotInBackground, rejectSnapshot } from './snapshot.js';

interface Waiting {
  resolve(result: unknown): void;
  reject(error: Error): void;
}

/** A cell that has run, and its execution count. */
export interface RanCell {
  code: string;
  count: number;
  /** Names that had no value yet when it failed. */
  undone?: readonly string[];
}

const mostStarts = 5;
/** A process from a sound snapshot is ready in a fraction of this. */
const snapshotPatienceMs = 15_000;
const endings = new Set<string>(['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGKILL']);

export class RemoteEngine implements LanguageEngine {
  readonly #options: EngineOptions;
  readonly #waiting = new Map<number, Waiting>();
  /** Compiled cells by the token the caller knows, with the token of the process that compiled them. */
  readonly #compiled = new Map<number, RanCell & { remote: number; start: number }>();
  readonly #committed: RanCell[];
  /** Of what was committed, that which the process learns with the next request: nobody needs it to know before. */
  #unsaid: Commit[] = [];
  #child: EngineChild | undefined;
  #ready: Promise<void> = Promise.resolve();
  #closed = false;
  #starts = 0;
  #sequence = 0;
  #fromSnapshot = false;

  /**
   * Requests wait until the process is ready.
   * @param child a process that was started for it; without, one is started at once
   * @param ran the cells that ran before there was an engine
   */
  constructor(options: EngineOptions, child?: EngineChild, ran: readonly RanCell[] = []) {
    this.#options = options;
    this.#committed = [...ran];
    this.#start(child);
  }

  /** Resolves when the engine has loaded its libraries. */
  get ready(): Promise<void> {
    return this.#ready;
  }

  /** Of the running process; undefined while none runs. */
  get processId(): number | undefined {
    return this.#child?.pid;
  }

  /** Whether the running process came out of a start-up snapshot. */
  get fromSnapshot(): boolean {
    return this.#fromSnapshot;
  }

  async compile(code: string, { count }: { count: number }): Promise<CompileResult> {
    const result = (await this.#call('compile', code, { count })) as CompileResult;
    if (!result.ok) return result;
    const token = ++this.#sequence;
    this.#compiled.set(token, { code, count, remote: result.token, start: this.#starts });
    return { ...result, token };
  }

  /** A process that starts later knows nothing of cells that were only checked: who checks begins anew then. */
  async check(code: string, cell: CellToCheck, isKept: boolean): Promise<CheckedCell> {
    return (await this.#call('check', code, cell, isKept)) as CheckedCell;
  }

  async prepare(code: string, cell: { count: number }, after: number): Promise<void> {
    const previous = this.#compiled.get(after);
    if (!this.#child || previous?.start !== this.#starts) return;
    await this.#call('prepare', code, cell, previous.remote);
  }

  async commit(token: number, undone: readonly string[] = []): Promise<void> {
    const cell = this.#compiled.get(token);
    if (!cell) return;
    this.#compiled.delete(token);
    const { code, count, remote, start } = cell;
    const ran = { code, count, undone };
    this.#committed.push(ran);
    // A process that starts later is told by the replay; one that started since has not compiled this cell.
    if (!this.#child) return;
    if (start === this.#starts) this.#unsaid.push([remote, undone]);
    else await this.#ready.then(() => this.#repeat(ran));
  }

  async complete(code: string, cursorUtf16: number): Promise<CompletionResult> {
    return (await this.#call('complete', code, cursorUtf16)) as CompletionResult;
  }

  async inspect(code: string, cursorUtf16: number, detailLevel: 0 | 1): Promise<InspectResult> {
    return (await this.#call('inspect', code, cursorUtf16, detailLevel)) as InspectResult;
  }

  async isComplete(code: string): Promise<CompletenessResult> {
    return (await this.#call('isComplete', code)) as CompletenessResult;
  }

  async reset(): Promise<void> {
    this.#committed.length = 0;
    this.#compiled.clear();
    await this.#call('reset');
  }

  /** Ends the process; further requests are rejected. */
  close(): void {
    this.#closed = true;
    this.#child?.stdin.end();
    this.#child?.kill();
  }

  async #call(method: EngineMethod, ...args: unknown[]): Promise<unknown> {
    if (this.#closed) throw new Error('language engine: it has been closed');
    if (!this.#child) this.#start();
    await this.#ready;
    return this.#request(method, args);
  }

  #request(method: EngineMethod, args: unknown[]): Promise<unknown> {
    const request: EngineRequest = { id: ++this.#sequence, method, args, commits: this.#unsaid };
    this.#unsaid = [];
    return new Promise((resolve, reject) => {
      this.#waiting.set(request.id, { resolve, reject });
      this.#child?.stdin.write(`${JSON.stringify(request)}\n`);
    });
  }

  #start(child?: EngineChild): void {
    this.#unsaid = []; // it is told by the replay
    if (++this.#starts > mostStarts) {
      this.#ready = Promise.reject(
        new Error(`language engine: it died ${mostStarts} times; restart the kernel`),
      );
      this.#ready.catch(() => {});
      return;
    }
    let isReady = (): void => {};
    let isDead = (_: Error): void => {};
    const started = new Promise<void>((resolve, reject) => {
      isReady = resolve;
      isDead = reject;
    });
    this.#ready = started.then(() => this.#replay());
    this.#ready.catch(() => {});
    this.#attach(child ?? startEngine(this.#options), isReady, isDead);
  }

  /** Where a process from a snapshot fails before it is ready, once more without. */
  #attach(child: EngineChild, isReady: () => void, isDead: (error: Error) => void): void {
    const { snapshot } = child;
    child.stderr.on('data', (bytes: Buffer) => {
      // What Node says of a blob it cannot use is nobody's business: the plain process says its own.
      if (!tried) log(bytes.toString().trimEnd());
    });
    this.#child = child;
    this.#fromSnapshot = snapshot !== undefined;
    child.stdin.on('error', () => {});
    let tried = snapshot;
    let hung = false;
    const giveUp = (): void => {
      if (tried === undefined) return;
      hung = true;
      child.kill('SIGKILL');
    };
    // Where this process was busy itself, the word that it is ready waits to be read: that comes first.
    const patience = snapshot && setTimeout(() => setImmediate(giveUp), snapshotPatienceMs);
    createInterface({ input: child.stdout }).on('line', (line) => {
      const response = JSON.parse(line) as EngineResponse;
      if (!('ready' in response)) return this.#settle(response);
      if (hung) return;
      clearTimeout(patience || undefined);
      tried = undefined;
      isReady();
      buildSnapshotInBackground(this.#options);
    });
    child.onEnd((why, ended) => {
      clearTimeout(patience || undefined);
      if (this.#child === child) this.#child = undefined;
      if (tried && !this.#closed) {
        // Who ends a process from outside says nothing against its snapshot.
        if (hung || !endings.has(ended ?? '')) rejectSnapshot(tried, this.#options);
        tried = undefined;
        this.#attach(startPlainEngine(this.#options), isReady, isDead);
        return;
      }
      const error = new Error(`language engine: its process ended (${why})`);
      isDead(error);
      for (const { reject } of this.#waiting.values()) reject(error);
      this.#waiting.clear();
    });
  }

  #settle(response: Exclude<EngineResponse, { ready: true }>): void {
    const waiting = this.#waiting.get(response.id);
    this.#waiting.delete(response.id);
    if ('error' in response) waiting?.reject(new Error(response.error));
    else waiting?.resolve(response.result);
  }

  /** Tells a new process what ran in the one before it. */
  async #replay(): Promise<void> {
    for (const cell of [...this.#committed]) await this.#repeat(cell);
  }

  async #repeat({ code, count, undone = [] }: RanCell): Promise<void> {
    const result = (await this.#request('compile', [code, { count }])) as CompileResult;
    if (result.ok) await this.#request('commit', [result.token, undone]);
  }
}
