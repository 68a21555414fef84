/**
 * A cell as a module of its own, for the LanguageService: imports of the names it uses from the cells before it, its
 * text unchanged, exports of all it declares.
 */
import ts from 'typescript';
import { parseCell } from './cell-file.js';
import { isObjectCell } from './object-cell.js';

export interface KnownName {
  module: string;
  /** A `let` of an earlier cell may be assigned; an imported name may not. */
  isVariable: boolean;
}

export interface WrittenCell {
  text: string;
  /** Length of the imports put before the user's text. */
  offset: number;
  /** What later cells may import from it. */
  names: Map<string, KnownName>;
}

/**
 * @param module the specifier under which later cells import this one
 * @param known what earlier cells declared
 * @param offered the names to import where they are known; those the text mentions if not given
 */
export function writeCell(
  code: string,
  module: string,
  known: ReadonlyMap<string, KnownName>,
  offered: Iterable<string> = wordsOf(code),
): WrittenCell {
  const own = parseCell('cell.ts', code);
  const declared = declarations(own);
  const imports: string[] = [];
  for (const name of new Set(offered)) {
    const origin = known.get(name);
    if (!origin || declared.has(name)) continue;
    imports.push(
      origin.isVariable
        ? `declare let ${name}: typeof import("${origin.module}").${name};`
        : `import { ${name} } from "${origin.module}";`,
    );
  }
  const isObject = isObjectCell(own);
  const prefix = `${imports.join(' ')}${isObject ? '(' : ''}`;
  const exported = [...declared].filter(([, item]) => !item.isExported).map(([name]) => name);
  const names = new Map([...declared].map(([name, { isVariable }]) => [name, { module, isVariable }]));
  return {
    text: `${prefix}${code}\n${isObject ? ');' : ''}export { ${exported.join(', ')} };`,
    offset: prefix.length,
    names,
  };
}

function wordsOf(code: string): string[] {
  return code.match(/[\p{ID_Start}$_][\p{ID_Continue}$]*/gu) ?? [];
}

interface Declared {
  isVariable: boolean;
  isExported: boolean;
}

/** The top-level names of a cell. */
function declarations(file: ts.SourceFile): Map<string, Declared> {
  const found = new Map<string, Declared>();
  const bind = (name: ts.BindingName, item: Declared): void => {
    if (ts.isIdentifier(name)) found.set(name.text, item);
    else for (const element of name.elements) if (ts.isBindingElement(element)) bind(element.name, item);
  };
  for (const statement of file.statements) {
    const modifiers = ts.canHaveModifiers(statement) ? ts.getModifiers(statement) : undefined;
    const isExported = modifiers?.some((item) => item.kind === ts.SyntaxKind.ExportKeyword) ?? false;
    const isDefault = modifiers?.some((item) => item.kind === ts.SyntaxKind.DefaultKeyword) ?? false;
    const item = { isVariable: false, isExported: isExported && !isDefault };
    if (ts.isVariableStatement(statement)) {
      const isVariable = (statement.declarationList.flags & ts.NodeFlags.Const) === 0;
      for (const { name } of statement.declarationList.declarations) bind(name, { ...item, isVariable });
    } else if (ts.isImportDeclaration(statement) && statement.importClause) {
      const { name, namedBindings } = statement.importClause;
      if (name) found.set(name.text, item);
      if (namedBindings && ts.isNamespaceImport(namedBindings)) found.set(namedBindings.name.text, item);
      else if (namedBindings)
        for (const element of namedBindings.elements) found.set(element.name.text, item);
    } else if (
      ts.isFunctionDeclaration(statement) ||
      ts.isClassDeclaration(statement) ||
      ts.isInterfaceDeclaration(statement) ||
      ts.isTypeAliasDeclaration(statement) ||
      ts.isEnumDeclaration(statement) ||
      ts.isModuleDeclaration(statement)
    ) {
      if (statement.name && ts.isIdentifier(statement.name)) found.set(statement.name.text, item);
    }
  }
  return found;
}
