import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { launchedKernels } from '../../../src/compute/launch.js';
import { type NdArray, ndarray } from '../../../src/compute/ndarray.js';
import type { KernelPath } from '../../../src/compute/path.js';
import { seededNormal } from '../../../src/compute/random.js';
import { fromNdArray, read } from '../../../src/compute/read.js';
import { tf } from '../../../src/compute/tf.js';
import { type AttentionOptions, attention } from '../../../src/layers/attention/attention.js';
import {
  type AttentionOracleOptions,
  attentionGradientOracle,
  attentionOracle,
} from '../../../src/layers/attention/attention-oracle.js';
import { attentionErrors } from '../../../src/workbench/golden/bounds/attention.js';
import { exact } from '../../../src/workbench/golden/running-error.js';
import { eachBackend } from '../../compute/backends.js';
import { expectWithin, leaked } from '../../support/numeric.js';

interface Setting {
  sizes: { B: number; H: number; K: number; T: number; S: number; D: number };
  rule: AttentionOracleOptions;
  /** Standard deviation of q and k. */
  spread?: number;
}

/** Forward and all gradients against the oracle, each element within its own bound. */
async function check(
  { sizes: { B, H, K, T, S, D }, rule, spread = 1 }: Setting,
  path: KernelPath,
): Promise<void> {
  const q = seededNormal([B, H, T, D], 1, spread);
  const k = seededNormal([B, K, S, D], 2, spread);
  const v = seededNormal([B, K, S, D], 3);
  const dy = seededNormal([B, H, T, D], 4);
  const options = tensorOptions(rule, path);
  const inputs = [q, k, v].map((array) => fromNdArray(array)) as [tf.Tensor, tf.Tensor, tf.Tensor];
  const run = (...[a, b, c]: tf.Tensor[]) => attention(a!, b!, c!, options);
  const out = run(...inputs);
  const gradients = tf.grads(run)(inputs, fromNdArray(dy));
  const bounds = attentionErrors(exact(q), exact(k), exact(v), exact(dy), rule);
  const expected = attentionGradientOracle(q, k, v, dy, rule);
  await expectWithin('attention', out, attentionOracle(q, k, v, rule), bounds.out);
  await expectWithin('attention dq', gradients[0]!, expected.q, bounds.q!);
  await expectWithin('attention dk', gradients[1]!, expected.k, bounds.k!);
  await expectWithin('attention dv', gradients[2]!, expected.v, bounds.v!);
}

function tensorOptions({ mask, bias, ...rule }: AttentionOracleOptions, path: KernelPath): AttentionOptions {
  const tensor = mask ? fromNdArray(mask, 'bool') : bias && fromNdArray(bias);
  return { ...rule, path, ...(tensor ? { mask: tensor } : {}) };
}

/** A mask with every third pair hidden and one row without any visible key. */
function someMask(shape: number[]): NdArray {
  const S = shape.at(-1)!;
  return ndarray(
    shape,
    Array.from({ length: shape.reduce((a, b) => a * b) }, (_, n) => (n % 3 === 0 || n < S ? 0 : 1)),
  );
}

const both: [string, Setting][] = [
  ['one token', { sizes: { B: 1, H: 1, K: 1, T: 1, S: 1, D: 16 }, rule: { causal: true } }],
  ['grouped heads', { sizes: { B: 2, H: 4, K: 2, T: 33, S: 33, D: 16 }, rule: { causal: true } }],
  [
    'one key/value head, a longer past',
    { sizes: { B: 2, H: 3, K: 1, T: 20, S: 71, D: 16 }, rule: { causal: true } },
  ],
  [
    'workgroups that are full to the last row',
    { sizes: { B: 1, H: 2, K: 2, T: 128, S: 128, D: 16 }, rule: { causal: true } },
  ],
  ['fewer keys than queries', { sizes: { B: 1, H: 2, K: 2, T: 70, S: 40, D: 16 }, rule: { causal: true } }],
  ['a decode step', { sizes: { B: 2, H: 4, K: 2, T: 1, S: 300, D: 16 }, rule: { causal: true } }],
  [
    'new tokens after a past of several pieces, more queries per key head than a workgroup takes',
    { sizes: { B: 2, H: 6, K: 2, T: 4, S: 203, D: 16 }, rule: { causal: true, alibi: true } },
  ],
  [
    'a decode step with one query more per key head than a workgroup takes',
    { sizes: { B: 1, H: 9, K: 1, T: 1, S: 70, D: 16 }, rule: { causal: true } },
  ],
  [
    'new tokens with a window that begins inside a piece',
    { sizes: { B: 1, H: 2, K: 1, T: 2, S: 301, D: 16 }, rule: { causal: true, window: 70 } },
  ],
  [
    'a decode step with large logits',
    { sizes: { B: 1, H: 3, K: 1, T: 1, S: 150, D: 16 }, rule: {}, spread: 30 },
  ],
  [
    'new tokens with a mask that hides whole pieces',
    {
      sizes: { B: 1, H: 2, K: 1, T: 2, S: 140, D: 16 },
      rule: {
        mask: ndarray(
          [2, 140],
          Array.from({ length: 280 }, (_, n) => Number(n > 200 && n % 3 > 0)),
        ),
      },
    },
  ],
  [
    'a causal window',
    { sizes: { B: 1, H: 2, K: 1, T: 50, S: 60, D: 16 }, rule: { causal: true, window: 7 } },
  ],
  ['a window into the past only', { sizes: { B: 1, H: 2, K: 1, T: 30, S: 30, D: 16 }, rule: { window: 3 } }],
  ['scale', { sizes: { B: 1, H: 2, K: 1, T: 9, S: 30, D: 16 }, rule: { scale: -0.07 } }],
  ['large logits', { sizes: { B: 1, H: 2, K: 1, T: 20, S: 20, D: 16 }, rule: { causal: true }, spread: 30 }],
  ['ALiBi', { sizes: { B: 1, H: 6, K: 3, T: 19, S: 23, D: 16 }, rule: { alibi: true, causal: true } }],
  [
    'a mask [B,1,T,S]',
    { sizes: { B: 2, H: 4, K: 2, T: 10, S: 12, D: 16 }, rule: { mask: someMask([2, 1, 10, 12]) } },
  ],
  [
    'a mask [H,1,S]',
    { sizes: { B: 2, H: 2, K: 1, T: 5, S: 12, D: 16 }, rule: { mask: someMask([2, 1, 12]) } },
  ],
  [
    'a mask, ALiBi and the causal rule',
    {
      sizes: { B: 1, H: 2, K: 1, T: 12, S: 12, D: 16 },
      rule: { mask: someMask([12, 12]), alibi: [0.5, 0.1], causal: true },
    },
  ],
];

/** Head dims of one thread per row, of several, not a multiple of 4, and the largest. */
const headDims = [1, 3, 40, 64, 80, 128, 250, 256];

eachBackend((name) => {
  beforeEach(() => tf.engine().startScope());
  afterEach(() => tf.engine().endScope());

  for (const path of name === 'webgpu' ? (['fused', 'composed'] as const) : (['composed'] as const)) {
    describe(`attention ${path}`, () => {
      it.each(both)('matches the oracle, forward and backward: %s', (_name, setting) => check(setting, path));

      it.each(headDims)('matches the oracle, forward and backward: D = %i', (D) =>
        check({ sizes: { B: 1, H: 2, K: 1, T: 18, S: 21, D }, rule: { causal: true } }, path),
      );

      it.each([3, 250])('decodes with D = %i', (D) =>
        check({ sizes: { B: 1, H: 2, K: 1, T: 2, S: 70, D }, rule: { causal: true } }, path),
      );

      it('takes logits that overflow without their maximum taken out', async () => {
        const column = (...values: number[]) => tf.tensor4d(values, [1, 1, 2, 1]);
        const out = attention(column(100, -100), column(2, 1), column(3, 5), { scale: 1, path });
        expect(Array.from(await read(out))).toEqual([3, 5]);
      });

      it('gives 0 and gradients of 0 to rows without keys', async () => {
        const [q, kv] = [tf.randomNormal([1, 1, 3, 4]), tf.randomNormal([1, 1, 2, 4])];
        const run = (a: tf.Tensor, b: tf.Tensor) => attention(a, b, b, { causal: true, path });
        const out = await read(run(q, kv));
        const dq = await read(tf.grads(run)([q, kv], tf.ones([1, 1, 3, 4]))[0]!);
        expect(Array.from(out.slice(0, 4))).toEqual([0, 0, 0, 0]);
        expect(Array.from(dq.slice(0, 4), Math.abs)).toEqual([0, 0, 0, 0]);
      });

      it.each([
        [
          [0, 2, 3, 4],
          [0, 2, 3, 4],
        ],
        [
          [1, 2, 0, 4],
          [1, 2, 3, 4],
        ],
        [
          [1, 2, 3, 4],
          [1, 1, 0, 4],
        ],
      ])('takes the empty q %j, k and v %j', async (query, keys) => {
        const [q, k] = [tf.ones(query), tf.ones(keys)];
        const run = (...[a, b, c]: tf.Tensor[]) => attention(a!, b!, c!, { path });
        const out = await read(run(q, k, k));
        const shapes = tf
          .grads(run)([q, k, tf.ones(keys)], tf.ones(query))
          .map((tensor) => tensor.shape);
        expect(out.every((value) => value === 0)).toBe(true);
        expect(shapes).toEqual([query, keys, keys]);
      });

      // Two kinds of matrix product of tfjs's webgpu backend.
      it.each([4, 12])(
        'keeps a NaN query in its row and shows a NaN key to those who see it, T = %i',
        async (T) => {
          const shape: [number, number, number, number] = [1, 1, T, 4];
          const tokens = Array.from({ length: T }, (_, i) => i);
          const withNaN = (row: number) => {
            const values = seededNormal(shape, 5);
            values.data[row * 4] = Number.NaN;
            return fromNdArray(values);
          };
          const usual = fromNdArray(seededNormal(shape, 6));
          const rows = async (out: tf.Tensor) => {
            const values = await read(out);
            return tokens.map((i) => Array.from(values.slice(4 * i, 4 * i + 4)).some(Number.isNaN));
          };
          const options = { causal: true, path };
          const only1 = tokens.map((i) => i === 1);
          const from2 = tokens.map((i) => i >= 2);
          expect(await rows(attention(withNaN(1), usual, usual, options))).toEqual(only1);
          expect(await rows(attention(usual, withNaN(2), usual, options))).toEqual(from2);
          // The composed form multiplies a hidden NaN by 0.
          if (path === 'fused')
            expect(await rows(attention(usual, usual, withNaN(2), options))).toEqual(from2);
        },
      );

      it('leaves no tensors behind', () => {
        const [q, k, v] = [tf.ones([1, 2, 4, 16]), tf.ones([1, 1, 4, 16]), tf.ones([1, 1, 4, 16])];
        const mask = tf.ones([4, 4], 'bool');
        const options = { causal: true, alibi: true, mask, path };
        const run = (...[a, b, c]: tf.Tensor[]) => attention(a!, b!, c!, options);
        expect(leaked(() => tf.tidy(() => run(q, k, v)))).toBe(0);
        expect(leaked(() => run(q, k, v))).toBe(0);
        expect(
          leaked(() =>
            tf
              .grads(run)([q, k, tf.clone(k)])
              .concat([]),
          ),
        ).toBe(1);
      });
    });
  }

  describe('an additive mask', () => {
    it('matches the oracle, hides with -Infinity', async () => {
      const bias = seededNormal([1, 5, 9], 9);
      bias.data[3] = Number.NEGATIVE_INFINITY;
      await check({ sizes: { B: 2, H: 2, K: 1, T: 5, S: 9, D: 4 }, rule: { bias } }, 'auto');
    });

    it('has the gradient of the scores, summed where it was broadcast', async () => {
      const [q, k, v] = [
        seededNormal([2, 2, 3, 4], 1),
        seededNormal([2, 2, 5, 4], 2),
        seededNormal([2, 2, 5, 4], 3),
      ];
      const [dy, bias] = [seededNormal([2, 2, 3, 4], 4), seededNormal([2, 1, 5], 5)];
      const run = (mask: tf.Tensor) => attention(fromNdArray(q), fromNdArray(k), fromNdArray(v), { mask });
      const gradient = await read(tf.grad(run)(fromNdArray(bias), fromNdArray(dy)));
      const step = 1e-5;
      for (const n of [0, 4, 7]) {
        const objective = (by: number) => {
          const moved = ndarray(bias.shape, bias.data);
          moved.data[n]! += by;
          const out = attentionOracle(q, k, v, { bias: moved });
          return out.data.reduce((sum, value, i) => sum + value * dy.data[i]!, 0);
        };
        expect(gradient[n]).toBeCloseTo((objective(step) - objective(-step)) / (2 * step), 5);
      }
    });
  });

  if (name === 'webgpu') {
    it('takes the fused kernels unless told otherwise', async () => {
      const launched = launchedKernels();
      const [q, k] = [tf.ones([1, 2, 10, 16]), tf.ones([1, 1, 10, 16])];
      launched.reset();
      await read(attention(q, k, k, { path: 'composed' }));
      expect(launched.list()).toEqual([]);
      await Promise.all(
        tf
          .grads((a, b) => attention(a!, b!, b!))([q, k])
          .map(read),
      );
      expect(launched.list()).toEqual([
        'attention.forward',
        'attention.queryGradient',
        'attention.keyGradient',
      ]);
    });

    it('divides the keys where there are few queries', async () => {
      const launched = launchedKernels();
      launched.reset();
      const k = tf.ones([1, 1, 100, 16]);
      await read(attention(tf.ones([1, 2, 1, 16]), k, k));
      expect(launched.list()).toEqual(['attention.decode', 'attention.merge']);
    });

    // On software Vulkan these sizes take the kernels that a GPU takes for all sizes.
    it.each([
      [728, 728, true],
      [8, 65_600, false],
    ])(
      'agrees with the composed form where the kernels are unrolled, T = %i, S = %i',
      async (T, S, gradient) => {
        const inputs = [
          fromNdArray(seededNormal([1, 2, T, 64], 1)),
          ...[2, 3].map((seed) => fromNdArray(seededNormal([1, 1, S, 64], seed))),
        ];
        const dy = fromNdArray(seededNormal([1, 2, T, 64], 4));
        const results = (path: KernelPath) => {
          const run = (...[q, k, v]: tf.Tensor[]) => attention(q!, k!, v!, { causal: true, path });
          return [run(...inputs), ...(gradient ? tf.grads(run)(inputs, dy) : [])];
        };
        const composed = results('composed');
        for (const [n, fused] of results('fused').entries()) {
          const largest = await read(tf.max(tf.abs(composed[n]!)));
          const apart = await read(tf.max(tf.abs(tf.sub(fused, composed[n]!))));
          expect(apart[0]! / largest[0]!).toBeLessThan(1e-5);
        }
      },
    );

    it('says what the fused path does not support', () => {
      const q = tf.ones([1, 1, 2, 4]);
      const wide = tf.ones([1, 1, 2, 300]);
      expect(() => attention(q, q, q, { mask: tf.zeros([2, 2]), path: 'fused' })).toThrow(
        /'fused' does not support an additive/,
      );
      expect(() => attention(wide, wide, wide, { path: 'fused' })).toThrow(
        /does not support a head dim above 256, got D = 300/,
      );
      expect(attention(wide, wide, wide).shape).toEqual([1, 1, 2, 300]);
    });
  }
});

describe('attention errors', () => {
  const q = tf.ones([2, 4, 3, 8]);
  it('print all shapes when the head counts do not fit', () => {
    const k = tf.ones([2, 3, 5, 8]);
    expect(() => attention(q, k, k)).toThrow(
      /4 query heads .* 3 key\/value heads.* q \[2,4,3,8\], k \[2,3,5,8\]/,
    );
  });

  it('print all shapes when D differs', () => {
    const k = tf.ones([2, 4, 5, 16]);
    expect(() => attention(q, k, k)).toThrow(/agree in B and D, got q \[2,4,3,8\], k \[2,4,5,16\]/);
  });

  it('name a mask that does not broadcast', () => {
    expect(() => attention(q, q, q, { mask: tf.ones([6, 6]) })).toThrow(
      /mask \[6,6\] does not broadcast to \[B,H,T,S\] = \[2,4,3,3\]/,
    );
  });

  it('refuse ranks, dtypes, scales and windows that are none', () => {
    expect(() => attention(tf.ones([4, 3, 8]), q, q)).toThrow(/attention: q must be \[B,H,T,D\].*\[4,3,8\]/);
    expect(() => attention(q, q.toInt(), q)).toThrow(/attention: k must be float32, got int32/);
    expect(() => attention(q, q, q, { scale: Number.NaN })).toThrow(/scale must be a finite number, got NaN/);
    expect(() => attention(q, q, q, { window: 0 })).toThrow(/window must be .* got 0/);
    expect(() => attention(q, q, q, { alibi: [1] })).toThrow(/got 1 slopes for 4 heads/);
  });
});
