/** The language engine on the persistent checker. */
import type ts from 'typescript';
import { nameCell } from './cell-names.js';
import { compileCell } from './compile-cell.js';
import { isComplete } from './completeness.js';
import { complete } from './completion.js';
import { applyDirectives, refused, reject, relevant } from './diagnostics.js';
import type {
  CompileResult,
  CompletenessResult,
  CompletionResult,
  EngineOptions,
  InspectResult,
  LanguageEngine,
  Rejected,
} from './engine.js';
import { inspect } from './inspection.js';
import { keptFile } from './kept-files.js';
import { PendingCells } from './pending-cells.js';
import { PersistentChecker } from './persistent-checker.js';

export class CheckerEngine implements LanguageEngine {
  readonly #checker: PersistentChecker;
  readonly #pending: PendingCells;

  constructor({ cwd }: EngineOptions) {
    this.#checker = new PersistentChecker(cwd);
    this.#pending = new PendingCells((cell) => this.#checker.remove(cell));
  }

  /** Makes an engine that no notebook has used yet the engine of `cwd`; false where it does not fit there. */
  moveTo(cwd: string): boolean {
    return this.#checker.moveTo(cwd, (file) => keptFile(file.fileName) === file);
  }

  compile(code: string, { count }: { count: number }): CompileResult {
    const checked = this.#check(code, count);
    if (!checked.ok) return checked;
    const { cell } = checked;
    return {
      ok: true,
      token: this.#pending.add(cell),
      cell: compileCell(cell, this.#checker.checker, count),
    };
  }

  /** Checks a cell that is never run; gives the error numbers, and makes its names visible where there are none. */
  probe(code: string): number[] {
    const checked = this.#check(code, 0);
    if (checked.ok) this.#checker.commit(checked.cell);
    return checked.ok ? [] : checked.diagnostics.map((item) => item.code);
  }

  #check(code: string, count: number): { ok: true; cell: ts.SourceFile } | Rejected {
    const cell = this.#checker.add(code);
    nameCell(cell, count);
    let errors = refused(cell);
    if (errors.length === 0) errors = relevant(applyDirectives(cell, this.#checker.diagnostics(cell)));
    if (errors.length > 0) {
      this.#checker.remove(cell);
      return reject(cell, count, errors);
    }
    return { ok: true, cell };
  }

  commit(token: number): void {
    const cell = this.#pending.take(token);
    if (cell) this.#checker.commit(cell);
  }

  complete(code: string, cursorUtf16: number): CompletionResult {
    const cell = this.#checker.add(code);
    try {
      return complete(cell, cursorUtf16, this.#checker);
    } finally {
      this.#checker.remove(cell);
    }
  }

  inspect(code: string, cursorUtf16: number, detailLevel: 0 | 1): InspectResult {
    const cell = this.#checker.add(code);
    try {
      return inspect(cell, cursorUtf16, detailLevel, this.#checker.checker);
    } finally {
      this.#checker.remove(cell);
    }
  }

  isComplete(code: string): CompletenessResult {
    return isComplete(code);
  }

  reset(): void {
    this.#pending.clear();
    this.#checker.reset();
  }
}
