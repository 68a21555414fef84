/** The language engine on the persistent checker. */
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
} from './engine.js';
import { inspect } from './inspection.js';
import { PendingCells } from './pending-cells.js';
import { PersistentChecker } from './persistent-checker.js';

export class CheckerEngine implements LanguageEngine {
  readonly #checker: PersistentChecker;
  readonly #pending: PendingCells;

  constructor({ cwd }: EngineOptions) {
    this.#checker = new PersistentChecker(cwd);
    this.#pending = new PendingCells((cell) => this.#checker.remove(cell));
  }

  compile(code: string, { count }: { count: number }): CompileResult {
    const cell = this.#checker.add(code);
    nameCell(cell, count);
    let errors = refused(cell);
    if (errors.length === 0)
      errors = [
        ...relevant(applyDirectives(cell, this.#checker.diagnostics(cell))),
        ...this.#checker.importedErrors(cell),
      ];
    if (errors.length > 0) {
      this.#checker.remove(cell);
      return reject(cell, count, errors);
    }
    return {
      ok: true,
      token: this.#pending.add(cell),
      cell: compileCell(cell, this.#checker.checker, count),
    };
  }

  commit(token: number): void {
    const cell = this.#pending.take(token);
    if (cell) this.#checker.commit(cell);
  }

  complete(code: string, cursorUtf16: number): CompletionResult {
    const cell = this.#checker.add(code, { isQuery: true });
    try {
      return complete(cell, cursorUtf16, this.#checker);
    } finally {
      this.#checker.remove(cell);
    }
  }

  inspect(code: string, cursorUtf16: number, detailLevel: 0 | 1): InspectResult {
    const cell = this.#checker.add(code, { isQuery: true });
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
