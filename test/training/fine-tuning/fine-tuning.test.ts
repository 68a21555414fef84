import { describe, expect, it } from 'vitest';
import { type NdArray, ndarray } from '../../../src/compute/ndarray.js';
import { seededNormal } from '../../../src/compute/random.js';
import { fromNdArray, read, toNdArray } from '../../../src/compute/read.js';
import { tf } from '../../../src/compute/tf.js';
import { attentionOracle } from '../../../src/layers/attention/attention-oracle.js';
import { feedForwardOracle } from '../../../src/layers/feed-forward/feed-forward-oracle.js';
import { adapterParameters, bottleneckAdapter } from '../../../src/training/fine-tuning/adapter.js';
import { doraLinear, doraMagnitude, mergeDora } from '../../../src/training/fine-tuning/dora.js';
import { ia3Linear, mergeIa3 } from '../../../src/training/fine-tuning/ia3.js';
import { loraLinear, loraScale, mergeLora } from '../../../src/training/fine-tuning/lora.js';
import {
  doraLinearOracle,
  ia3LinearOracle,
  loraLinearOracle,
  mergeDoraOracle,
  mergeLoraOracle,
  rowNormsOracle,
} from '../../../src/training/fine-tuning/low-rank-oracle.js';
import { bidirectionalLstm } from '../../../src/training/fine-tuning/lstm.js';
import { promptEncoder } from '../../../src/training/fine-tuning/p-tuning.js';
import {
  prefixAttention,
  prefixEncoder,
  prefixKeysValues,
  prefixOfLayer,
} from '../../../src/training/fine-tuning/prefix.js';
import { promptEmbedding, withPrompt } from '../../../src/training/fine-tuning/prompt.js';
import {
  bidirectionalLstmOracle,
  mlpOracle,
  prefixKeysValuesOracle,
  withPrefixOracle,
  withPromptOracle,
} from '../../../src/training/fine-tuning/virtual-tokens-oracle.js';
import { attentionErrors } from '../../../src/workbench/golden/bounds/attention.js';
import {
  adapterErrors,
  doraErrors,
  ia3Errors,
  loraErrors,
  type MethodErrors,
  mergedErrors,
  prefixErrors,
  promptEncoderErrors,
  promptErrors,
} from '../../../src/workbench/golden/bounds/fine-tuning.js';
import { exact } from '../../../src/workbench/golden/running-error.js';
import { eachBackend } from '../../compute/backends.js';
import { differences, distance, expectWithin, leaked } from '../../support/numeric.js';

type Arrays = Record<string, NdArray>;
type Tensors = Record<string, tf.Tensor>;

/** Normal values of these shapes, another seed for each. */
const normals = (shapes: Record<string, number[]>): Arrays =>
  Object.fromEntries(Object.entries(shapes).map(([name, shape], n) => [name, seededNormal(shape, n + 1)]));

const tensorsOf = (arrays: Arrays): Tensors =>
  Object.fromEntries(Object.entries(arrays).map(([name, array]) => [name, fromNdArray(array)]));

/**
 * The component's result is the oracle's within the bounds, and so are its gradients, which differences of the oracle show;
 * nothing is left behind.
 */
async function expectMethod(
  run: (inputs: Tensors) => tf.Tensor,
  inputs: Arrays,
  oracle: (inputs: Arrays) => NdArray,
  errors: (cotangent: NdArray) => MethodErrors,
  output = 'out',
): Promise<void> {
  const expected = oracle(inputs);
  const dy = seededNormal(expected.shape, 77);
  const bounds = errors(dy);
  expect(distance(bounds.out[output]!.value, expected)).toBeLessThan(1e-11);
  const given = tensorsOf(inputs);
  await expectWithin('out', run(given), expected, bounds.out[output]!);
  const names = Object.keys(inputs);
  const found = tf.grads((...values) => run(Object.fromEntries(names.map((name, n) => [name, values[n]!]))))(
    names.map((name) => given[name]!),
    fromNdArray(dy),
  );
  for (const [n, name] of names.entries()) {
    const slopes = differences((at) => oracle({ ...inputs, [name]: at }), inputs[name]!, dy);
    const bound = bounds.grad[name]!;
    expect(distance(bound.value, slopes), `bound of the gradient of ${name}`).toBeLessThan(1e-6);
    await expectWithin(`gradient of ${name}`, found[n]!, bound.value, bound);
  }
  expect(leaked(() => run(given))).toBe(0);
}

eachBackend(() => {
  describe('loraLinear', () => {
    it.each([
      { rows: [5], inner: 7, out: 3, rank: 2, alpha: 6, rsLora: false, biased: true },
      { rows: [2, 3], inner: 4, out: 9, rank: 3, alpha: 2, rsLora: true, biased: false },
      { rows: [1], inner: 1, out: 1, rank: 1, alpha: 1, rsLora: false, biased: true },
    ])('is the oracle within the bounds, %o', async ({ rows, inner, out, rank, alpha, rsLora, biased }) => {
      const scale = alpha / (rsLora ? Math.sqrt(rank) : rank);
      expect(loraScale(rank, { alpha, rsLora })).toBe(scale);
      const inputs = normals({
        x: [...rows, inner],
        w: [out, inner],
        a: [rank, inner],
        b: [out, rank],
        ...(biased && { bias: [out] }),
      });
      await expectMethod(
        ({ x, w, a, b, bias }) => loraLinear(x!, w!, { a: a!, b: b! }, { alpha, rsLora, bias }),
        inputs,
        ({ x, w, a, b, bias }) => loraLinearOracle(x!, w!, { a: a!, b: b! }, scale, bias),
        (out) => loraErrors(inputs, { out }, scale),
      );
    });

    it('scales by 1 unless alpha says otherwise, and starts as the layer when b is zero', async () => {
      const { x, w, a } = tensorsOf(normals({ x: [2, 3], w: [4, 3], a: [2, 3] }));
      const y = loraLinear(x!, w!, { a: a!, b: tf.zeros([4, 2]) });
      expect([...(await read(y))]).toEqual([...(await read(tf.matMul(x!, w!, false, true)))]);
      expect(loraScale(5)).toBe(1);
    });

    it('drops inputs of a only, and those that stay grow', async () => {
      const x = tf.ones([400, 1]);
      const drop = (seed: number) =>
        loraLinear(x, tf.ones([1, 1]), { a: tf.ones([1, 1]), b: tf.ones([1, 1]) }, { dropout: 0.25, seed });
      const values = [...(await read(drop(3)))];
      expect(new Set(values)).toEqual(new Set([1, Math.fround(1 + Math.fround(4 / 3))]));
      const dropped = values.filter((value) => value === 1).length / 400;
      expect(dropped).toBeGreaterThan(0.15);
      expect(dropped).toBeLessThan(0.35);
      expect([...(await read(drop(3)))]).toEqual(values);
      expect([...(await read(drop(4)))]).not.toEqual(values);
    });
  });

  describe('doraLinear', () => {
    it.each([
      { inner: 6, out: 4, rank: 2, biased: true },
      { inner: 5, out: 3, rank: 1, biased: false },
    ])(
      'is the oracle within the bounds, its norms being constants, %o',
      async ({ inner, out, rank, biased }) => {
        const inputs = normals({
          x: [3, inner],
          w: [out, inner],
          a: [rank, inner],
          b: [out, rank],
          magnitude: [out],
          ...(biased && { bias: [out] }),
        });
        const scale = loraScale(rank, { alpha: 3 });
        const norms = rowNormsOracle(mergeLoraOracle(inputs.w!, { a: inputs.a!, b: inputs.b! }, scale));
        await expectMethod(
          ({ x, w, a, b, magnitude, bias }) =>
            doraLinear(x!, w!, { a: a!, b: b!, magnitude: magnitude! }, { alpha: 3, bias }),
          inputs,
          ({ x, w, a, b, magnitude, bias }) =>
            doraLinearOracle(x!, w!, { a: a!, b: b!, magnitude }, scale, bias, norms),
          (dy) => doraErrors(inputs, { out: dy }, scale),
        );
      },
    );

    it('starts as the layer with the magnitudes of its weight', async () => {
      const { x, w, a } = tensorsOf(normals({ x: [2, 5], w: [3, 5], a: [2, 5] }));
      const factors = { a: a!, b: tf.zeros([3, 2]), magnitude: doraMagnitude(w!) };
      const difference = tf.sub(doraLinear(x!, w!, factors), tf.matMul(x!, w!, false, true));
      expect((await read(tf.max(tf.abs(difference))))[0]!).toBeLessThan(1e-6);
    });
  });

  it('merging gives the oracle within the bounds, for LoRA, DoRA and IA3', async () => {
    const arrays = normals({ w: [5, 7], a: [3, 7], b: [5, 3], magnitude: [5], x: [4, 7], bias: [5] });
    const { w, a, b, magnitude, x, bias } = tensorsOf(arrays);
    const factors = { a: a!, b: b!, magnitude: magnitude! };
    const scale = loraScale(3, { alpha: 2 });
    const own = { a: arrays.a!, b: arrays.b!, magnitude: arrays.magnitude };
    const { magnitude: _, ...plain } = arrays;
    await expectWithin(
      'LoRA',
      mergeLora(w!, factors, { alpha: 2 }),
      mergeLoraOracle(arrays.w!, own, scale),
      mergedErrors(plain, scale),
    );
    await expectWithin(
      'DoRA',
      mergeDora(w!, factors, { alpha: 2 }),
      mergeDoraOracle(arrays.w!, own, scale),
      mergedErrors(arrays, scale),
    );
    for (const isFeedForward of [false, true]) {
      const l = fromNdArray(seededNormal([isFeedForward ? 7 : 5], 9));
      const merged = mergeIa3(w!, l, { isFeedForward, bias });
      const y = tf.add(tf.matMul(x!, merged.weight, false, true), merged.bias!);
      const difference = tf.sub(y, ia3Linear(x!, w!, l, { isFeedForward, bias }));
      expect((await read(tf.max(tf.abs(difference))))[0]!).toBeLessThan(1e-5);
    }
  });

  describe('ia3Linear', () => {
    it.each([
      { isFeedForward: true, biased: true },
      { isFeedForward: false, biased: true },
      { isFeedForward: false, biased: false },
    ])('is the oracle within the bounds, %o', async ({ isFeedForward, biased }) => {
      const inputs = normals({
        x: [2, 3, 5],
        w: [4, 5],
        l: [isFeedForward ? 5 : 4],
        ...(biased && { bias: [4] }),
      });
      await expectMethod(
        ({ x, w, l, bias }) => ia3Linear(x!, w!, l!, { isFeedForward, bias }),
        inputs,
        ({ x, w, l, bias }) => ia3LinearOracle(x!, w!, l!, isFeedForward, bias),
        (out) => ia3Errors(inputs, { out }, isFeedForward),
      );
    });
  });

  it('bottleneckAdapter is the oracle within the bounds', async () => {
    const inputs = normals({ x: [2, 3, 5], wDown: [2, 5], bDown: [2], wUp: [5, 2], bUp: [5] });
    await expectMethod(
      ({ x, wDown, bDown, wUp, bUp }) => bottleneckAdapter(x!, { wDown: wDown!, bDown, wUp: wUp!, bUp }),
      inputs,
      ({ x, wDown, bDown, wUp, bUp }) => {
        const y = feedForwardOracle(x!, { w1: wDown!, b1: bDown, w2: wUp!, b2: bUp });
        return ndarray(
          y.shape,
          y.data.map((value, n) => value + x!.data[n]!),
        );
      },
      (out) => adapterErrors(inputs, { out }),
    );
    expect(adapterParameters(5, 2)).toBe(2 * 5 + 2 + 5 * 2 + 5);
  });

  it('promptEmbedding puts the prompt in front of the tokens', async () => {
    const ids = ndarray([2, 3], [1, 0, 4, 4, 4, 2]);
    const inputs = normals({ prompt: [2, 3], embedding: [5, 3] });
    const rows = ({ embedding }: Arrays) =>
      ndarray(
        [2, 3, 3],
        [...ids.data].flatMap((id) => [...embedding!.data.subarray(3 * id, 3 * id + 3)]),
      );
    const tokens = fromNdArray(ids, 'int32');
    await expectMethod(
      ({ prompt, embedding }) => promptEmbedding(prompt!, embedding!, tokens),
      inputs,
      (given) => withPromptOracle(given.prompt!, rows(given)),
      (out) => promptErrors({ ...inputs, ids }, { out }),
    );
  });

  describe('prefixAttention', () => {
    it.each([
      { causal: true, T: 4, S: 4 },
      { causal: true, T: 1, S: 6 },
      { causal: false, T: 3, S: 5 },
      { causal: true, window: 3, T: 5, S: 5 },
    ])('is attention to prefix and keys, the prefix in front, %o', async ({ T, S, ...rule }) => {
      const inputs = normals({
        q: [2, 4, T, 3],
        k: [2, 2, S, 3],
        v: [2, 2, S, 3],
        pk: [2, 3, 3],
        pv: [2, 3, 3],
      });
      const oracle = ({ q, k, v, pk, pv }: Arrays) =>
        attentionOracle(q!, withPrefixOracle(pk!, k!), withPrefixOracle(pv!, v!), rule);
      const given = tensorsOf(inputs);
      const run = ({ q, k, v, pk, pv }: Tensors) => prefixAttention(q!, k!, v!, { k: pk!, v: pv! }, rule);
      const [keys, values] = [
        withPrefixOracle(inputs.pk!, inputs.k!),
        withPrefixOracle(inputs.pv!, inputs.v!),
      ];
      const bounds = attentionErrors(exact(inputs.q!), exact(keys), exact(values), undefined, rule);
      await expectWithin('out', run(given), oracle(inputs), bounds.out);
      const dy = seededNormal([2, 4, T, 3], 77);
      const names = Object.keys(inputs);
      const found = tf.grads((...values) =>
        run(Object.fromEntries(names.map((name, n) => [name, values[n]!]))),
      )(
        names.map((name) => given[name]!),
        fromNdArray(dy),
      );
      for (const [n, name] of names.entries()) {
        const slopes = differences((at) => oracle({ ...inputs, [name]: at }), inputs[name]!, dy);
        expect(distance(await toNdArray(found[n]!), slopes), `gradient of ${name}`).toBeLessThan(1e-5);
      }
    });
  });

  describe('prefixKeysValues', () => {
    const shape = { layers: 2, heads: 3, batch: 2 };

    it.each([true, false])('are cut out of the prefix, with an MLP: %s', async (projection) => {
      const inputs = normals(
        projection
          ? { embedding: [4, 5], w0: [3, 5], b0: [3], w1: [24, 3], b1: [24] }
          : { embedding: [4, 24] },
      );
      for (const which of [0, 1] as const) {
        const name = which === 0 ? 'keys' : 'values';
        await expectMethod(
          ({ embedding, w0, b0, w1, b1 }) => {
            const mlp = projection ? { w0: w0!, b0: b0!, w1: w1!, b1: b1! } : undefined;
            return tf.tidy(() => tf.clone(prefixKeysValues(prefixEncoder(embedding!, mlp), shape)[name]));
          },
          inputs,
          ({ embedding, w0, b0, w1, b1 }) => {
            const layers = [
              { w: w0!, b: b0! },
              { w: w1!, b: b1! },
            ];
            const all = projection ? mlpOracle(embedding!, layers, Math.tanh) : embedding!;
            return prefixKeysValuesOracle(all, which, shape);
          },
          (dy) => prefixErrors(inputs, { [name]: dy }, shape),
          name,
        );
      }
    });

    it('are what one layer sees', async () => {
      const prefix = seededNormal([4, 24], 1);
      const keys = prefixKeysValuesOracle(prefix, 0, { ...shape, batch: 1 });
      const values = prefixKeysValuesOracle(prefix, 1, { ...shape, batch: 1 });
      for (const layer of [0, 1]) {
        const { k, v } = prefixOfLayer(fromNdArray(prefix), layer, { heads: 3, D: 2 });
        const own = (all: NdArray) => [...all.data.subarray(layer * 24, (layer + 1) * 24)];
        expect([...(await read(k))]).toEqual(own(keys));
        expect([...(await read(v))]).toEqual(own(values));
      }
    });
  });

  describe('promptEncoder', () => {
    const lstmShapes = (layers: number, C: number, H: number): Record<string, number[]> =>
      Object.fromEntries(
        Array.from({ length: layers }, (_, layer) =>
          ['', '_reverse'].flatMap((end): [string, number[]][] => [
            [`weight_ih_l${layer}${end}`, [4 * H, layer === 0 ? C : 2 * H]],
            [`weight_hh_l${layer}${end}`, [4 * H, H]],
            [`bias_ih_l${layer}${end}`, [4 * H]],
            [`bias_hh_l${layer}${end}`, [4 * H]],
          ]),
        ).flat(),
      );
    const layersOf = <T>(layers: number, weights: Record<string, T>) =>
      Array.from({ length: layers }, (_, layer) => {
        const direction = (end: string) => ({
          wInput: weights[`weight_ih_l${layer}${end}`]!,
          wHidden: weights[`weight_hh_l${layer}${end}`]!,
          bInput: weights[`bias_ih_l${layer}${end}`]!,
          bHidden: weights[`bias_hh_l${layer}${end}`]!,
        });
        return { forward: direction(''), backward: direction('_reverse') };
      });
    const mlpOf = <T>(weights: Record<string, T>) =>
      [0, 1, 2]
        .filter((n) => weights[`w${n}`] !== undefined)
        .map((n) => ({ w: weights[`w${n}`]!, b: weights[`b${n}`]! }));
    const relu = (x: number) => Math.max(0, x);

    it('with an MLP is the oracle within the bounds', async () => {
      const inputs = normals({
        embedding: [3, 4],
        w0: [5, 4],
        b0: [5],
        w1: [5, 5],
        b1: [5],
        w2: [4, 5],
        b2: [4],
      });
      await expectMethod(
        ({ embedding, ...weights }) => promptEncoder(embedding!, { mlp: mlpOf(weights) }),
        inputs,
        ({ embedding, ...weights }) => mlpOracle(embedding!, mlpOf(weights), relu),
        (out) => promptEncoderErrors(inputs, { out }, 0),
      );
    });

    it.each([1, 2])('with an LSTM of %i layers is the oracle within the bounds', async (layers) => {
      const [P, C, H] = [3, 2, 2];
      const inputs = normals({
        embedding: [P, C],
        ...lstmShapes(layers, C, H),
        w0: [2 * H, 2 * H],
        b0: [2 * H],
        w1: [C, 2 * H],
        b1: [C],
      });
      await expectMethod(
        ({ embedding, ...weights }) =>
          promptEncoder(embedding!, { lstm: layersOf(layers, weights), mlp: mlpOf(weights) }),
        inputs,
        ({ embedding, ...weights }) =>
          mlpOracle(bidirectionalLstmOracle(embedding!, layersOf(layers, weights)), mlpOf(weights), relu),
        (out) => promptEncoderErrors(inputs, { out }, layers),
      );
    });

    it('the LSTM of no tokens is empty', () => {
      const weights = tensorsOf(normals(lstmShapes(1, 2, 3)));
      expect(bidirectionalLstm(tf.zeros([0, 2]), layersOf(1, weights)).shape).toEqual([0, 6]);
    });
  });
});

describe('fine-tuning methods', () => {
  it('say what is wrong with their arguments', () => {
    const [x, w] = [tf.zeros([2, 3]), tf.zeros([4, 3])];
    const factors = { a: tf.zeros([2, 3]), b: tf.zeros([4, 2]) };
    expect(() => loraLinear(x, w, { a: factors.b, b: factors.a })).toThrow(
      /a must be \[r, in\] and b \[out, r\].* got a \[4,2\], b \[2,3\], weight \[4,3\]/,
    );
    expect(() => loraLinear(x, w, factors, { dropout: 1 })).toThrow(/dropout must be in \[0, 1\), got 1/);
    expect(() => loraScale(0)).toThrow(/rank 0/);
    expect(() => doraLinear(x, w, { ...factors, magnitude: tf.zeros([3]) })).toThrow(
      /magnitude must be \[out\] for weight \[4,3\], got \[3\]/,
    );
    expect(() => ia3Linear(x, w, tf.zeros([3]))).toThrow(/l must be \[out\] .* got l \[3\]/);
    expect(() => ia3Linear(x, w, tf.zeros([4]), { isFeedForward: true })).toThrow(/l must be \[in\]/);
    expect(() => withPrompt(tf.zeros([2, 4]), tf.zeros([1, 2, 3]))).toThrow(/must agree in C/);
    expect(() => promptEmbedding(tf.zeros([2, 3]), w, tf.zeros([1, 2]))).toThrow(/int32 tensor \[B,T\]/);
    expect(() => prefixKeysValues(tf.zeros([2, 7]), { layers: 1, heads: 2 })).toThrow(/L = 1 layers/);
    expect(() => prefixOfLayer(tf.zeros([2, 8]), 1, { heads: 2, D: 2 })).toThrow(/has no layer 1/);
    const k = tf.zeros([1, 2, 3, 4]);
    const prefix = { k: tf.zeros([2, 5, 4]), v: tf.zeros([2, 4, 4]) };
    expect(() => prefixAttention(k, k, k, prefix)).toThrow(/must be \[K,P,D\] = \[2,5,4\].*values \[2,4,4\]/);
  });
});
