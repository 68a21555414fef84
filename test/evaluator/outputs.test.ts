/** Values as outputs: bundles, tensors, tables, and the globals of cells. */
import { describe, expect, it } from 'vitest';
import { toBundle } from '../../kernel/evaluator/mime.js';
import { tensorText } from '../../kernel/evaluator/tensor-text.js';
import { Notebook } from './notebook.js';

function tensor(dtype: string, shape: number[], values: (number | string)[], isDisposed = false) {
  const size = shape.reduce((product, length) => product * length, 1);
  return { dtype, shape, size, isDisposed, dataId: {}, data: async () => values };
}

const count = (length: number) => Array.from({ length }, (_, index) => index);

describe('tensors', () => {
  it.each([
    ['a scalar', tensor('float32', [], [0.1]), 'Tensor float32 []\n0.1'],
    ['a vector, aligned', tensor('int32', [3], [1, 20, 300]), 'Tensor int32 [3]\n[  1,  20, 300]'],
    [
      'a matrix',
      tensor('float32', [2, 2], [1, 2.5, -3, Number.NaN]),
      'Tensor float32 [2, 2]\n[[  1, 2.5],\n [ -3, NaN]]',
    ],
    ['float32 without false digits', tensor('float32', [1], [Math.fround(0.3)]), 'Tensor float32 [1]\n[0.3]'],
    [
      'rank 3 with a blank line between matrices',
      tensor('int32', [2, 1, 2], count(4)),
      'Tensor int32 [2, 1, 2]\n[[[0, 1]],\n\n [[2, 3]]]',
    ],
    ['booleans', tensor('bool', [2], [1, 0]), 'Tensor bool [2]\n[ true, false]'],
    ['strings', tensor('string', [1], ['a"b']), 'Tensor string [1]\n["a\\"b"]'],
    ['complex numbers', tensor('complex64', [1], [1, -2]), 'Tensor complex64 [1]\n[1 + -2i]'],
    ['nothing', tensor('float32', [0], []), 'Tensor float32 [0]\n[]'],
    ['empty rows', tensor('float32', [2, 0], []), 'Tensor float32 [2, 0]\n[[],\n []]'],
    ['disposed', tensor('float32', [2], [], true), 'Tensor float32 [2] (disposed)'],
    [
      'infinities and minus zero',
      tensor('float32', [3], [Infinity, -0, -Infinity]),
      'Tensor float32 [3]\n[ Infinity,        -0, -Infinity]',
    ],
  ])('%s', async (_, value, text) => {
    expect(await tensorText(value)).toBe(text);
  });

  it('leaves out the middle of long axes', async () => {
    const lines = (await tensorText(tensor('int32', [40, 50], count(2000)))).split('\n');
    expect(lines).toHaveLength(8);
    expect(lines[1]).toBe('[[   0,    1,    2, …,   47,   48,   49],');
    expect(lines[4]).toBe(' …,');
    expect(lines[7]).toBe(' [1950, 1951, 1952, …, 1997, 1998, 1999]]');
  });

  it('does not read what is too big to show', async () => {
    const huge = { ...tensor('float32', [1 << 25], []), data: () => Promise.reject(new Error('read')) };
    expect(await tensorText(huge)).toBe('Tensor float32 [33554432] (33554432 values, not read)');
  });
});

describe('bundles', () => {
  it('undefined shows nothing, null does', () => {
    expect(toBundle(undefined)).toBeUndefined();
    expect(toBundle(null)).toEqual({ 'text/plain': 'null' });
  });

  it('honours toMimeBundle, plain or promised, and Jupyter.display', async () => {
    expect(await toBundle({ toMimeBundle: () => ({ 'text/html': '<b>', 'text/plain': 'b' }) })).toEqual({
      'text/html': '<b>',
      'text/plain': 'b',
    });
    const later = { toMimeBundle: async () => ({ 'text/plain': 'later' }) };
    expect(await toBundle(later)).toEqual({ 'text/plain': 'later' });
    const deno = { [Symbol.for('Jupyter.display')]: () => ({ 'text/plain': 'deno' }) };
    expect(await toBundle(deno)).toEqual({ 'text/plain': 'deno' });
  });

  it('adds a text where a bundle has none', async () => {
    const bundle = await toBundle({ kind: 'figure', toMimeBundle: () => ({ 'image/svg+xml': '<svg/>' }) });
    expect(bundle).toMatchObject({
      'image/svg+xml': '<svg/>',
      'text/plain': expect.stringContaining("kind: 'figure'"),
    });
  });

  it('refuses a bundle that is none', () => {
    expect(() => toBundle({ toMimeBundle: () => 'text' })).toThrow(
      "must be an object of mime types, got 'text'",
    );
  });

  it('shows records as an escaped table', async () => {
    const html = (await toBundle([
      { a: 1, b: '<i>' },
      { a: 2, c: null },
    ]))!['text/html'];
    expect(html).toBe(
      '<table><thead><tr><th>a</th><th>b</th><th>c</th></tr></thead><tbody>' +
        '<tr><td style="text-align: right">1</td><td>&lt;i&gt;</td><td></td></tr>' +
        '<tr><td style="text-align: right">2</td><td></td><td>null</td></tr></tbody></table>',
    );
  });

  it.each([
    ['an empty array', []],
    ['nested values', [{ a: [1] }]],
    ['instances', [new Date(0)]],
    ['mixed', [{ a: 1 }, 2]],
    ['empty records', [{}]],
  ])('no table for %s', async (_, value) => {
    expect(Object.keys((await toBundle(value))!)).toEqual(['text/plain']);
  });

  it('cuts long tables and says so', async () => {
    const html = String((await toBundle(count(100).map((a) => ({ a }))))!['text/html']);
    expect(html.match(/<tr>/g)).toHaveLength(62);
    expect(html).toContain('… 40 more rows');
  });
});

describe('in cells', () => {
  const notebook = new Notebook();

  it('display publishes, with an id and as an update', async () => {
    await notebook.run(
      'await display({ a: 1 }); await display("x", { displayId: "d", update: true, metadata: { m: 1 } })',
    );
    expect(notebook.displayed).toEqual([
      { data: { 'text/plain': '{ a: 1 }' }, metadata: {}, update: false },
      { data: { 'text/plain': "'x'" }, metadata: { m: 1 }, update: true, displayId: 'd' },
    ]);
  });

  it('the library’s display goes the same way', async () => {
    notebook.displayed.length = 0;
    await notebook.run('import { display as show } from "kernelbook"; await show(3)');
    expect(notebook.displayed.map((item) => item.data)).toEqual([{ 'text/plain': '3' }]);
  });

  it('input asks the front end', async () => {
    expect(await notebook.texts('await input("name? ")', 'await input("pin? ", { password: true })')).toEqual(
      ["'name? |false'", "'pin? |true'"],
    );
  });

  it('a tensor as result is read and shown; inside other values it is named', async () => {
    expect(
      await notebook.texts(
        'import * as tf from "@tensorflow/tfjs"; await tf.setBackend("cpu"); const t = tf.tensor2d([[1, 2], [3, 4]]); t',
        '({ t })',
      ),
    ).toEqual(['Tensor float32 [2, 2]\n[[1, 2],\n [3, 4]]', '{ t: Tensor float32 [2, 2] }']);
  });

  it('Map, Set, typed arrays and functions', async () => {
    expect(
      await notebook.texts('new Map([["a", new Set([1])]])', 'new Float32Array([0.5])', '(a: number) => a'),
    ).toEqual(["Map(1) { 'a' => Set(1) { 1 } }", 'Float32Array(1) [ 0.5 ]', '[Function (anonymous)]']);
  });

  it('an error thrown by a value’s own bundle is the cell’s error', async () => {
    expect((await notebook.run('({ toMimeBundle() { throw new Error("no picture") } })')).error).toBe(
      'Error: no picture',
    );
    expect((await notebook.run('({ async toMimeBundle() { throw new Error("later") } })')).error).toBe(
      'Error: later',
    );
  });
});
