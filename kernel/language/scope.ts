/**
 * What a cell can see of the cells before it. A cell's file gets as parent an empty module whose `locals` table
 * holds the newest symbol of every name; the compiler's ordinary name lookup does the rest. Where a new symbol
 * lacks a meaning of the one it replaces (a value where there was a type), the old one stays visible in a second table behind.
 */
import ts from 'typescript';
import { internal, internals, visibleSymbol } from './typescript-internal.js';

const allMeanings = ts.SymbolFlags.Value | ts.SymbolFlags.Type | ts.SymbolFlags.Namespace;

/** What a symbol can mean; an import may mean anything. */
function meanings(symbol: ts.Symbol): number {
  return symbol.flags & ts.SymbolFlags.Alias ? allMeanings : symbol.flags & allMeanings;
}

/** `let x: T` may get its value in any cell: uses in other cells are no uses before assignment. */
function assumeAssigned({ valueDeclaration: node }: ts.Symbol): void {
  if (!node || !ts.isVariableDeclaration(node) || node.initializer || !node.type) return;
  (node as { exclamationToken?: ts.ExclamationToken }).exclamationToken ??= ts.factory.createToken(
    ts.SyntaxKind.ExclamationToken,
  );
}

type Table = ReadonlyMap<ts.__String, ts.Symbol>;

export class Scope {
  readonly #newest: Table;
  readonly #behind: Table;
  #next: { cell: ts.SourceFile; scope: Scope } | undefined;

  /** @param empty an empty bound module file that stands for the scope in the parent chain */
  private constructor(
    readonly empty: ts.SourceFile,
    newest: Table,
    behind: Table,
  ) {
    this.#newest = newest;
    this.#behind = behind;
  }

  /** Puts a cell under the names of this scope. */
  attach(cell: ts.SourceFile): void {
    internals(cell).parent = this.#level(
      this.#newest,
      this.#behind.size ? this.#level(this.#behind) : undefined,
    );
  }

  /** The newest declaration of a name. */
  get(name: string): ts.Symbol | undefined {
    return this.#newest.get(ts.escapeLeadingUnderscores(name));
  }

  #level(table: Table, parent?: ts.SourceFile): ts.SourceFile {
    const level = Object.create(this.empty) as ts.SourceFile;
    internals(level).locals = table as ts.SymbolTable;
    internals(level).parent = parent;
    return level;
  }

  /** The scope with the declarations of one more cell; asked twice in a row for the same cell, the same scope. */
  with(cell: ts.SourceFile): Scope {
    if (this.#next?.cell !== cell) this.#next = { cell, scope: this.#extended(cell) };
    return this.#next.scope;
  }

  /** The scope with the declarations of one more cell but for these names. */
  withPart(cell: ts.SourceFile, leftOut: ReadonlySet<string>): Scope {
    return this.#extended(cell, leftOut);
  }

  #extended(cell: ts.SourceFile, leftOut?: ReadonlySet<string>): Scope {
    const newest = new Map(this.#newest);
    const behind = new Map(this.#behind);
    for (const [name, local] of internals(cell).locals ?? []) {
      if (leftOut?.has(ts.unescapeLeadingUnderscores(name))) continue;
      const symbol = visibleSymbol(local);
      assumeAssigned(symbol);
      const old = newest.get(name);
      newest.set(name, symbol);
      if (!old) continue;
      if (meanings(old) & ~meanings(symbol)) behind.set(name, old);
    }
    return new Scope(this.empty, newest, behind);
  }

  static over(
    fileName: string,
    parse: (name: string, text: string) => ts.SourceFile,
    options: ts.CompilerOptions,
  ): Scope {
    const empty = parse(fileName, '');
    internal.bindSourceFile(empty, options);
    return new Scope(empty, new Map(), new Map());
  }
}
