/**
 * Imports that name only types must not run: the module may not exist at run time. The checker knows which these
 * are, as the stripper, seeing one cell, cannot.
 */
import ts from 'typescript';

export interface TypeImports {
  /** The source with wholly type-only imports blanked, every position unchanged. */
  source: string;
  /** Local names of type-only specifiers that stand beside values in one import. */
  names: ReadonlySet<string>;
}

export function eraseTypeImports(cell: ts.SourceFile, checker: ts.TypeChecker): TypeImports {
  const names = new Set<string>();
  let source = cell.text;
  for (const statement of cell.statements) {
    if (!ts.isImportDeclaration(statement) || !statement.importClause) continue;
    const locals = localNames(statement.importClause);
    const types = locals.filter((name) => isType(name, checker));
    if (types.length === 0) continue;
    if (types.length === locals.length) source = blank(source, statement.getStart(cell), statement.end);
    else for (const name of types) names.add(name.text);
  }
  return { source, names };
}

function localNames(clause: ts.ImportClause): ts.Identifier[] {
  const bindings = clause.namedBindings;
  const named = !bindings
    ? []
    : ts.isNamespaceImport(bindings)
      ? [bindings.name]
      : bindings.elements.map((e) => e.name);
  return clause.name ? [clause.name, ...named] : named;
}

function isType(name: ts.Identifier, checker: ts.TypeChecker): boolean {
  const symbol = checker.getSymbolAtLocation(name);
  if (!symbol || !(symbol.flags & ts.SymbolFlags.Alias)) return false;
  const target = checker.getAliasedSymbol(symbol);
  return (target.flags & ts.SymbolFlags.Value) === 0 && (target.flags & ts.SymbolFlags.Type) !== 0;
}

function blank(text: string, start: number, end: number): string {
  return text.slice(0, start) + text.slice(start, end).replaceAll(/[^\r\n]/g, ' ') + text.slice(end);
}
