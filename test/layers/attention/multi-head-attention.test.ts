import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type NdArray, ndarray } from '../../../src/compute/ndarray.js';
import { seededNormal } from '../../../src/compute/random.js';
import { fromNdArray, read, toNdArray } from '../../../src/compute/read.js';
import { tf } from '../../../src/compute/tf.js';
import { attentionOracle } from '../../../src/layers/attention/attention-oracle.js';
import {
  type AttentionWeights,
  multiHeadAttention,
} from '../../../src/layers/attention/multi-head-attention.js';
import { ropeOracle } from '../../../src/layers/position/rope.js';
import { eachBackend } from '../../compute/backends.js';
import { distance } from '../../support/numeric.js';

/** x [B,T,C] times w^T plus b, w [out,C], as heads [B,heads,T,D]; plain loops. */
function project(x: NdArray, w: NdArray, b: NdArray, heads: number): NdArray {
  const [B, T, C] = x.shape as [number, number, number];
  const D = w.shape[0]! / heads;
  const y = ndarray([B, heads, T, D]);
  for (let n = 0; n < y.data.length; n++) {
    const [batch, h, t, d] = [
      Math.floor(n / (heads * T * D)),
      Math.floor(n / (T * D)) % heads,
      Math.floor(n / D) % T,
      n % D,
    ];
    y.data[n] = b.data[h * D + d]!;
    for (let c = 0; c < C; c++) y.data[n]! += x.data[(batch * T + t) * C + c]! * w.data[(h * D + d) * C + c]!;
  }
  return y;
}

function reference(
  x: NdArray,
  w: Record<keyof AttentionWeights, NdArray>,
  H: number,
  K: number,
  rotate: boolean,
): NdArray {
  const [B, T, C] = x.shape as [number, number, number];
  const turn = (a: NdArray) =>
    rotate
      ? ropeOracle(
          a,
          Array.from({ length: T }, (_, t) => t),
        )
      : a;
  const [q, k, v] = [project(x, w.wq, w.bq, H), project(x, w.wk, w.bk, K), project(x, w.wv, w.bv, K)];
  const out = attentionOracle(turn(q), turn(k), v, { causal: true });
  const D = w.wq.shape[0]! / H;
  const y = ndarray(x.shape);
  for (let n = 0; n < y.data.length; n++) {
    const [b, t, c] = [Math.floor(n / (T * C)), Math.floor(n / C) % T, n % C];
    y.data[n] = w.bo.data[c]!;
    for (let o = 0; o < H * D; o++) {
      const [h, d] = [Math.floor(o / D), o % D];
      y.data[n]! += w.wo.data[c * H * D + o]! * out.data[((b * H + h) * T + t) * D + d]!;
    }
  }
  expect(B).toBe(x.shape[0]);
  return y;
}

eachBackend(() => {
  beforeEach(() => tf.engine().startScope());
  afterEach(() => tf.engine().endScope());

  describe('multiHeadAttention', () => {
    const [B, T, C, H, K, D] = [2, 5, 12, 4, 2, 6];
    const x = seededNormal([B, T, C], 1);
    const w = {
      wq: seededNormal([H * D, C], 2, 0.3),
      wk: seededNormal([K * D, C], 3, 0.3),
      wv: seededNormal([K * D, C], 4, 0.3),
      wo: seededNormal([C, H * D], 5, 0.3),
      bq: seededNormal([H * D], 6),
      bk: seededNormal([K * D], 7),
      bv: seededNormal([K * D], 8),
      bo: seededNormal([C], 9),
    };
    const names = Object.keys(w) as (keyof typeof w)[];
    const named = <T>(values: T[]) =>
      Object.fromEntries(names.map((name, n) => [name, values[n]!])) as Record<keyof typeof w, T>;
    const tensors = () => named(names.map((name) => fromNdArray(w[name])));

    it.each([false, true])('matches plain loops, rope: %s', async (rotate) => {
      const options = { heads: H, kvHeads: K, causal: true, ...(rotate ? { rope: {} } : {}) };
      const y = await toNdArray(multiHeadAttention(fromNdArray(x), tensors(), options));
      // Values of order 1 and reductions of at most 24 terms: float32 stays far below this.
      expect(distance(y, reference(x, w, H, K, rotate))).toBeLessThan(2e-6);
    });

    it('has gradients for x, every weight and every bias', async () => {
      const options = { heads: H, kvHeads: K, causal: true, rope: {} };
      // Squares: in the plain sum the softmax would take back what the biases of the keys add.
      const run = (...[a, ...weights]: tf.Tensor[]) =>
        tf.sum(tf.square(multiHeadAttention(a!, named(weights), options)));
      const inputs = [x, ...names.map((name) => w[name])];
      const gradients = await Promise.all(
        tf
          .grads(run)(inputs.map((array) => fromNdArray(array)))
          .map(read),
      );
      const objective = (which: number, n: number, by: number) => {
        const [mx, ...weights] = inputs.map((array, i) => {
          const moved = ndarray(array.shape, array.data);
          if (i === which) moved.data[n]! += by;
          return moved;
        });
        return reference(mx!, named(weights), H, K, true).data.reduce((sum, value) => sum + value ** 2, 0);
      };
      for (const which of inputs.keys()) {
        const expected = (objective(which, 7, 1e-5) - objective(which, 7, -1e-5)) / 2e-5;
        expect(gradients[which]![7], `gradient of input ${which}`).toBeCloseTo(expected, 3);
      }
    });
  });
});

describe('multiHeadAttention errors', () => {
  const weights = (out: number, C: number): AttentionWeights => ({
    wq: tf.ones([out, C]),
    wk: tf.ones([out, C]),
    wv: tf.ones([out, C]),
    wo: tf.ones([C, out]),
  });

  it('refuse a head dim that is not whole', () => {
    expect(() => multiHeadAttention(tf.ones([1, 2, 8]), weights(8, 8), { heads: 3 })).toThrow(
      /rows of wq \[8,8\] do not divide into 3 heads/,
    );
  });

  it('name the weight that does not fit, with the shape wanted', () => {
    const wrong = { ...weights(8, 8), wk: tf.ones([8, 8]) };
    expect(() => multiHeadAttention(tf.ones([1, 2, 8]), wrong, { heads: 4, kvHeads: 2 })).toThrow(
      /wk must be \[out, in\] = \[4,8\] .* got \[8,8\]/,
    );
  });

  it('name the bias that does not fit', () => {
    const wrong = { ...weights(8, 8), bv: tf.ones([4]) };
    expect(() => multiHeadAttention(tf.ones([1, 2, 8]), wrong, { heads: 4 })).toThrow(
      /bv must be \[out\] = \[8\], got \[4\]/,
    );
  });

  it('refuse head counts that do not divide', () => {
    expect(() => multiHeadAttention(tf.ones([1, 2, 8]), weights(8, 8), { heads: 4, kvHeads: 3 })).toThrow(
      /heads \(4\) must be a multiple of kvHeads \(3\)/,
    );
  });
});
