/**
 * The LanguageService oracle for thousands of cells at once. A cell never changes the errors of an earlier one, so all
 * of them stand in one program, each written as `ServiceEngine` writes it, and every type is computed once.
 */
import { join } from 'node:path';
import ts from 'typescript';
import { withAbsentGlobals } from '../../../kernel/language/absent-globals.js';
import { parseCell } from '../../../kernel/language/cell-file.js';
import { cellGlobals, compilerOptions } from '../../../kernel/language/compiler-options.js';
import { relevant } from '../../../kernel/language/diagnostics.js';
import { ModuleHost } from '../../../kernel/language/module-host.js';
import { type KnownName, type WrittenCell, writeCell } from '../../../kernel/language/service-cell.js';

export class BatchOracle {
  readonly #cwd: string;
  readonly #cells = new Map<string, WrittenCell & { code: string }>();
  readonly #known = new Map<string, KnownName>();

  constructor(cwd: string) {
    this.#cwd = cwd;
  }

  /** Adds a cell; with `keep`, the cells that follow see what it declares. Returns its name in the answer. */
  add(code: string, keep: boolean): string {
    const module = `./__cell_${this.#cells.size}`;
    const written = writeCell(code, module, this.#known);
    const fileName = join(this.#cwd, `${module}.ts`);
    this.#cells.set(fileName, { ...written, code });
    if (keep) for (const [name, known] of written.names) this.#known.set(name, known);
    return fileName;
  }

  /** The errors of every cell, by its name. */
  answers(): Map<string, ts.DiagnosticWithLocation[]> {
    const program = this.#program();
    const checker = program.getTypeChecker();
    return new Map(
      [...this.#cells].map(([fileName, { code, offset }]) => {
        const own = parseCell(fileName, code);
        const file = program.getSourceFile(fileName)!;
        const errors = program.getSemanticDiagnostics(file) as ts.DiagnosticWithLocation[];
        const found = withAbsentGlobals(file, checker, new Set(), errors)
          .filter(({ start = -1 }) => start >= offset && start <= offset + code.length)
          .map((item) => ({ ...item, file: own, start: item.start! - offset, length: item.length ?? 0 }));
        return [fileName, relevant(found)];
      }),
    );
  }

  #program(): ts.Program {
    const options = compilerOptions(this.#cwd);
    const host = new ModuleHost(this.#cwd, options);
    const globals = join(this.#cwd, '__globals.d.ts');
    host.setVirtual(globals, cellGlobals, true);
    for (const [fileName, { text }] of this.#cells) host.setVirtual(fileName, text, false);
    const ordinary = host.resolveModuleNameLiterals;
    host.resolveModuleNameLiterals = (literals, containing, redirect, settings, file) =>
      literals.map((literal) => {
        const cell = join(this.#cwd, `${literal.text}.ts`);
        if (!this.#cells.has(cell)) return ordinary([literal], containing, redirect, settings, file)[0]!;
        return {
          resolvedModule: { resolvedFileName: cell, extension: '.ts', isExternalLibraryImport: false },
        };
      });
    return ts.createProgram({ rootNames: [globals, ...this.#cells.keys()], options, host });
  }
}
