/** The language engine on the persistent checker. */
import type ts from 'typescript';
import { nameCell } from './cell-names.js';
import { compileCell } from './compile-cell.js';
import { isComplete } from './completeness.js';
import { complete } from './completion.js';
import { declaredNames, usedNames } from './declared-names.js';
import { applyDirectives, refused, reject, relevant, shown } from './diagnostics.js';
import type {
  CellToCheck,
  CellVerdict,
  CheckedCell,
  CompiledCell,
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
import { type AheadCell, PersistentChecker } from './persistent-checker.js';

interface PreparedCell extends AheadCell {
  code: string;
  compiled: CompiledCell;
}

export class CheckerEngine implements LanguageEngine {
  readonly #checker: PersistentChecker;
  readonly #pending: PendingCells;
  #prepared: PreparedCell | undefined;

  constructor({ cwd }: EngineOptions) {
    this.#checker = new PersistentChecker(cwd);
    this.#pending = new PendingCells((cell) => this.#checker.remove(cell));
  }

  /** Makes an engine that no notebook has used yet the engine of `cwd`; false where it does not fit there. */
  moveTo(cwd: string): boolean {
    return this.#checker.moveTo(cwd, (file) => keptFile(file.fileName) === file);
  }

  compile(code: string, { count }: { count: number }): CompileResult {
    const ahead = this.#takePrepared(code, count);
    if (ahead) return { ok: true, token: this.#pending.add(ahead.cell), cell: ahead.compiled };
    const cell = this.#checker.add(code);
    const rejected = this.#check(cell, count);
    if (rejected) return rejected;
    return {
      ok: true,
      token: this.#pending.add(cell),
      cell: compileCell(cell, this.#checker.checker, count),
    };
  }

  /** Checks a cell that is never run; gives the error numbers, and makes its names visible where there are none. */
  probe(code: string): number[] {
    const cell = this.#checker.add(code);
    const rejected = this.#check(cell, 0);
    if (!rejected) this.#checker.commit(cell);
    return (rejected?.diagnostics ?? []).map((item) => item.code);
  }

  check(code: string, { name, count }: CellToCheck, isKept: boolean): CheckedCell {
    const cell = this.#checker.add(code);
    nameCell(cell, name);
    const errors = this.#errors(cell);
    const checked = {
      errors: shown(cell, name, errors),
      declares: declaredNames(cell, this.#checker.checker, (known) => this.#checker.earlier(known)),
      uses: usedNames(cell),
      files: this.#checker.importedFiles(cell).map((file) => file.fileName),
      ...(count !== undefined && { verdict: this.#verdict(cell, count, errors) }),
    };
    if (isKept) this.#checker.commit(cell);
    else this.#checker.remove(cell);
    return checked;
  }

  #verdict(cell: ts.SourceFile, count: number, errors: ts.DiagnosticWithLocation[]): CellVerdict {
    if (errors.length > 0) return reject(cell, count, errors);
    return { ok: true, cell: compileCell(cell, this.#checker.checker, count) };
  }

  prepare(code: string, { count }: { count: number }, after: number): void {
    this.#dropPrepared();
    const previous = this.#pending.get(after);
    const ahead = previous && this.#checker.addAhead(code, previous);
    // Errors may be gone when the cell before has run: it installs packages and writes files.
    if (!ahead || this.#check(ahead.cell, count)) return;
    this.#prepared = { ...ahead, code, compiled: compileCell(ahead.cell, ahead.checker, count) };
  }

  /** The cell if it was prepared, and all came as expected. */
  #takePrepared(code: string, count: number): PreparedCell | undefined {
    const prepared = this.#prepared;
    if (prepared?.code !== code || prepared.compiled.count !== count) return undefined;
    if (this.#checker.isCurrent(prepared)) {
      this.#prepared = undefined;
      return prepared;
    }
    this.#dropPrepared();
    return undefined;
  }

  #dropPrepared(): void {
    if (this.#prepared) this.#checker.remove(this.#prepared.cell);
    this.#prepared = undefined;
  }

  /** What is wrong with a cell; then the cell is forgotten. */
  #check(cell: ts.SourceFile, count: number): Rejected | undefined {
    nameCell(cell, count);
    const errors = this.#errors(cell);
    if (errors.length === 0) return undefined;
    this.#checker.remove(cell);
    return reject(cell, count, errors);
  }

  #errors(cell: ts.SourceFile): ts.DiagnosticWithLocation[] {
    const refusals = refused(cell);
    if (refusals.length > 0) return refusals;
    return [
      ...relevant(applyDirectives(cell, this.#checker.diagnostics(cell))),
      ...this.#checker.importedErrors(cell),
    ];
  }

  commit(token: number, undone?: readonly string[]): void {
    const cell = this.#pending.take(token);
    if (cell) this.#checker.commit(cell, undone);
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
    this.#prepared = undefined;
    this.#checker.reset();
  }
}
