/**
 * The engine of a kernel that `kernelbook run` starts. The run has checked the whole notebook before, in an engine like
 * the kernel's, and left in a file what that engine said of each cell: as long as the cells come as they stand there, nothing
 * is checked again and no engine's process is needed. With the first cell that comes otherwise, or imports a file that has
 * changed since, a process is started and told what ran.
 */
import { readFileSync } from 'node:fs';
import type { CellAhead } from './cell-ahead.js';
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
import { fileStamp } from './file-stamp.js';
import { type RanCell, RemoteEngine } from './remote-engine.js';

export class EngineAhead implements LanguageEngine {
  readonly #path: string;
  readonly #options: EngineOptions;
  readonly #ran: RanCell[] = [];
  readonly #pending = new Map<number, RanCell>();
  #cells: Map<number, CellAhead> | undefined;
  #engine: RemoteEngine | undefined;
  #closed = false;
  #tokens = 0;

  /** @param path of the file, a JSON list of `CellAhead` */
  constructor(path: string, options: EngineOptions) {
    this.#path = path;
    this.#options = options;
  }

  /** Of the engine's process; undefined while none is needed. */
  get processId(): number | undefined {
    return this.#engine?.processId;
  }

  async compile(code: string, { count }: { count: number }): Promise<CompileResult> {
    const ahead = this.#engine ? undefined : this.#find(code, count);
    if (!ahead) return await this.#started().compile(code, { count });
    if (!ahead.verdict.ok) return ahead.verdict;
    // Below those of an engine that may follow.
    const token = --this.#tokens;
    this.#pending.set(token, { code, count });
    return { ...ahead.verdict, token };
  }

  async commit(token: number, undone: readonly string[] = []): Promise<void> {
    const cell = this.#pending.get(token);
    if (!cell) return await this.#engine?.commit(token, undone);
    this.#pending.delete(token);
    const ran = { ...cell, undone };
    if (!this.#engine) this.#ran.push(ran);
    else await this.#repeat(ran);
  }

  async prepare(code: string, cell: { count: number }, after: number): Promise<void> {
    await this.#engine?.prepare(code, cell, after);
  }

  async check(code: string, cell: CellToCheck, isKept: boolean): Promise<CheckedCell> {
    return await this.#started().check(code, cell, isKept);
  }

  async complete(code: string, cursorUtf16: number): Promise<CompletionResult> {
    return await this.#started().complete(code, cursorUtf16);
  }

  async inspect(code: string, cursorUtf16: number, detailLevel: 0 | 1): Promise<InspectResult> {
    return await this.#started().inspect(code, cursorUtf16, detailLevel);
  }

  async isComplete(code: string): Promise<CompletenessResult> {
    return await this.#started().isComplete(code);
  }

  async reset(): Promise<void> {
    this.#ran.length = 0;
    this.#pending.clear();
    await this.#started().reset();
  }

  close(): void {
    this.#closed = true;
    this.#engine?.close();
  }

  #started(): RemoteEngine {
    if (!this.#engine) {
      this.#engine = new RemoteEngine(this.#options, undefined, this.#ran);
      if (this.#closed) this.#engine.close();
    }
    return this.#engine;
  }

  /** A cell that was running when the engine was started. */
  async #repeat({ code, count, undone }: RanCell): Promise<void> {
    const engine = this.#started();
    const compiled = await engine.compile(code, { count });
    if (compiled.ok) await engine.commit(compiled.token, undone);
  }

  #find(code: string, count: number): CellAhead | undefined {
    this.#cells ??= this.#read();
    const ahead = this.#cells.get(count);
    if (ahead?.source !== code || ahead.after !== this.#ran.length) return undefined;
    // It was checked as if the cells before it had run to their ends.
    if (this.#ran.some(({ undone }) => undone && undone.length > 0)) return undefined;
    return ahead.files.every(([path, stamp]) => fileStamp(path) === stamp) ? ahead : undefined;
  }

  #read(): Map<number, CellAhead> {
    try {
      const cells = JSON.parse(readFileSync(this.#path, 'utf8')) as CellAhead[];
      return new Map(cells.map((cell) => [cell.count, cell]));
    } catch {
      return new Map(); // then they are checked here
    }
  }
}
