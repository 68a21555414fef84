/**
 * What a cell's declarations are when they run: once as our compiler made them, once as TypeScript's own transpiler
 * does. Names the cell does not declare, and all it imports, are one value that can be called, extended and read.
 */
import vm from 'node:vm';
import ts from 'typescript';
import type { CompiledCell } from '../../../kernel/language/engine.js';

const anything: unknown = new Proxy(class {}, {
  get: (target, key) => {
    if (key === 'prototype') return target.prototype;
    if (key === Symbol.toPrimitive) return () => 'anything';
    if (key === Symbol.iterator) return function* () {};
    return key === 'then' || key === Symbol.hasInstance ? undefined : anything;
  },
  apply: () => anything,
  construct: () => ({}),
});

const elsewhere = new Proxy(
  {},
  { has: (_, name) => typeof name === 'string' && !(name in globalThis), get: () => anything },
);

function evaluate(code: string): unknown {
  return vm.runInThisContext(`(elsewhere) => { with (elsewhere) { ${code} } }`)(elsewhere);
}

/** @throws what the cell throws, or a SyntaxError where the compiled code is none */
export async function ofOurs(cell: CompiledCell, names: readonly string[]): Promise<string[]> {
  const declared = cell.declares.length ? `let ${cell.declares.join(', ')};` : '';
  const [run, read] = evaluate(`${declared} return [${cell.js}, (name) => eval(name)];`) as [
    (cell: object) => unknown,
    (name: string) => unknown,
  ];
  await run({ import: async () => anything, meta: {} });
  return names.map((name) => describeValue(name, read(name)));
}

/** @throws what the module throws */
export function ofTypeScript(code: string, names: readonly string[]): string[] {
  const { outputText } = ts.transpileModule(code, {
    fileName: 'cell.ts',
    compilerOptions: { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.CommonJS },
  });
  const exported: Record<string, unknown> = {};
  const start = evaluate(
    `return (function (exports, require) { ${outputText}\nreturn (name) => eval(name); })`,
  ) as (exports: object, require: () => unknown) => (name: string) => unknown;
  const read = start(exported, () => anything);
  return names.map((name) => describeValue(name, name in exported ? exported[name] : read(name)));
}

/** As CommonJS, `export const f = () => …` assigns to a property, and the function has no name. */
function isIncidental(key: string, depth: number): boolean {
  return ['arguments', 'caller', 'prototype'].includes(key) || (key === 'name' && depth === 0);
}

/** Shape and values, three levels deep; of functions and classes name, parameters and members. */
function describeValue(name: string, value: unknown, depth = 0): string {
  if (value === anything) return `${name}: anything`;
  if (typeof value !== 'object' && typeof value !== 'function') return `${name}: ${String(value)}`;
  if (value === null || depth === 3) return `${name}: ${typeof value}`;
  const isFunction = typeof value === 'function';
  const isClass = isFunction && /^class\b/.test(Function.prototype.toString.call(value));
  const members = Object.entries(Object.getOwnPropertyDescriptors(value))
    .filter(([key]) => !isFunction || !isIncidental(key, depth))
    .map(([key, { get, set, value: member }]) =>
      get || set ? `${key}: ${get ? 'get' : ''}${set ? 'set' : ''}` : describeValue(key, member, depth + 1),
    );
  const prototype = isClass
    ? [describeValue('prototype', (value as { prototype: unknown }).prototype, 2)]
    : [];
  const methods = isClass ? Reflect.ownKeys((value as { prototype: object }).prototype).map(String) : [];
  const kind = isClass ? 'class' : isFunction ? 'function' : Array.isArray(value) ? 'array' : 'object';
  return `${name}: ${kind} {${[...members, ...prototype, ...methods].join('; ')}}`;
}
