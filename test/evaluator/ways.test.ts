/** One TypeScript for cells, imported files, linked packages and workers. */
import { type Corpus, testEveryWay } from './ways.js';

const corpus: Corpus = {
  'a decorated method': [
    '["hi",3]',
    `const seen: string[] = [];
     const logged = (f: (n: number) => number, context: ClassMethodDecoratorContext) =>
       (n: number) => { seen.push(String(context.name)); return f(n); };
     class Service { @logged hi(n: number) { return n; } }
     const answer = new Service().hi(3);
     const result = [...seen, answer];`,
  ],
  'a decorated class and field': [
    '["Model",4]',
    `const named = <T extends abstract new (...args: never[]) => object>(one: T, context: ClassDecoratorContext<T>) => { names.push(context.name!); };
     const names: string[] = [];
     const doubled = (_: undefined, _context: ClassFieldDecoratorContext<unknown, number>) => (start: number) => start * 2;
     @named class Model { @doubled size = 2; }
     const result = [...names, new Model().size];`,
  ],
  'an accessor': [
    '[1,5]',
    `class Box { accessor value = 1; } const box = new Box(); const first = box.value; box.value = 5; const result = [first, box.value];`,
  ],
  'using in a block': [
    '["body","end"]',
    `const result: string[] = []; { using _held = { [Symbol.dispose]() { result.push('end'); } }; result.push('body'); }`,
  ],
  'using in a function': [
    '["body","end"]',
    `function work() { using _held = { [Symbol.dispose]() { result.push('end'); } }; result.push('body'); } const result: string[] = []; work();`,
  ],
  'await using': [
    '["body","end"]',
    `const result: string[] = []; { await using _held = { async [Symbol.asyncDispose]() { result.push('end'); } }; result.push('body'); }`,
  ],
  'a namespace in two parts': [
    '[1,2]',
    `namespace Parts { export const a = 1; } namespace Parts { export const b = a + 1; } const result = [Parts.a, Parts.b];`,
  ],
  'a namespace that exports a variable': [
    '[1,3]',
    `namespace Count { export let n = 1; export function add(k: number) { n += k; } } const before = Count.n; Count.add(2); const result = [before, Count.n];`,
  ],
  'a nested namespace': [
    '7',
    `namespace A.B { export const x = 3; } namespace A.B { export const y = x + 4; } const result = A.B.y;`,
  ],
  'a namespace of a class': [
    '"3 cm"',
    `class Size { constructor(readonly n: number) {} text() { return this.n + ' ' + Size.unit; } } namespace Size { export let unit = 'cm'; } const result = new Size(3).text();`,
  ],
  'a namespace of a function': [
    '[2,3]',
    `function next() { return ++next.last; } namespace next { export let last = 1; } const result = [next(), next()];`,
  ],
  'an alias of a member of a namespace': [
    '4',
    `namespace N { export const q = 4; } import q = N.q; const result = q;`,
  ],
  'import = require': [
    '["a/b",3]',
    `import path = require('node:path'); namespace N { export let n = 3; } const result = [path.posix.join('a', 'b'), N.n];`,
  ],
  'import = require alone': [
    '"a/b"',
    `import path = require('node:path'); const result = path.posix.join('a', 'b');`,
  ],
  enums: [
    '[0,"Up",2,"b"]',
    `enum Way { Up, Down = 2 } enum Text { B = 'b' } const result = [Way.Up, Way[0], Way.Down, Text.B];`,
  ],
  'an enum in two parts': ['[0,1,"Y"]', `enum E { X } enum E { Y = X + 1 } const result = [E.X, E.Y, E[1]];`],
  'an enum of the text of another': [
    '["a"]',
    `enum A { X = 'a' } enum B { X = A.X } const result = Object.values(B);`,
  ],
  'a const enum': ['[1,2]', `const enum Flag { A = 1, B = A << 1 } const result = [Flag.A, Flag.B];`],
  'parameter properties': [
    '[1,2]',
    `class P { constructor(readonly a: number, private b = 2) {} sum() { return [this.a, this.b]; } } const result = new P(1).sum();`,
  ],
  'an abstract class': [
    '2',
    `abstract class Base { abstract n: number; twice() { return this.n * 2; } } class One extends Base { n = 1; } const result = new One().twice();`,
  ],
  'a declared field': [
    '["x"]',
    `class A { x = 1; } class B extends A { declare y: number; } const result = Object.keys(new B());`,
  ],
  'types that go away': [
    '3',
    `interface I { n: number } type T = I & { m?: string }; declare const nowhere: string; const one = { n: 3 } satisfies T as I; const result = one!.n;`,
  ],
  'a type before a value': ['3', `const result = <number>(3 as unknown);`],
  'a static block': ['5', `class S { static n: number; static { S.n = 5; } } const result = S.n;`],
  'an overloaded function': [
    '["s",1]',
    `function same(x: string): string; function same(x: number): number; function same(x: unknown) { return x; } const result = [same('s'), same(1)];`,
  ],
};

testEveryWay(corpus, {
  // Modules of CommonJS cannot await at their top.
  'await using': ['from a .cts', 'by require'],
  'a type before a value': ['from a .mts', 'from a .cts', 'from a .tsx'],
});
