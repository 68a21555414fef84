// biome-ignore-all lint/suspicious/noTemplateCurlyInString: cells are text here
/** Completion, hover and completeness. */
import { beforeAll, describe, expect, it } from 'vitest';
import { CheckerEngine } from '../../kernel/language/checker-engine.js';
import { isComplete } from '../../kernel/language/completeness.js';
import { atCursor, define } from './support.js';

const engine = new CheckerEngine({ cwd: process.cwd() });
const complete = (text: string) => engine.complete(...atCursor(text));
const inspect = (text: string, detail: 0 | 1 = 0) => engine.inspect(...atCursor(text), detail);

beforeAll(async () => {
  await define(
    engine,
    'import * as tf from "@tensorflow/tfjs"',
    'const weights = tf.ones([2, 3]); const rate = 0.1; interface Config { depth: number; "odd-key"?: string } declare const config: Config | undefined',
    '/** Doubles a number. @param value what to double */\nfunction double(value: number): number { return value * 2 }',
  );
});

describe('completion', () => {
  it('members of an imported namespace', () => {
    const result = complete('tf.matM|');
    expect(result).toMatchObject({ matches: ['matMul'], start: 3, end: 7 });
    expect(result.types[0]).toMatchObject({
      type: 'function',
      signature: expect.stringContaining('transposeA?: boolean'),
    });
  });

  it('members of a tensor, with their types', () => {
    const { matches, types } = complete('weights.resh|');
    expect(matches).toEqual(['reshape', 'reshapeAs']);
    expect(types[0]).toMatchObject({ text: 'reshape', type: 'method', start: 8, end: 12 });
    expect(complete('weights.|').matches).toEqual(
      expect.arrayContaining(['shape', 'dtype', 'add', 'dispose']),
    );
  });

  it('names of earlier cells and globals, whatever the case', () => {
    expect(complete('weig|').matches).toEqual(['weights']);
    expect(complete('promise.al|').matches).toEqual([]);
    expect(complete('Promise.ALL|').matches).toEqual(expect.arrayContaining(['all', 'allSettled']));
    expect(complete('displ|').matches).toEqual(['display']);
  });

  it('in the middle of a word and of a cell', () => {
    const result = complete('const a = rat| + 1\na');
    expect(result).toMatchObject({ matches: ['rate'], start: 10, end: 13 });
  });

  it('counts UTF-16 units behind an emoji', () => {
    const result = complete('"😀"; weights.sha|');
    expect(result).toMatchObject({ matches: ['shape'], start: 14, end: 17 });
  });

  it('repairs an access to what may be undefined', () => {
    expect(complete('config.dep|')).toMatchObject({ matches: ['?.depth'], start: 6, end: 10 });
    expect(complete('config!.odd|').matches).toEqual(['["odd-key"]']);
  });

  it('paths and strings', () => {
    expect(complete('import {} from "node:pa|"').matches).toEqual(expect.arrayContaining(['node:path']));
    expect(complete('new Intl.NumberFormat("en", { style: "perc|" })').matches).toEqual(['percent']);
  });

  it('puts values that fit first, then the notebook’s own names, and each once', () => {
    const globals = complete('|').matches;
    expect(globals.slice(0, 5)).toEqual(['config', 'double', 'rate', 'tf', 'weights']);
    expect(new Set(globals).size).toBe(globals.length);
    expect(complete('d|').matches[0]).toBe('double');
    const side = 'type Side = keyof { left: 1; right: 2 }; const side: Side = |;';
    expect(complete(side).matches.slice(0, 2)).toEqual(['"left"', '"right"']);
  });

  it('lists all members of a large namespace', () => {
    expect(complete('tf.|').matches).toEqual(expect.arrayContaining(['zeros', 'matMul', 'Tensor']));
  });

  it('names to import, and kernelbook wherever the notebook is', () => {
    expect(complete('import { joi| } from "node:path"').matches).toEqual(['join']);
    expect(complete('import { verif| } from "kernelbook"').matches).toContain('verify');
    expect(complete('import x from "kern|"').matches).toEqual(['kernelbook']);
  });

  it('in templates, unfinished calls, object literals and patterns', () => {
    expect(complete('`${weights.resha|').matches).toEqual(['reshape', 'reshapeAs']);
    expect(complete('console.log(weights.ra|').matches).toContain('rank');
    expect(complete('const c: Config = { dep| }').matches).toEqual(['depth']);
    expect(complete('const { dep| } = config!').matches).toEqual(['depth']);
  });

  it('survives broken and empty code', () => {
    expect(complete('function ( { |').matches).toBeInstanceOf(Array);
    expect(complete('|').matches.length).toBeGreaterThan(100);
    expect(complete('nosuchthing.|').matches).toEqual([]);
    expect(complete('// comment rat|').matches).toEqual([]);
  });
});

describe('hover', () => {
  it('a variable of an earlier cell', () => {
    expect(inspect('wei|ghts')).toMatchObject({ found: true, text: 'const weights: tf.Tensor<tf.Rank>' });
  });

  it('a function with its comment, also from inside the parentheses', () => {
    const text = 'function double(value: number): number\n\nDoubles a number.\n@param value what to double';
    expect(inspect('double|(1)').text).toBe(text);
    expect(inspect('double(|').text).toBe(text);
    expect(inspect('double(1, |)').text).toBe(text);
  });

  it('a call that is being typed, all overloads, a type by its name', () => {
    expect(inspect('double(1, |').text).toMatch(/^function double/);
    expect(inspect('[double(|').text).toMatch(/^function double/);
    expect(inspect('double(1) + |').found).toBe(false);
    expect(inspect('parseInt("1", |)').text).toMatch(/^function parseInt/);
    expect(inspect('structuredClone(|)').found).toBe(true);
    expect(inspect('new Date().toLocaleString(|)').text.split('\n').slice(0, 2)).toEqual([
      'toLocaleString(): string',
      'toLocaleString(locales?: string | string[], options?: Intl.DateTimeFormatOptions): string',
    ]);
    expect(inspect('Conf|ig').text).toBe('interface Config');
  });

  it('library functions with documentation', () => {
    expect(inspect('Math.m|ax(1)').text).toMatch(
      /^\(method\) Math\.max\(\.\.\.values: number\[\]\): number\n\nReturns the larger/,
    );
    expect(inspect('tf.matM|ul').text).toContain('Computes the dot product of two matrices, A * B.');
  });

  it('at detail level 1, where it is declared and the source of the user’s own', () => {
    expect(inspect('double|', 1).text).toContain(
      'Declared in cell 1, line 2:\n\nfunction double(value: number): number { return value * 2 }',
    );
    expect(inspect('Math.max|', 1).text).toMatch(/Declared in typescript\/lib\/lib\.es5\.d\.ts, line \d+$/);
    expect(inspect('double|', 0).text).not.toContain('Declared');
  });

  it('escapes what goes into HTML', () => {
    expect(inspect('weigh|ts').html).toBe('<pre><code>const weights: tf.Tensor&lt;tf.Rank&gt;</code></pre>');
  });

  it.each(['|', '1 +| 2', 'nosuch|name', '"te|xt"', '// com|ment'])('finds nothing in %s', (text) => {
    expect(inspect(text)).toEqual({ found: false, text: '' });
  });

  it('leaves no trace of the asked cell', async () => {
    inspect('const zzTrace = 1; zzTra|ce');
    expect(complete('zzTrac|').matches).toEqual([]);
  });
});

describe('completeness', () => {
  it.each([
    '1 + 1',
    'const a = [\n1]',
    'function f() {}',
    '',
    '// comment',
    'if (a) b',
    'a.nosuch',
    '`a${1}`',
  ])('%j is complete', (code) => {
    expect(isComplete(code)).toEqual({ status: 'complete', indent: '' });
  });

  it.each([
    ['function f() {', '  '],
    ['const x =', ''],
    ['foo(', '  '],
    ['a.', ''],
    ['if (x)', ''],
    ['`abc', ''],
    ['/* open', ''],
    ['class A {\n  m() {\n', '    '],
    ['f(1,\n  // note\n', '  '],
    ['const g = () =>', '  '],
    ['x = [1,', ''],
  ])('%j is incomplete, indent %j', (code, indent) => {
    expect(isComplete(code)).toEqual({ status: 'incomplete', indent });
  });

  it.each(['"abc', 'const x = ;', '}', 'a b', 'let 5', ')'])('%j is invalid', (code) => {
    expect(isComplete(code)).toEqual({ status: 'invalid', indent: '' });
  });
});
