/** Fine-tuning methods: adapted linear layers, merged weights, prompts, prefixes and their encoders. */
import { type NdArray, ndarray } from '../../src/compute/ndarray.js';
import { fromNdArray } from '../../src/compute/read.js';
import * as kernelbook from '../../src/index.js';
import { type Component, places, type Tensor, using } from './component.js';

const rank = 2;
const scaling = { alpha: 3 };
const scale = 3 / rank;

/** x, w, a, b of a layer from W to 3. */
const adapted = (R: number, W: number) => [
  [R, W],
  [3, W],
  [rank, W],
  [3, rank],
];

const ofLstm = (W: number) => [[4 * 2, W], [4 * 2, 2], [4 * 2], [4 * 2]];

const direction = <T>([wInput, wHidden, bInput, bHidden]: (T | undefined)[]) => ({
  wInput: wInput!,
  wHidden: wHidden!,
  bInput: bInput!,
  bHidden: bHidden!,
});

const prefixShape = { layers: 1, heads: 2, batch: 2 };

/** Token 1, token 0, token 1, ... of two. */
const idsOf = (R: number) =>
  ndarray(
    [1, R],
    places(R).map((n) => (n + 1) % 2),
  );

export const fineTuningComponents: Record<string, Component> = {
  loraLinear: {
    inputs: adapted,
    run: (_path, x, w, a, b) => kernelbook.loraLinear(x!, w!, { a: a!, b: b! }, scaling),
    reference: { value: (x, w, a, b) => kernelbook.loraLinearOracle(x!, w!, { a: a!, b: b! }, scale) },
    huge: [1e4, 1e30],
  },
  mergeLora: {
    inputs: (R, W) => adapted(R, W).slice(1),
    run: (_path, w, a, b) => kernelbook.mergeLora(w!, { a: a!, b: b! }, scaling),
    reference: { value: (w, a, b) => kernelbook.mergeLoraOracle(w!, { a: a!, b: b! }, scale) },
    huge: [1e4, 1e30],
  },
  doraLinear: {
    inputs: (R, W) => [...adapted(R, W), [3]],
    run: (_path, x, w, a, b, magnitude) =>
      kernelbook.doraLinear(x!, w!, { a: a!, b: b!, magnitude: magnitude! }, scaling),
    reference: {
      value: (x, w, a, b, magnitude) =>
        kernelbook.doraLinearOracle(x!, w!, { a: a!, b: b!, magnitude: magnitude! }, scale),
    },
    huge: [1e4, 1e30],
  },
  mergeDora: {
    inputs: (R, W) => [...adapted(R, W).slice(1), [3]],
    run: (_path, w, a, b, magnitude) =>
      kernelbook.mergeDora(w!, { a: a!, b: b!, magnitude: magnitude! }, scaling),
    reference: {
      value: (w, a, b, magnitude) =>
        kernelbook.mergeDoraOracle(w!, { a: a!, b: b!, magnitude: magnitude! }, scale),
    },
    huge: [1e4, 1e15],
  },
  doraMagnitude: {
    inputs: (R, W) => [[R, W]],
    run: (_path, w) => kernelbook.doraMagnitude(w!),
    reference: 'a norm; test/training/fine-tuning/fine-tuning.test.ts',
  },
  ia3Linear: {
    inputs: (R, W) => [[R, W], [3, W], [3]],
    run: (_path, x, w, l) => kernelbook.ia3Linear(x!, w!, l!),
    reference: { value: (x, w, l) => kernelbook.ia3LinearOracle(x!, w!, l!, false) },
    huge: [1e4, 1e30],
  },
  mergeIa3: {
    inputs: (_R, W) => [[3, W], [3]],
    run: (_path, w, l) => kernelbook.mergeIa3(w!, l!).weight,
    reference: 'one product; test/training/fine-tuning/fine-tuning.test.ts',
  },
  bottleneckAdapter: {
    inputs: (R, W) => [[R, W], [2, W], [2], [W, 2], [W]],
    run: (_path, x, wDown, bDown, wUp, bUp) =>
      kernelbook.bottleneckAdapter(x!, { wDown: wDown!, bDown, wUp: wUp!, bUp }),
    reference: {
      value: (x, w1, b1, w2, b2) => {
        const y = kernelbook.feedForwardOracle(x!, { w1: w1!, b1, w2: w2!, b2 });
        return ndarray(
          y.shape,
          y.data.map((value, n) => value + x!.data[n]!),
        );
      },
    },
    huge: [1e4, 1e30],
  },
  promptEmbedding: {
    inputs: (_R, W) => [
      [3, W],
      [2, W],
    ],
    run: (_path, prompt, embedding) =>
      using(fromNdArray(idsOf(3), 'int32'), (ids) => kernelbook.promptEmbedding(prompt!, embedding!, ids)),
    reference: {
      value: (prompt, embedding) => {
        const W = prompt!.shape[1]!;
        const rows = [...idsOf(3).data].flatMap((id) => [...embedding!.data.subarray(id * W, (id + 1) * W)]);
        return kernelbook.withPromptOracle(prompt!, ndarray([1, 3, W], rows));
      },
    },
    huge: [1e4, 1e38],
  },
  prefixAttention: {
    inputs: (R, W) => [
      [1, 4, R, W],
      [1, 2, R, W],
      [1, 2, R, W],
      [2, 3, W],
      [2, 3, W],
    ],
    run: (path, q, k, v, pk, pv) =>
      kernelbook.prefixAttention(q!, k!, v!, { k: pk!, v: pv! }, { causal: true, path }),
    fused: true,
    reference: {
      value: (q, k, v, pk, pv) =>
        kernelbook.attentionOracle(
          q!,
          kernelbook.withPrefixOracle(pk!, k!),
          kernelbook.withPrefixOracle(pv!, v!),
          { causal: true },
        ),
    },
    spreads: true,
    huge: [1e4, 1e15],
  },
  prefixEncoder: {
    inputs: (R, W) => [[R, W], [3, W], [3], [W, 3], [W]],
    run: (_path, embedding, w0, b0, w1, b1) =>
      kernelbook.prefixEncoder(embedding!, { w0: w0!, b0: b0!, w1: w1!, b1: b1! }),
    reference: 'an MLP; test/training/fine-tuning/fine-tuning.test.ts',
  },
  prefixKeysValues: {
    inputs: (R, W) => [[R, 4 * W]],
    run: (_path, prefix) => ({ ...kernelbook.prefixKeysValues(prefix!, prefixShape) }),
    pick: (result) => (result as unknown as { keys: Tensor }).keys,
    reference: { value: (prefix: NdArray) => kernelbook.prefixKeysValuesOracle(prefix, 0, prefixShape) },
    huge: [1e4, 1e38],
  },
  bidirectionalLstm: {
    inputs: (R, W) => [[R, W], ...ofLstm(W), ...ofLstm(W)],
    run: (_path, x, ...weights) =>
      kernelbook.bidirectionalLstm(x!, [
        { forward: direction(weights.slice(0, 4)), backward: direction(weights.slice(4)) },
      ]),
    reference: {
      value: (x, ...weights) =>
        kernelbook.bidirectionalLstmOracle(x!, [
          { forward: direction(weights.slice(0, 4)), backward: direction(weights.slice(4)) },
        ]),
    },
    huge: [1e4, 1e30],
  },
  promptEncoder: {
    inputs: (R, W) => [[R, W], [3, W], [3], [W, 3], [W]],
    run: (_path, embedding, w0, b0, w1, b1) =>
      kernelbook.promptEncoder(embedding!, {
        mlp: [
          { w: w0!, b: b0! },
          { w: w1!, b: b1! },
        ],
      }),
    reference: {
      value: (embedding, w1, b1, w2, b2) =>
        kernelbook.feedForwardOracle(embedding!, { w1: w1!, b1, w2: w2!, b2 }),
    },
    huge: [1e4, 1e30],
  },
};
