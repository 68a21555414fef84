/** A cell that is an object, and one that is a block. */
import { describe, expect, it } from 'vitest';
import { CheckerEngine } from '../../kernel/language/checker-engine.js';
import { isComplete } from '../../kernel/language/completeness.js';
import { ServiceEngine } from '../../kernel/language/service-engine.js';
import { errorsOf } from '../language/support.js';
import { Notebook } from './notebook.js';

const notebook = new Notebook();

describe('an object', () => {
  it.each([
    ['{ a: 1, b: 2 }', '{ a: 1, b: 2 }'],
    ["{ name: 'x' }", "{ name: 'x' }"],
    ['{}', '{}'],
    ['const a = 3', undefined],
    ['{ a }', '{ a: 3 }'],
    ['{ ...{ x: 1 }, y: 2 }', '{ x: 1, y: 2 }'],
    ['// of two\n{\n  a: 1, // one\n  b: [1, 2],\n} // end\n', '{ a: 1, b: [ 1, 2 ] }'],
    ['{ f() { return 1; } }.f()', '1'],
    ['{ a: 1 } satisfies { a: number }', '{ a: 1 }'],
    ['{ late: await Promise.resolve(1) }', '{ late: 1 }'],
    ['{ ["k" + 1]: (n: number): number => n }["k1"](4)', '4'],
  ])('%s', async (code, text) => {
    expect(await notebook.texts(code)).toEqual([text]);
  });
});

describe('a block', () => {
  it.each([
    ['{ let x = 1; x }', undefined],
    ['{ a: 1 };', undefined],
    ['{ if (true) { console.log("") } }', undefined],
    ['{ const y = 2; } 5', '5'],
    ['{ console.log("") }', undefined],
  ])('%s', async (code, text) => {
    expect(await notebook.texts(code)).toEqual([text]);
  });
});

it('is looked for behind any number of comments', async () => {
  const comments = '/* one */\n// - - - // - - - // - - -\n'.repeat(1000);
  expect(
    await notebook.texts(`${comments}{ a: 1 }`, `${comments}const after = 1;`, `${comments}{ let x = 1; x }`),
  ).toEqual(['{ a: 1 }', undefined, undefined]);
});

it('errors have the places of the cell, at the check and when it runs', async () => {
  expect(await notebook.texts('{ n: 1,\n  m: missing }', '{ n: 1 + "a".x }')).toEqual([
    'TS 2:6 2304',
    'TS 1:14 2339',
  ]);
  const { traceback } = await notebook.run('{ n: 1, m: (null as any).x }');
  expect(traceback).toContain('at cell ');
  expect(traceback).toMatch(/cell \d+:1:26/);
  const service = new ServiceEngine({ cwd: process.cwd() });
  expect(await errorsOf(service, '{ n: 1,\n  m: missing }')).toEqual(['2:6 2304']);
  expect(await errorsOf(service, '{ n: 1, m: 2 }')).toEqual([]);
});

it('is known to those who ask while it is typed', () => {
  const engine = new CheckerEngine({ cwd: process.cwd() });
  expect(isComplete('{ a: 1, b: 2 }').status).toBe('complete');
  expect(isComplete('{ a: 1, b: 2').status).toBe('incomplete');
  expect(isComplete('{ a: 1, b: ').status).toBe('incomplete');
  expect(isComplete('{ let x = 1').status).toBe('incomplete');
  expect(isComplete('{ a: 1 b: 2 }').status).toBe('invalid');
  expect(engine.complete('{ a: Math.flo }', 13).matches).toEqual(['floor']);
  expect(engine.inspect('{ a: Math.floor }', 12, 0).text).toContain('floor(x: number): number');
});
