/** One walk over a statement of a cell for what the rewriter must know about its inside. */
import type { ImportExpression, MetaProperty, Node, VariableDeclaration } from 'oxc-parser';

export interface Found {
  /** An `await` or `for await` that belongs to the cell itself. */
  awaits: boolean;
  /** `var` in a block or loop head: it belongs to the whole cell. */
  nestedVars: { declaration: VariableDeclaration; isLoopTarget: boolean }[];
  dynamicImports: ImportExpression[];
  importMetas: MetaProperty[];
}

type Fields = Record<string, unknown>;

export function survey(statement: Node): Found {
  const found: Found = { awaits: false, nestedVars: [], dynamicImports: [], importMetas: [] };
  walk(statement, statement, false, found);
  return found;
}

function walk(node: Node, top: Node, inFunction: boolean, found: Found): void {
  switch (node.type) {
    case 'AwaitExpression':
      found.awaits ||= !inFunction;
      break;
    case 'ForOfStatement':
      found.awaits ||= node.await && !inFunction;
      break;
    case 'ImportExpression':
      found.dynamicImports.push(node);
      break;
    case 'MetaProperty':
      if (node.meta.name === 'import') found.importMetas.push(node);
      break;
  }
  const scope = inFunction || isVarScope(node);
  for (const [key, value] of Object.entries(node as unknown as Fields)) {
    if (typeof value !== 'object' || value === null) continue;
    for (const child of Array.isArray(value) ? value : [value]) {
      if (!isNode(child)) continue;
      if (!scope && child.type === 'VariableDeclaration' && child.kind === 'var' && !isOwn(node, top)) {
        const isLoopTarget =
          key === 'left' && (node.type === 'ForInStatement' || node.type === 'ForOfStatement');
        found.nestedVars.push({ declaration: child, isLoopTarget });
      }
      walk(child, top, scope, found);
    }
  }
}

/** `export var x`: the declaration itself is handled as a statement of the cell. */
function isOwn(parent: Node, top: Node): boolean {
  return parent === top && parent.type === 'ExportNamedDeclaration';
}

function isVarScope(node: Node): boolean {
  return (
    node.type === 'FunctionDeclaration' ||
    node.type === 'FunctionExpression' ||
    node.type === 'ArrowFunctionExpression' ||
    node.type === 'StaticBlock' ||
    node.type === 'PropertyDefinition'
  );
}

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && typeof (value as Fields).type === 'string';
}
