/**
 * Makes a declaration file small, for the start-up snapshot: of most of its statements only the names stay, and where
 * their source stands (`sleeping-symbol.ts`). A notebook uses few of the thousands of declarations in the libraries, and
 * a tree that is not in the snapshot need not be unpacked at every start.
 */
import ts from 'typescript';
import { type Container, SleepingSymbol, type Unit } from './sleeping-symbol.js';
import { type BoundNode, bound, internals, type SymbolFields } from './typescript-internal.js';

/** @param file a declaration file that was bound, and that no checker has seen */
export function putToSleep(file: ts.SourceFile): void {
  sleepIn({ file, block: undefined, exportsAll: exportsAll(file) }, bound(file));
  // What else would keep the trees in memory.
  const inner = internals(file);
  const indicator = inner.externalModuleIndicator as ts.Statement | undefined;
  if (indicator && !file.statements.includes(indicator)) inner.externalModuleIndicator = file;
  inner.identifiers = new Map();
  inner.classifiableNames = new Set();
  forgetOrder(file);
}

function sleepIn(container: Container, node: BoundNode): void {
  const list = (container.block ?? container.file).statements as unknown as ts.Statement[];
  const sleeping = new Set(
    groupsOf(list)
      .filter((group) => canSleep(group, node))
      .flatMap((group) => sleep(group, container, node)),
  );
  list.splice(0, list.length, ...list.filter((statement) => !sleeping.has(statement)));
  for (const statement of list) {
    const block = blockOf(statement);
    if (block)
      sleepIn({ file: container.file, block, exportsAll: exportsAll(block.parent) }, bound(statement));
  }
}

/** Statements that declare the same names. */
interface Group {
  statements: ts.Statement[];
  declarations: Set<ts.Node>;
  symbols: Set<SymbolFields>;
}

function groupsOf(statements: readonly ts.Statement[]): Group[] {
  const groupOf = new Map<SymbolFields, Group>();
  const groups = new Set<Group>();
  for (const statement of statements) {
    const nodes = declarationsOf(statement);
    const symbols = nodes
      .flatMap((node) => [bound(node).symbol, bound(node).localSymbol])
      .filter((symbol) => symbol !== undefined);
    const group: Group = { statements: [statement], declarations: new Set(nodes), symbols: new Set(symbols) };
    for (const other of new Set(symbols.flatMap((symbol) => groupOf.get(symbol) ?? []))) {
      group.statements.unshift(...other.statements);
      for (const declaration of other.declarations) group.declarations.add(declaration);
      for (const symbol of other.symbols) group.symbols.add(symbol);
      groups.delete(other);
    }
    groups.add(group);
    for (const symbol of group.symbols) groupOf.set(symbol, group);
  }
  return [...groups];
}

/** What a statement that may sleep declares. */
function declarationsOf(statement: ts.Statement): ts.Node[] {
  if (ts.isVariableStatement(statement)) return [...statement.declarationList.declarations];
  const mayBe =
    ts.isInterfaceDeclaration(statement) ||
    ts.isTypeAliasDeclaration(statement) ||
    ts.isClassDeclaration(statement) ||
    ts.isFunctionDeclaration(statement) ||
    ts.isEnumDeclaration(statement);
  return mayBe ? [statement] : [];
}

/** Whether these statements are all there is to these names, and the names are where they are looked for. */
function canSleep({ declarations, symbols }: Group, { locals, symbol: owner }: BoundNode): boolean {
  return (
    symbols.size > 0 &&
    [...symbols].every(
      (symbol) =>
        symbol.declarations?.every((declaration) => declarations.has(declaration)) &&
        (symbol.parent ? owner?.exports : locals)?.get(symbol.escapedName) === symbol,
    )
  );
}

function sleep(group: Group, container: Container, { locals, symbol: owner }: BoundNode): ts.Statement[] {
  const statements = group.statements.sort((a, b) => a.pos - b.pos);
  const unit: Unit = { container, ranges: statements.flatMap(({ pos, end }) => [pos, end]), symbols: [] };
  const asleep = new Map([...group.symbols].map((symbol) => [symbol, new SleepingSymbol(symbol, unit)]));
  unit.symbols.push(...asleep.values());
  for (const [symbol, sleeping] of asleep) {
    const { escapedName: name, exportSymbol, parent } = symbol;
    sleeping.exportSymbol = exportSymbol && (asleep.get(exportSymbol) ?? exportSymbol);
    const table = parent ? owner?.exports : locals;
    table!.set(name, sleeping as unknown as SymbolFields);
  }
  return statements;
}

/** A namespace or module stays, with its statements asleep one by one: what it is depends on what stands around it. */
function blockOf(statement: ts.Statement): (ts.ModuleBlock & { parent: ts.ModuleDeclaration }) | undefined {
  const body = ts.isModuleDeclaration(statement) ? statement.body : undefined;
  return body && ts.isModuleBlock(body)
    ? (body as ts.ModuleBlock & { parent: ts.ModuleDeclaration })
    : undefined;
}

function exportsAll(node: ts.Node): boolean {
  return (node.flags & exportContext) !== 0;
}
const exportContext = 128; // `NodeFlags.ExportContext`, which is not public

/** The binder leaves a list of all that has names of its own, in order; nobody reads it in declaration files. */
function forgetOrder(node: ts.Node): void {
  if (bound(node).nextContainer) bound(node).nextContainer = undefined;
  ts.forEachChild(node, forgetOrder);
}
