/** The decorators of tslab's notebooks are those of `experimentalDecorators`, in their files too. */
import { expect, it } from 'vitest';
import { dialectVariable } from '../../kernel/dialect.js';
import { Notebook } from './notebook.js';
import { type Corpus, testEveryWay } from './ways.js';

process.env[dialectVariable] = 'tslab';

const corpus: Corpus = {
  'a property': [
    '["vid"]',
    `function prop() { return (target: any, key: string) => { (target.constructor.fields ??= []).push(key); }; } class Vehicle { @prop() vid?: string; } const result = (Vehicle as any).fields;`,
  ],
  'a method': [
    '[["hi"],4]',
    `const seen: string[] = []; function log(_: any, key: string, d: PropertyDescriptor) { seen.push(key); const f = d.value; d.value = (n: number) => f(n) + 1; } class S { @log hi(n: number) { return n; } } const result = [seen, new S().hi(3)];`,
  ],
  'a class and a parameter': [
    '["hi:0","K"]',
    `const seen: string[] = []; const param = (_: any, key: any, i: number) => { seen.push(key + ':' + i); }; const klass = (c: any) => { seen.push(c.name); }; @klass class K { hi(@param n: number) { return n; } } const result = seen;`,
  ],
};

testEveryWay(corpus);

it('cells share an object `exports`, as in tslab, and have no `module`', async () => {
  const notebook = new Notebook();
  expect(
    await notebook.texts('exports.x = 1', 'const read = () => exports.x; read()', 'exports.x', 'module'),
  ).toEqual(['1', '1', '1', 'TS 1:1 2304']);
});
