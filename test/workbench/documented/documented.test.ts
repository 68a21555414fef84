/** Each documented mistake goes wrong in the way its erratum says, and the library does not. */
import { describe, expect, it } from 'vitest';
import { type NdArray, ndarray } from '../../../src/compute/ndarray.js';
import { seededNormal } from '../../../src/compute/random.js';
import { attentionOracle } from '../../../src/layers/attention/attention-oracle.js';
import { rmsNormOracle } from '../../../src/layers/norm/rms-norm.js';
import { ropeOracle } from '../../../src/layers/position/rope.js';
import * as documented from '../../../src/workbench/documented/index.js';
import { distance } from '../../support/numeric.js';

const close = (values: readonly number[], digits = 4) => values.map((value) => expect.closeTo(value, digits));
const ones = (shape: number[]) => ndarray(shape, new Array(shape.reduce((a, b) => a * b)).fill(1));
const dot = (a: NdArray, b: NdArray) => a.data.reduce((sum, value, n) => sum + value * b.data[n]!, 0);

/** Rows of the first axis that differ when `change` is applied to an input. */
function changedTokens(f: (x: NdArray) => NdArray, x: NdArray, token: number, width: number): number[] {
  const changed = ndarray(x.shape, x.data);
  for (let n = token * width; n < (token + 1) * width; n++) changed.data[n]! += 1;
  const [before, after] = [f(x).data, f(changed).data];
  const tokens = Array.from({ length: before.length / width }, (_, t) => t);
  return tokens.filter((t) =>
    before.slice(t * width, (t + 1) * width).some((value, n) => value !== after[t * width + n]),
  );
}

describe('documented rope', () => {
  it('E03: an added table depends on absolute positions, and adds raw ids where they broadcast', () => {
    const table = seededNormal([16, 8], 1);
    const x = seededNormal([1, 16, 8], 2);
    const row = (t: number) =>
      ndarray(
        [8],
        documented
          .absoluteEmbeddingRope(
            ndarray([1, 16, 8], Array.from({ length: 16 }, () => [...x.data.subarray(0, 8)]).flat()),
            table,
          )
          .data.subarray(t * 8, t * 8 + 8),
      );
    expect(Math.abs(dot(row(5), row(3)) - dot(row(7), row(5)))).toBeGreaterThan(0.1);
    expect(() => documented.absoluteEmbeddingRope(seededNormal([2, 5, 8], 1), table)).toThrow(
      /\[2,5,8\].*\[1,16,8\]/,
    );
    const ids = ndarray([1, 4], [7, 1, 3, 2]);
    expect(documented.absoluteEmbeddingRope(ids, ndarray([4, 4])).data).toEqual(
      Float64Array.from([7, 1, 3, 2, 7, 1, 3, 2, 7, 1, 3, 2, 7, 1, 3, 2]),
    );
  });

  it('E13: neighbour offsets are the same everywhere', () => {
    const y = documented.neighbourOffsetRope(
      ndarray([4, 2]),
      [10, 11, 12, 13],
      ndarray([2, 2], [0, 0, 5, 6]),
    );
    expect(Array.from(y.data)).toEqual([0, 0, 5, 6, 5, 6, 5, 6]);
  });

  it('E14: segments break the offset across their boundary', () => {
    const x = seededNormal([5, 8], 1);
    const same = ndarray([5, 8], Array.from({ length: 5 }, () => [...x.data.subarray(0, 8)]).flat());
    const score = (y: NdArray, i: number, j: number) =>
      dot(ndarray([8], y.data.subarray(i * 8, i * 8 + 8)), ndarray([8], y.data.subarray(j * 8, j * 8 + 8)));
    const segmented = documented.segmentedRope(same, 4);
    const right = ropeOracle(same, [0, 1, 2, 3, 4]);
    expect(score(right, 4, 3)).toBeCloseTo(score(right, 2, 1), 12);
    expect(Math.abs(score(segmented, 4, 3) - score(segmented, 2, 1))).toBeGreaterThan(0.1);
  });

  it('E23, E103, E105, E107', () => {
    const at = documented.flattenedPixelPosition;
    expect(at(2, 5, 8) - at(1, 3, 8)).not.toBe(at(2, 5, 10) - at(1, 3, 10));
    expect(documented.frequenciesOfEveryFeature(8).at(-1)).toBeCloseTo(1e-7, 15);
    const x = seededNormal([1, 4, 4, 2], 3);
    const wrong = documented.headAxisRope(x).data;
    expect(wrong.subarray(8, 10)).toEqual(x.data.subarray(8, 10));
    expect(wrong.subarray(2, 4)).not.toEqual(x.data.subarray(2, 4));
    expect(() => documented.headAxisRope(seededNormal([1, 3, 4, 2], 3))).toThrow(/T must equal H/);
    const step = seededNormal([1, 8], 4);
    expect(documented.positionlessRope(step)).toEqual(ropeOracle(step, [0]));
    expect(distance(documented.positionlessRope(step), ropeOracle(step, [7]))).toBeGreaterThan(0.1);
  });
});

describe('documented rmsNorm', () => {
  const x = ndarray([2, 4], [1, 2, 3, 4, 10, 20, 30, 40]);

  it('E07: a global z-score mixes tokens', () => {
    expect(Array.from(documented.globalZScore(x).data)).toEqual(
      close([-0.866, -0.798, -0.7301, -0.6622, -0.2547, 0.4245, 1.1037, 1.7828]),
    );
    const other = ndarray([2, 4], [1, 2, 3, 4, -1, 0, 5, 2]);
    expect(Array.from(documented.globalZScore(other).data.subarray(0, 4))).toEqual(
      close([-0.5, 0, 0.5, 1], 6),
    );
    expect(documented.globalZScore(ndarray([1], [3])).data[0]).toBeNaN();
    const gain = ones([4]);
    expect(rmsNormOracle(x, gain).data.subarray(0, 4)).toEqual(
      rmsNormOracle(other, gain).data.subarray(0, 4),
    );
  });

  it('E08, E15, E41', () => {
    const row = ndarray([1, 4], [1, 2, 3, 4]);
    expect(Array.from(documented.rowZScore(row).data)).toEqual(close([-1.3416, -0.4472, 0.4472, 1.3416]));
    const tiny = ndarray([1, 2], [1e-9, 1e-9]);
    expect(documented.rmsNormEpsOutside(tiny, ones([2]), 1e-8).data[0]).toBeCloseTo(1 / 11, 12);
    const weight = seededNormal([4], 1);
    const twice = { shape: row.shape, data: row.data.map((value) => 2 * value) };
    expect(
      distance(documented.gainOnly(twice, weight), {
        shape: row.shape,
        data: documented.gainOnly(row, weight).data.map((v) => 2 * v),
      }),
    ).toBe(0);
  });
});

describe('documented attention', () => {
  it('E49: scrambled heads let a token see tokens of its parity only', () => {
    const [T, H, C] = [4, 2, 4];
    const x = seededNormal([1, T, C], 1);
    const f = (a: NdArray) => documented.scrambledHeads(a, a, a, H).out;
    expect(documented.scrambledHeads(x, x, x, H).weights.shape).toEqual([1, T, H, H]);
    expect([0, 1, 2, 3].map((token) => changedTokens(f, x, token, C))).toEqual([
      [0, 2],
      [1, 3],
      [0, 2],
      [1, 3],
    ]);
    expect(() => documented.scrambledHeads(x, x, x, 3)).toThrow(/C = 4 .* not a multiple of 3 heads/);
  });

  it('E09: tiled heads differ from grouped ones', () => {
    const [q, kv] = [seededNormal([1, 8, 3, 4], 1), seededNormal([1, 2, 3, 4], 2)];
    expect(distance(documented.tiledGroupedAttention(q, kv, kv), attentionOracle(q, kv, kv))).toBeGreaterThan(
      0.5,
    );
    const [one, mha] = [seededNormal([1, 1, 3, 4], 2), seededNormal([1, 8, 3, 4], 3)];
    expect(documented.tiledGroupedAttention(q, one, one)).toEqual(attentionOracle(q, one, one));
    expect(documented.tiledGroupedAttention(q, mha, mha)).toEqual(attentionOracle(q, mha, mha));
  });

  it('E98: the head axis is attended to, at equal offsets in the blocks', () => {
    const x = seededNormal([1, 256, 2, 4], 1);
    expect(changedTokens((a) => documented.headAxisBlockAttention(a, a, a, 64), x, 5, 8)).toEqual([
      5, 69, 133, 197,
    ]);
    const odd = seededNormal([1, 100, 2, 4], 1);
    expect(() => documented.headAxisBlockAttention(odd, odd, odd, 64)).toThrow(
      /blocks of 64 do not divide T = 100/,
    );
  });

  it('E99: a softmax per block gives every row the weight of all blocks', () => {
    const q = ndarray([1, 1, 1, 1], [1]);
    const k = ndarray([1, 1, 4, 1], [Math.log(3), 0, 0, 0]);
    const v = ndarray([1, 1, 4, 1], [6, 0, 0, 0]);
    expect(attentionOracle(q, k, v).data[0]).toBeCloseTo(3, 12);
    expect(documented.independentBlockAttention(q, k, v, 2).data[0]).toBeCloseTo(4.5, 12);
    expect(documented.independentBlockAttention(q, k, ones([1, 1, 4, 1]), 1).data[0]).toBeCloseTo(4, 12);
    expect(documented.independentBlockAttention(q, k, v, 4).data[0]).toBeCloseTo(3, 12);
  });
});

describe('E40, E42: the classes printed as a Llama', () => {
  const parts = { table: seededNormal([5, 3], 1), weight: seededNormal([5, 3], 2) };
  const ids = ndarray([1, 4], [3, 0, 3, 1]);

  it('are a table and a linear layer, which see no order', () => {
    const y = documented.embeddingAndLinear(ids, parts);
    expect(y.shape).toEqual([1, 4, 5]);
    const row = (at: NdArray, n: number) => [...at.data.slice(5 * n, 5 * n + 5)];
    expect(row(y, 0)).toEqual(row(y, 2));
    const product = parts.weight.data
      .slice(6, 9)
      .reduce((sum, w, c) => sum + w * parts.table.data[9 + c]!, 0);
    expect(row(y, 0)[2]).toBeCloseTo(product, 12);
    expect(() => documented.embeddingAndLinear(ndarray([1], [5]), parts)).toThrow(/id 5 is outside/);
  });

  it('cannot be chained: the second table is handed floats', () => {
    const gain = ndarray([5], [1, 1, 1, 1, 1]);
    expect(() => documented.chainedLlama(ids, { rope: parts, gain, gqa: parts })).toThrow(
      /expected integer ids, got .* in ids \[1,4,5\]/,
    );
  });
});

describe('documented linear attention', () => {
  it('E108: no token sees another, and outputs are parallel to their queries', () => {
    const [q, k, v] = [1, 2, 3].map((seed) => seededNormal([1, 5, 1, 4], seed)) as [
      NdArray,
      NdArray,
      NdArray,
    ];
    const f = (values: NdArray) => documented.samePositionLinearAttention(q, k, values);
    expect(changedTokens(f, v, 2, 4)).toEqual([2]);
    const token = (a: NdArray) => ndarray([4], a.data.subarray(4, 8));
    const [out, query] = [token(f(v)), token(q)];
    const cosine = dot(out, query) / Math.sqrt(dot(out, out) * dot(query, query));
    expect(Math.abs(cosine)).toBeCloseTo(1, 12);
    // q = (1, 1), k . v = 11: (1, 1) 11 / 2
    const hand = documented.samePositionLinearAttention(
      ndarray([1, 1, 1, 2], [1, 1]),
      ndarray([1, 1, 1, 2], [1, 2]),
      ndarray([1, 1, 1, 2], [3, 4]),
    );
    expect(Array.from(hand.data)).toEqual(close([5.5, 5.5]));
  });
});
