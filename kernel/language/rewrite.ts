/**
 * From a module's JavaScript to a cell the evaluator can run again and again in one global scope:
 *   names        `const x = 1` -> `x = 1`; the evaluator keeps one script-level `let x` for all cells
 *   functions    `function f() {}` -> `f = function () {};`, moved up, as declarations are hoisted
 *   imports      `import { a } from 'm'` -> `({ a } = await __cell.import("m"));`, moved up
 *   exports      lose the word `export`
 *   last value   `expression;` -> `return (expression);`
 *   progress     after a name has its value, `__cell.ran` tells how many of `declares` have theirs: a cell that fails keeps these
 * The result is `(function (__cell) { "use strict"; … })`, async only where the cell awaits. Expects output of
 * `transpile`: plain JavaScript with every semicolon in place.
 */
import MagicString from 'magic-string';
import {
  type Declaration,
  type ExportDefaultDeclaration,
  type Node,
  parseSync,
  type Statement,
  type VariableDeclaration,
} from 'oxc-parser';
import { dialect } from '../dialect.js';
import { type Found, survey } from './survey.js';

export interface Rewritten {
  js: string;
  /** In the order in which they get their values. */
  declares: string[];
  usesAwait: boolean;
  mappings: string;
}

/** @param erased local names of imports that are only types */
export function rewrite(js: string, erased: ReadonlySet<string>): Rewritten {
  return new CellRewriter(js, erased).run();
}

class CellRewriter {
  readonly #text: MagicString;
  readonly #names = new Set<string>();
  readonly #vars = new Set<string>();
  readonly #erased: ReadonlySet<string>;
  #usesAwait = false;

  constructor(
    readonly js: string,
    erased: ReadonlySet<string>,
  ) {
    this.#text = new MagicString(js);
    this.#erased = erased;
  }

  run(): Rewritten {
    const { program, errors } = parseSync('cell.js', this.js, { sourceType: 'module', lang: 'js' });
    if (errors.length) throw new SyntaxError(errors[0]!.message);
    const statements = (program.body as Statement[]).filter((node) => node.type !== 'EmptyStatement');
    const anchor = statements.find((node) => !isHoisted(node));
    const last = statements.findLast((node) => !isExportList(node));
    const inOrder = [...statements.filter(isHoisted), ...statements.filter((node) => !isHoisted(node))];
    for (const node of inOrder) {
      this.#applySurvey(survey(node), node);
      if (node === last && this.#returnValue(node)) continue;
      this.#statement(node);
      if (anchor && node.start > anchor.start && isHoisted(node))
        this.#text.move(node.start, node.end, anchor.start);
    }
    const reset = [...this.#vars].map((name) => `${name} = `).join('');
    const hasExports = dialect() !== 'typescript' && !this.#names.has('exports');
    const parameters = hasExports ? '__cell, exports' : '__cell';
    const head = `(${this.#usesAwait ? 'async ' : ''}function (${parameters}) { "use strict"; ${reset ? `${reset}void 0; ` : ''}`;
    this.#text.prepend(head).append('\n})');
    const map = this.#text.generateMap({ source: 'cell.js', hires: false });
    return {
      js: this.#text.toString(),
      declares: [...this.#names],
      usesAwait: this.#usesAwait,
      mappings: map.mappings,
    };
  }

  /** What lies deeper in a statement: awaits, `var`s that belong to the cell, `import()` and `import.meta`. */
  #applySurvey(found: Found, statement: Statement): void {
    if (found.awaits) this.#usesAwait = true;
    for (const node of found.dynamicImports)
      this.#text.overwrite(node.start, node.start + 'import'.length, '__cell.import');
    for (const node of found.importMetas) this.#text.overwrite(node.start, node.end, '__cell.meta');
    const known = this.#names.size;
    for (const { declaration, isLoopTarget } of found.nestedVars)
      this.#variables(declaration, { isLoopTarget, isNested: true });
    // Such a `var` may get its value many times or never: it counts as soon as its statement begins.
    if (this.#names.size > known) this.#text.prependRight(statement.start, `${this.#progress()}; `);
  }

  /** Turns the last statement into `return (…)` if it is an expression. */
  #returnValue(node: Statement): boolean {
    if (node.type === 'ExpressionStatement') {
      this.#text.prependRight(node.start, 'return (').overwrite(node.expression.end, node.end, ');');
      return true;
    }
    if (node.type !== 'ExportDefaultDeclaration' || isDeclaration(node.declaration)) return false;
    this.#replaceExport(node, 'return ');
    return true;
  }

  /** `export default value` -> `return (value);`. What has no name is called `default`, as in a module. */
  #replaceExport(node: ExportDefaultDeclaration, verb: string): void {
    const { start, end } = node.declaration;
    const [before, after] = takesName(node.declaration) ? ['({ default: ', ' }).default;'] : ['(', ');'];
    this.#text.remove(node.start, start).remove(end, node.end);
    this.#text.prependRight(start, `${verb}${before}`).appendLeft(end, after);
  }

  #statement(node: Statement): void {
    switch (node.type) {
      case 'ImportDeclaration':
        this.#usesAwait = true;
        this.#text.overwrite(node.start, node.end, this.#importText(node));
        return;
      case 'ExportAllDeclaration':
        this.#usesAwait = true;
        this.#text.overwrite(
          node.start,
          node.end,
          `await __cell.import(${JSON.stringify(node.source.value)});`,
        );
        return;
      case 'ExportNamedDeclaration':
        if (node.declaration) {
          this.#text.remove(node.start, node.declaration.start);
          this.#declaration(node.declaration);
        } else if (node.source) {
          this.#usesAwait = true;
          this.#text.overwrite(
            node.start,
            node.end,
            `await __cell.import(${JSON.stringify(node.source.value)});`,
          );
        } else this.#text.remove(node.start, node.end);
        return;
      case 'ExportDefaultDeclaration':
        if (isDeclaration(node.declaration)) {
          this.#text.remove(node.start, node.declaration.start);
          this.#declaration(node.declaration);
        } else this.#replaceExport(node, 'void ');
        return;
      default:
        this.#declaration(node);
    }
  }

  /** What is added goes on the inner side of the node: functions are moved between other statements. */
  #declaration(node: Statement | Declaration): void {
    if (node.type === 'VariableDeclaration') {
      this.#variables(node);
    } else if (node.type === 'FunctionDeclaration' && node.id) {
      this.#names.add(node.id.name);
      this.#text
        .prependRight(node.start, `${node.id.name} = `)
        .remove(node.id.start, node.id.end)
        .appendLeft(node.end, `; ${this.#progress()};`);
    } else if (node.type === 'ClassDeclaration' && node.id) {
      // The class keeps its inner name: static blocks refer to it before the assignment is done.
      this.#names.add(node.id.name);
      this.#text
        .prependRight(node.start, `${node.id.name} = `)
        .appendLeft(node.end, `; ${this.#progress()};`);
    }
  }

  /** To go where all names so far have their values. */
  #progress(): string {
    return `__cell.ran = ${this.#names.size}`;
  }

  /** `const a = 1, { b } = c` -> `a = 1, ({ b } = c)`; the names live outside. */
  #variables(node: VariableDeclaration, { isLoopTarget = false, isNested = false } = {}): void {
    const isVar = node.kind === 'var';
    for (const { id, init, start, end } of node.declarations) {
      for (const name of namesOf(id)) {
        this.#names.add(name);
        if (isVar) this.#vars.add(name);
      }
      if (isLoopTarget) continue;
      const progress = isNested ? '' : `, ${this.#progress()}`;
      if (!init)
        this.#text.overwrite(
          start,
          end,
          `${isVar ? '0' : `${this.js.slice(start, end)} = void 0`}${progress}`,
        );
      else if (id.type !== 'Identifier') this.#text.prependRight(start, '(').appendLeft(end, `)${progress}`);
      else this.#text.appendLeft(end, progress);
    }
    this.#text.remove(node.start, node.declarations[0]!.start);
  }

  #importText(node: Extract<Statement, { type: 'ImportDeclaration' }>): string {
    const attributes = node.attributes.map(
      ({ key, value }) => `${this.js.slice(key.start, key.end)}: ${value.raw}`,
    );
    const options = attributes.length ? `, { with: { ${attributes.join(', ')} } }` : '';
    const module = `await __cell.import(${JSON.stringify(node.source.value)}${options})`;
    const specifiers = node.specifiers.filter(({ local }) => !this.#erased.has(local.name));
    for (const { local } of specifiers) this.#names.add(local.name);
    const space = specifiers.find((item) => item.type === 'ImportNamespaceSpecifier')?.local.name;
    const members = specifiers.flatMap((item) => {
      if (item.type === 'ImportNamespaceSpecifier') return [];
      if (item.type === 'ImportDefaultSpecifier') return [`default: ${item.local.name}`];
      const imported =
        item.imported.type === 'Identifier' ? item.imported.name : JSON.stringify(item.imported.value);
      return [`${imported}: ${item.local.name}`];
    });
    const assigned = space ? `${space} = ${module}` : module;
    const progress = specifiers.length ? ` ${this.#progress()};` : '';
    return `${members.length ? `({ ${members.join(', ')} } = ${assigned});` : `${assigned};`}${progress}`;
  }
}

function isDeclaration(node: Node): node is Declaration {
  return (node.type === 'FunctionDeclaration' || node.type === 'ClassDeclaration') && node.id !== null;
}

/** Whether a value is a function or class that has no name of its own. */
function takesName(node: Node): boolean {
  if (node.type === 'ParenthesizedExpression') return takesName(node.expression);
  if (node.type === 'ArrowFunctionExpression') return true;
  return /^(?:Function|Class)(?:Expression|Declaration)$/.test(node.type) && 'id' in node && node.id === null;
}

/** `export { a, b }`, also the empty one a stripper leaves to mark a module. */
function isExportList(node: Statement): boolean {
  return node.type === 'ExportNamedDeclaration' && !node.declaration && !node.source;
}

/** Evaluated before the rest of the cell, wherever it stands. */
function isHoisted(node: Statement): boolean {
  if (node.type === 'ImportDeclaration' || node.type === 'FunctionDeclaration') return true;
  if (node.type === 'ExportNamedDeclaration' || node.type === 'ExportDefaultDeclaration') {
    return node.declaration?.type === 'FunctionDeclaration' && node.declaration.id !== null;
  }
  return false;
}

function namesOf(pattern: Node): string[] {
  switch (pattern.type) {
    case 'Identifier':
      return [pattern.name];
    case 'ObjectPattern':
      return pattern.properties.flatMap((item) =>
        namesOf(item.type === 'RestElement' ? item.argument : item.value),
      );
    case 'ArrayPattern':
      return pattern.elements.flatMap((item) => (item ? namesOf(item) : []));
    case 'AssignmentPattern':
      return namesOf(pattern.left);
    case 'RestElement':
      return namesOf(pattern.argument);
    default:
      return [];
  }
}
