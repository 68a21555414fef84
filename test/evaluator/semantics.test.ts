/** What cells mean: each case is one or more cells, checked, compiled and run for real, with the results they must show. */
import { describe, expect, it } from 'vitest';
import { Notebook } from './notebook.js';

const notebook = new Notebook();

/** title, cells, what each shows (undefined: nothing) */
type Case = [title: string, cells: string[], shown: (string | undefined)[]];

function cases(title: string, table: Case[]): void {
  describe(title, () => {
    it.each(table)('%s', async (_, cells, shown) => {
      expect(await notebook.texts(...cells)).toEqual(shown);
    });
  });
}

cases('the result is the last expression', [
  ['a value', ['1 + 1'], ['2']],
  ['a string that looks like a directive', ['"use me"'], ["'use me'"]],
  ['an object in parentheses', ['({ a: 1 })'], ['{ a: 1 }']],
  ['nothing after a declaration', ['const declared = 5'], [undefined]],
  ['nothing for undefined', ['void 0'], [undefined]],
  ['null', ['null'], ['null']],
  ['a trailing semicolon and comment change nothing', ['2 * 3; // six'], ['6']],
  ['an expression followed by a type', ['1 + 2\ntype After = string'], ['3']],
  ['an assignment', ['let assigned: number; assigned = 4'], ['4']],
  ['a comma expression', ['1, 2'], ['TS 1:1 2695']],
  ['an arrow function body is not the cell', ['(() => { return 7 })()'], ['7']],
  ['a promise is awaited', ['Promise.resolve(8)'], ['8']],
  ['a template literal over lines', ['`a\nb`'], ["'a\\nb'"]],
  ['export default gives its value', ['export default 9'], ['9']],
  ['a loop gives nothing', ['for (const i of [1]) i'], [undefined]],
  ['an empty cell', ['', '// only a comment'], [undefined, undefined]],
]);

cases('names live on', [
  ['const', ['const c1 = 5', 'c1 * 2'], [undefined, '10']],
  ['let is assigned from later cells', ['let l1 = 1', 'l1 += 4', 'l1'], [undefined, '5', '5']],
  [
    'several declarators, some empty',
    ['let d1 = 1, d2 = d1 + 1, d3: number | undefined; [d1, d2, d3]'],
    ['[ 1, 2, undefined ]'],
  ],
  [
    'a let without value forgets the old one',
    ['let e1: number | undefined = 3', 'let e1: number | undefined; e1 ?? "none"'],
    [undefined, "'none'"],
  ],
  [
    'a var without value forgets the old one',
    ['var e2: number | undefined = 3', 'var e2: number | undefined; (() => e2)() ?? "none"'],
    [undefined, "'none'"],
  ],
  [
    'object pattern with rest, default and rename',
    [
      'const { a: o1, b: o2 = 2, ...o3 } = { a: 1, c: 3, d: 4 } as { a: number; b?: number; c: number; d: number }; [o1, o2, o3]',
    ],
    ['[ 1, 2, { c: 3, d: 4 } ]'],
  ],
  [
    'array pattern with holes and rest',
    ['const [p1, , ...p2] = [1, 2, 3, 4]; [p1, p2]'],
    ['[ 1, [ 3, 4 ] ]'],
  ],
  ['nested pattern after a plain declarator', ['const q0 = 1, { x: [q1] } = { x: [2] }; q0 + q1!'], ['3']],
  [
    'var in a loop belongs to the cell',
    ['for (var v1 = 0; v1 < 3; v1++) { var v2 = v1 * 10 }', 'v1'],
    [undefined, '3'],
  ],
  [
    'var in for-of with a pattern',
    ['for (var [w1, w2] of [[1, 2], [3, 4]]) {}', '[w1, w2]'],
    [undefined, '[ 3, 4 ]'],
  ],
  ['var without value in a block is no assignment', ['var x1 = 5; { var x1: number } x1'], ['5']],
  ['let in a block does not leak', ['{ let hidden = 1; hidden }', 'hidden'], [undefined, 'TS 1:1 2304']],
  [
    'exports are ordinary names',
    ['export const ex1 = 1; const ex2 = 2; export { ex2 }', 'ex1 + ex2'],
    [undefined, '3'],
  ],
]);

cases('functions and classes', [
  [
    'functions are hoisted',
    [
      'hoisted(2); function hoisted(n: number) { return later(n) + 1 } function later(n: number) { return n * 10 }',
      'hoisted(3)',
    ],
    [undefined, '31'],
  ],
  [
    'a function at the end is no result',
    ['twice(4)\nfunction twice(n: number) { return n * 2 }'],
    [undefined],
  ],
  ['a function keeps its name', ['function named() {}', 'named.name'], [undefined, "'named'"]],
  ['an arrow keeps its name', ['const arrow = () => 1; arrow.name'], ["'arrow'"]],
  [
    'recursion, async and generators',
    [
      'function fact(n: number): number { return n < 2 ? 1 : n * fact(n - 1) } async function later2() { return fact(5) } function* gen() { yield 1; yield 2 }',
      'later2()',
      '[...gen()]',
    ],
    [undefined, '120', '[ 1, 2 ]'],
  ],
  [
    'overloads',
    [
      'function over(a: string): string; function over(a: number): number; function over(a: string | number) { return a } over(3)',
    ],
    ['3'],
  ],
  [
    'other functions see a redefinition',
    [
      'function helper() { return 1 } function caller() { return helper() }',
      'function helper() { return 2 }',
      'caller()',
    ],
    [undefined, undefined, '2'],
  ],
  [
    'closures see a new value',
    ['let seen = 1; const look = () => seen', 'seen = 7; look()'],
    [undefined, '7'],
  ],
  [
    'parameter properties and private fields',
    [
      'class Pt { #h = 1; constructor(readonly x: number, private y = 2) {} sum() { return this.x + this.y + this.#h } } new Pt(3).sum()',
    ],
    ['6'],
  ],
  [
    'a class above functions, a function above a class, values between',
    [
      'class First { n = 1 }\nfunction second() { return new First().n }\nclass Third extends First { m = second() }\nconst fourth = new Third();\nfunction fifth() { return fourth.m }\nfifth()',
      'const sixth = 6;\nimport { sep } from "node:path";\nenum Seventh { A = 7 }\nexport function eighth() { return sixth + Seventh.A }\nexport class Ninth { tenth = eighth() + sep }\nnew Ninth().tenth',
    ],
    ['1', "'13/'"],
  ],
  ['a static block refers to its class', ['class St { static made = new St(); id = 4 } St.made.id'], ['4']],
  [
    'a redefined class is new',
    [
      'class Re { a = 1 } const re1 = new Re()',
      'class Re { b = 2 } re1 instanceof (Re as unknown as new () => object)',
    ],
    [undefined, 'false'],
  ],
  [
    'inheritance over cells',
    [
      'abstract class Shape { abstract area(): number }',
      'class Square extends Shape { constructor(readonly s: number) { super() } area() { return this.s ** 2 } }',
      'new Square(3).area()',
    ],
    [undefined, undefined, '9'],
  ],
  [
    'decorators',
    [
      'const tag = (value: unknown, context: ClassMethodDecoratorContext) => { (globalThis as { tagged?: string }).tagged = String(context.name) }; class De { @tag go() {} }; (globalThis as { tagged?: string }).tagged',
    ],
    ["'go'"],
  ],
  [
    '`using` in a block',
    [
      'const log: string[] = []; { using r = { [Symbol.dispose]() { log.push("gone") } }; log.push("here"); void r } log',
    ],
    ["[ 'here', 'gone' ]"],
  ],
]);

cases('TypeScript that makes code', [
  ['enum', ['enum Color { Red, Green = 5, Blue }', '[Color.Blue, Color[5]]'], [undefined, "[ 6, 'Green' ]"]],
  [
    'a redefined enum starts anew',
    ['enum Again { A }', 'enum Again { B }', 'Object.keys(Again)'],
    [undefined, undefined, "[ '0', 'B' ]"],
  ],
  ['const enum over cells', ['const enum Ce { A = 3 }', 'Ce.A'], [undefined, '3']],
  [
    'namespace with functions',
    ['namespace Ns { export const a = 1; export function f() { return a + 1 } }', 'Ns.f()'],
    [undefined, '2'],
  ],
  [
    'namespace with a variable',
    ['namespace Nv { export let n = 1; export function inc() { n++ } }', 'Nv.inc(); Nv.n'],
    [undefined, '2'],
  ],
  [
    'types leave nothing behind',
    [
      'interface I1 { a: number } type T1 = I1 & { b: string }; declare const nothing: T1',
      'const i1: T1 = { a: 1, b: "x" }; i1 satisfies I1',
    ],
    [undefined, "{ a: 1, b: 'x' }"],
  ],
  [
    'a type and a value of one name',
    ['type Both = number', 'const Both = "value"', 'const both: Both = 3; [both, Both]'],
    [undefined, undefined, "[ 3, 'value' ]"],
  ],
]);

cases('await', [
  ['top level', ['const aw1 = await Promise.resolve(5); aw1 + 1'], ['6']],
  [
    'in a condition and a block',
    ['if (await Promise.resolve(true)) { var aw2 = await Promise.resolve(3) }', 'aw2'],
    [undefined, '3'],
  ],
  [
    'for await',
    [
      'const got: number[] = []; for await (const z of (async function* () { yield 1; yield 2 })()) got.push(z); got',
    ],
    ['[ 1, 2 ]'],
  ],
  [
    'an await in a function is not the cell’s',
    ['const fn = async () => await Promise.resolve(1); typeof fn'],
    ["'function'"],
  ],
  [
    'a rejected promise is the cell’s error',
    ['await Promise.reject(new TypeError("no"))'],
    ['TypeError: no'],
  ],
  [
    'Promise.all keeps types',
    ['const [al1, al2] = await Promise.all([1, Promise.resolve("s")]); al1.toFixed(1) + al2'],
    ["'1.0s'"],
  ],
]);

cases('imports', [
  [
    'default, namespace and named',
    [
      'import path, * as whole from "node:path"; import { join, basename as base } from "node:path"; [path.sep, whole.sep, join("a", "b"), base("x/y")]',
    ],
    ["[ '/', '/', 'a/b', 'y' ]"],
  ],
  ['names stay for later cells', ['import { EOL } from "node:os"', 'EOL'], [undefined, "'\\n'"]],
  [
    'imports are hoisted',
    ['const sepLength = sep.length; import { sep } from "node:path"; sepLength'],
    ['1'],
  ],
  [
    'import type vanishes',
    ['import type { Stats } from "node:fs"; let st: Stats | undefined; typeof st'],
    ["'undefined'"],
  ],
  [
    'a package that has only types is not loaded',
    ['import { Node as EsNode } from "estree"; let node: EsNode | undefined = undefined; typeof node'],
    ["'undefined'"],
  ],
  [
    'types beside values',
    [
      'import { parseSync, type Program } from "oxc-parser"; import { Statement } from "oxc-parser"; let program: Program = parseSync("a.js", "1").program; let s: Statement | undefined; program.type',
    ],
    ["'Program'"],
  ],
  ['side effects only', ['import "node:fs"; 1'], ['1']],
  ['dynamic', ['const os = await import("node:os"); typeof os.cpus'], ["'function'"]],
  [
    'an ESM-only package',
    ['import MagicString from "magic-string"; new MagicString("ab").append("c").toString()'],
    ["'abc'"],
  ],
  [
    'CommonJS by names and by default',
    ['import commander, { Command } from "commander"; [typeof Command, typeof commander]'],
    ['TS 1:8 1192'],
  ],
  [
    'CommonJS names Node does not detect',
    ['import * as tf from "@tensorflow/tfjs-core"; tf.version_core'],
    ["'4.22.0'"],
  ],
  ['JSON needs no attribute', ['import manifest from "./package.json"; manifest.name'], ["'kernelbook'"]],
  [
    'the library itself',
    [
      'import { display as show, type NdArray } from "kernelbook"; let array: NdArray | undefined; [typeof show, array]',
    ],
    ["[ 'function', undefined ]"],
  ],
  [
    'tfjs is the one of the library, imported or required',
    [
      'import { tf as own } from "kernelbook"; import * as tf from "@tensorflow/tfjs"; own.ones([1]) instanceof tf.Tensor',
      'const required = require("@tensorflow/tfjs") as typeof tf; [tf, required].map((one) => one.engine() === own.engine())',
      'own.registerKernel({ kernelName: "Shared", backendName: "cpu", kernelFunc: () => [] }); [tf, required].map((one) => one.getKernel("Shared", "cpu").kernelName)',
    ],
    ['true', '[ true, true ]', "[ 'Shared', 'Shared' ]"],
  ],
  ['require', ['(require("node:path") as typeof import("node:path")).sep'], ["'/'"]],
  ['import.meta', ['import.meta.dirname === process.cwd()'], ['true']],
  ['a module that is not there', ['import { x } from "no-such-package"'], ['TS 1:19 2307']],
]);

cases('strictness', [
  [
    'strict mode',
    ['Object.freeze([1]) as number[]; (() => { (Object.freeze({ a: 1 }) as { a: number }).a = 2 })()'],
    ["TypeError: Cannot assign to read only property 'a' of object '#<Object>'"],
  ],
  ['top-level this is undefined', ['typeof this'], ["'undefined'"]],
  ['const cannot be assigned', ['const fixed = 1', 'fixed = 2'], [undefined, 'TS 1:1 2588']],
  ['return is refused', ['return 5'], ['TS 1:1 1108']],
  ['JSX is refused', ['const el = <b>x</b>'], ['TS 1:12 0']],
  ['`using` at the top is refused', ['using u = { [Symbol.dispose]() {} }'], ['TS 1:1 0']],
  ['names of built-ins can be taken', ['const URL = 5; URL', 'let name = "mine"; name'], ['5', "'mine'"]],
  [
    'names of globals stay with the cells',
    [
      'const process = 5, URL = "mine"; [process, URL]',
      'const seesMine = () => process; seesMine()',
      '[typeof globalThis.process.cwd(), new (require("node:url") as typeof import("node:url")).URL("a:b").href]',
      'await import("node:os"); process + 1',
      'const process = "again"; seesMine()',
      'const process = 0; throw new Error(URL)',
      'process',
    ],
    ["[ 5, 'mine' ]", '5', "[ 'string', 'a:b' ]", '6', "'again'", 'Error: mine', '0'],
  ],
  ['a pasted script may begin with #!', ['#!/usr/bin/env node\n40 + 2'], ['42']],
  ['a byte order mark, carriage returns, U+2028', ['\uFEFF1\r\n', '"a\u2028b".length'], ['1', '3']],
  [
    'commands of IPython are refused',
    ['%matplotlib inline', '!ls -la', '!pip install x', '!true'],
    ['TS 1:1 0', 'TS 1:1 0', 'TS 1:1 0', 'false'],
  ],
  ['a very long cell', [`[${'1,'.repeat(50_000)}].length`], ['50000']],
  [
    'a let without value may be set in any cell',
    ['let filled: number', 'filled = 4', 'filled + 1'],
    [undefined, '4', '5'],
  ],
  ['labels', ['outer: for (const a of [1, 2]) { for (;;) { continue outer } }'], [undefined]],
]);
