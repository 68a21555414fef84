/** Tensors as text and HTML: by form for every dtype, and real ones, which showing must leave as they were. */
import { describe, expect, it } from 'vitest';
import { toBundle } from '../../kernel/evaluator/mime.js';
import { tensorBundle } from '../../kernel/evaluator/tensor.js';
import { describeRequires } from '../support/requires.js';
import { Notebook } from './notebook.js';

function tensor(dtype: string, shape: number[], values: (number | string)[], isDisposed = false) {
  const size = shape.reduce((product, length) => product * length, 1);
  return { dtype, shape, size, isDisposed, dataId: {}, data: async () => values };
}

const count = (length: number) => Array.from({ length }, (_, index) => index);
const plain = async (value: Parameters<typeof tensorBundle>[0]) => (await tensorBundle(value))['text/plain'];

describe('tensors', () => {
  it.each([
    ['a scalar', tensor('float32', [], [0.1]), 'Tensor float32 []\n0.1'],
    ['a vector, aligned', tensor('int32', [3], [1, 20, 300]), 'Tensor int32 [3]\n[  1,  20, 300]'],
    [
      'a matrix',
      tensor('float32', [2, 2], [1, 2.5, -3, Number.NaN]),
      'Tensor float32 [2, 2]\n[[ 1.0,  2.5],\n [-3.0,  NaN]]',
    ],
    ['float32 without false digits', tensor('float32', [1], [Math.fround(0.3)]), 'Tensor float32 [1]\n[0.3]'],
    [
      'rank 3 with a blank line between matrices',
      tensor('int32', [2, 1, 2], count(4)),
      'Tensor int32 [2, 1, 2]\n[[[0, 1]],\n\n [[2, 3]]]',
    ],
    ['booleans', tensor('bool', [2], [1, 0]), 'Tensor bool [2]\n[ true, false]'],
    ['strings', tensor('string', [1], ['a"b']), 'Tensor string [1]\n["a\\"b"]'],
    ['complex numbers', tensor('complex64', [1], [1, -2]), 'Tensor complex64 [1]\n[1 - 2i]'],
    ['nothing', tensor('float32', [0], []), 'Tensor float32 [0]\n[]'],
    ['empty rows', tensor('float32', [2, 0], []), 'Tensor float32 [2, 0]\n[]'],
    ['disposed', tensor('float32', [2], [], true), 'Tensor float32 [2] (disposed)'],
    [
      'infinities and minus zero',
      tensor('float32', [3], [Infinity, -0, -Infinity]),
      'Tensor float32 [3]\n[ Infinity,        -0, -Infinity]',
    ],
  ])('%s', async (_, value, text) => {
    expect(await plain(value)).toBe(text);
  });

  it('leaves out the middle of long axes', async () => {
    const lines = (await plain(tensor('int32', [40, 50], count(2000)))).split('\n');
    expect(lines).toHaveLength(8);
    expect(lines[1]).toBe('[[   0,    1,    2, …,   47,   48,   49],');
    expect(lines[4]).toBe(' …,');
    expect(lines[7]).toBe(' [1950, 1951, 1952, …, 1997, 1998, 1999]]');
  });

  it('does not read what is too big to show', async () => {
    const huge = { ...tensor('float32', [1 << 25], []), data: () => Promise.reject(new Error('read')) };
    expect(await plain(huge)).toBe('Tensor float32 [33554432] (33554432 values, not read)');
  });

  it('wraps wide rows inside their brackets', async () => {
    const lines = (await plain(tensor('int32', [2, 60], count(120)))).split('\n').slice(1);
    expect(lines.every((line) => line.length <= 100)).toBe(true);
    expect(lines[0]).toMatch(/^\[\[ {2}0, {3}1, /);
    expect(lines[1]).toMatch(/^ {2} \d/);
    const numbers = lines.join('').match(/\d+/g)!.map(Number);
    expect(numbers).toEqual(count(120));
  });

  it('keeps high ranks short', async () => {
    const text = await plain(tensor('float32', [9, 9, 9, 9, 9], count(9 ** 5)));
    expect(text.length).toBeLessThan(3000);
  });

  it('a variable says its name and whether it is trained', async () => {
    const variable = { ...tensor('float32', [1], [1]), name: 'w', trainable: false };
    expect(await plain(variable)).toBe('Variable "w" (not trainable) float32 [1]\n[1]');
  });

  it('as HTML: a table for a matrix, lines for the rest, all escaped', async () => {
    const matrix = await tensorBundle(tensor('float32', [20, 40], count(800)));
    expect(matrix['text/html'].match(/<tr>/g)).toHaveLength(1 + 8 + 1 + 8);
    expect(matrix['text/html']).toContain('>799</td></tr></tbody>');
    const words = await tensorBundle(tensor('string', [1, 1], ['<script>']));
    expect(words['text/html']).toContain('&lt;script&gt;');
    expect(words['text/html']).not.toContain('<script');
  });

  it('a stranger’s getters do not run', () => {
    let asked = 0;
    class Odd {
      get shape() {
        asked++;
        return [];
      }
      get dataId() {
        asked++;
        return {};
      }
    }
    expect(toBundle(new Odd())).toEqual({ 'text/plain': 'Odd {}' });
    expect(asked).toBe(0);
  });
});

describe('real tensors', () => {
  const notebook = new Notebook();

  it('read, named inside other values, and none made or lost by showing', async () => {
    const start = 'import * as tf from "@tensorflow/tfjs"; await tf.setBackend("cpu");';
    expect(
      await notebook.texts(
        `${start} const t = tf.tensor2d([[1, 2], [3, 4]]); const w = tf.variable(t, true, "w"); const before = tf.memory(); t`,
        '({ t, w })',
        'tf.complex([1, 2], [0.5, -1])',
        'const named = [{ t, n: 1 }]; named',
        'tf.memory().numTensors - before.numTensors', // the complex one
        't.isDisposed || (await t.data()).join()',
      ),
    ).toEqual([
      'Tensor float32 [2, 2]\n[[1, 2],\n [3, 4]]',
      '{ t: Tensor float32 [2, 2], w: Variable "w" float32 [2, 2] }',
      'Tensor complex64 [2]\n[1.0 + 0.5i, 2.0 - 1.0i]',
      '[ { t: Tensor float32 [2, 2], n: 1 } ]',
      '1',
      "'1,2,3,4'",
    ]);
  });
});

describeRequires('webgpu', 'tensors on the GPU', () => {
  const notebook = new Notebook();

  it('are read once, kept, and leave nothing behind', async () => {
    expect(
      await notebook.texts(
        'import { tf as gpu, useBackend } from "kernelbook"; await useBackend("webgpu"); const g = gpu.add([1, 2], 0.5); g',
        'const held = gpu.memory().numTensors; await display(g); await display(g); gpu.memory().numTensors - held',
        '(await g.data()).join()',
      ),
    ).toEqual(['Tensor float32 [2]\n[1.5, 2.5]', '0', "'1.5,2.5'"]);
  });
});
