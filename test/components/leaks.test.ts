/**
 * No component leaves a tensor behind outside tf.tidy: a call gives its result and nothing else, a gradient the
 * gradients. A component that is exported and not listed here fails the last test.
 */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { seededNormal } from '../../src/compute/random.js';
import { fromNdArray } from '../../src/compute/read.js';
import * as kernelbook from '../../src/index.js';
import { eachBackend } from '../compute/backends.js';

const { tf } = kernelbook;
type Tensor = kernelbook.tf.Tensor;

interface Call {
  /** Shapes of the inputs that have a gradient; none for a component without. */
  inputs: number[][];
  run(...inputs: Tensor[]): kernelbook.tf.TensorContainer;
  /** The tensor to differentiate, where `run` gives several. */
  pick?(result: kernelbook.tf.TensorContainer): Tensor;
  /** A second form exists. */
  fused?: true;
}

let path: 'fused' | 'composed' = 'composed';
const heads = [
  [1, 4, 3, 8],
  [1, 2, 3, 8],
  [1, 2, 3, 8],
];
const square = [4, 4];
const ids = () => tf.tensor2d([[1, 0, 2]], undefined, 'int32');
/** Runs with a tensor that it makes and frees itself. */
function using<T>(made: Tensor, use: (tensor: Tensor) => T): T {
  const result = use(made);
  made.dispose();
  return result;
}

const calls: Record<string, Call> = {
  activation: { inputs: [[3, 4]], run: (x) => kernelbook.activation(x!, 'gelu_erf') },
  'activation swish': { inputs: [[3, 4]], run: (x) => kernelbook.activation(x!, 'swish', { beta: 1.5 }) },
  attention: {
    inputs: heads,
    run: (q, k, v) => kernelbook.attention(q!, k!, v!, { causal: true, path }),
    fused: true,
  },
  'attention window, ALiBi': {
    inputs: heads,
    run: (q, k, v) => kernelbook.attention(q!, k!, v!, { causal: true, window: 2, alibi: true, path }),
    fused: true,
  },
  batchNorm: {
    inputs: [[3, 4]],
    run: (x) => ({ ...kernelbook.batchNorm(x!, {}, {}) }),
    pick: (result) => (result as unknown as { out: Tensor }).out,
  },
  crossEntropy: {
    inputs: [[1, 3, 5]],
    run: (logits) => using(ids(), (targets) => kernelbook.crossEntropy(logits!, targets, { path })),
    fused: true,
  },
  feedForward: {
    inputs: [[2, 4], square, square],
    run: (x, w1, w2) => kernelbook.feedForward(x!, { w1: w1!, w2: w2! }),
  },
  gatedActivation: {
    inputs: [
      [3, 4],
      [3, 4],
    ],
    run: (value, gate) => kernelbook.gatedActivation(value!, gate!, 'silu', { path }),
    fused: true,
  },
  glu: { inputs: [[3, 8]], run: (x) => kernelbook.glu(x!, 'swiglu', { path }), fused: true },
  groupNorm: { inputs: [[2, 4, 3]], run: (x) => kernelbook.groupNorm(x!, 2) },
  instanceNorm: { inputs: [[2, 4, 3]], run: (x) => kernelbook.instanceNorm(x!) },
  layerNorm: {
    inputs: [[3, 4], [4], [4]],
    run: (x, gain, bias) => kernelbook.layerNorm(x!, { gain: gain!, bias: bias! }, { path }),
    fused: true,
  },
  learnedPositions: { inputs: [[6, 4]], run: (table) => kernelbook.learnedPositions(table!, 3) },
  linear: { inputs: [[2, 3, 4], square, [4]], run: (x, w, b) => kernelbook.linear(x!, w!, b!) },
  linearAttention: {
    inputs: [heads[0]!, heads[0]!, heads[0]!],
    run: (q, k, v) => kernelbook.linearAttention(q!, k!, v!, { causal: true }),
  },
  matmul: { inputs: [square, square], run: (a, b) => kernelbook.matmul(a!, b!) },
  mixtureOfExperts: {
    inputs: [[1, 3, 4], [2, 4], square, square, square, square, square, square],
    run: (x, router, g1, u1, d1, g2, u2, d2) => ({
      ...kernelbook.mixtureOfExperts(
        x!,
        {
          router: router!,
          experts: [
            { wGate: g1!, wUp: u1!, wDown: d1! },
            { wGate: g2!, wUp: u2!, wDown: d2! },
          ],
        },
        { topK: 1 },
      ),
    }),
    pick: (result) => (result as unknown as { out: Tensor }).out,
  },
  multiHeadAttention: {
    inputs: [[1, 3, 4], square, square, square, square],
    run: (x, wq, wk, wv, wo) =>
      kernelbook.multiHeadAttention(
        x!,
        { wq: wq!, wk: wk!, wv: wv!, wo: wo! },
        { heads: 2, causal: true, rope: {}, path },
      ),
    fused: true,
  },
  'multiHeadAttention with a cache': {
    inputs: [],
    run: () =>
      using(fromNdArray(seededNormal([1, 3, 4], 1)), (x) =>
        using(fromNdArray(seededNormal(square, 2)), (w) => {
          const cache = new kernelbook.KvCache();
          const attend = () =>
            kernelbook.multiHeadAttention(
              x,
              { wq: w, wk: w, wv: w, wo: w },
              { heads: 2, causal: true, cache, path },
            );
          const outputs = [attend(), attend()];
          cache.clear();
          return outputs;
        }),
      ),
    fused: true,
  },
  perplexity: {
    inputs: [[1, 3, 5]],
    run: (logits) => using(ids(), (targets) => kernelbook.perplexity(logits!, targets)),
  },
  poolHeads: { inputs: [square], run: (w) => kernelbook.poolHeads(w!, 2, 1) },
  rmsNorm: {
    inputs: [[3, 4], [4]],
    run: (x, gain) => kernelbook.rmsNorm(x!, gain!, { path }),
    fused: true,
  },
  rope: { inputs: [[1, 2, 3, 8]], run: (x) => kernelbook.rope(x!, [0, 1, 2], { path }), fused: true },
  'rope interleaved': {
    inputs: [[1, 2, 3, 8]],
    run: (x) => kernelbook.rope(x!, [0, 1, 2], { layout: 'interleaved', path }),
    fused: true,
  },
  rope2d: {
    inputs: [[1, 2, 3, 8]],
    run: (x) => kernelbook.rope2d(x!, [0, 1, 2], [2, 1, 0], { path }),
    fused: true,
  },
  shawRelativeBias: {
    inputs: [
      [1, 2, 3, 4],
      [5, 4],
    ],
    run: (q, table) => kernelbook.shawRelativeBias(q!, table!, 3),
  },
  sinusoidalPositions: { inputs: [], run: () => kernelbook.sinusoidalPositions(3, 4) },
  softmax: { inputs: [[3, 4]], run: (x) => kernelbook.softmax(x!, { path }), fused: true },
  swiGluFfn: {
    inputs: [[2, 4], square, square, square],
    run: (x, wGate, wUp, wDown) => kernelbook.swiGluFfn(x!, { wGate: wGate!, wUp: wUp!, wDown: wDown! }),
  },
  t5RelativeBias: { inputs: [[32, 2]], run: (table) => kernelbook.t5RelativeBias(table!, 3, 4) },
  tokenAccuracy: {
    inputs: [],
    run: () =>
      using(fromNdArray(seededNormal([1, 3, 5], 1)), (logits) =>
        using(ids(), (targets) => kernelbook.tokenAccuracy(logits, targets)),
      ),
  },
  weightNorm: { inputs: [[3, 4], [3]], run: (v, g) => kernelbook.weightNorm(v!, g!) },
  fromNdArray: { inputs: [], run: () => fromNdArray(seededNormal([2, 3], 1)) },
};

/** Tensors that a call makes beyond those it returns. */
function leftBehind(call: () => kernelbook.tf.TensorContainer): number {
  tf.dispose(call());
  const before = tf.memory().numTensors;
  tf.dispose(call());
  return tf.memory().numTensors - before;
}

describe('nothing is left behind by', () => {
  eachBackend((name) => {
    beforeEach(() => tf.engine().startScope());
    afterEach(() => tf.engine().endScope());

    it.each(Object.entries(calls))('%s', (_name, { inputs, run, pick, fused }) => {
      const tensors = inputs.map((shape, n) => fromNdArray(seededNormal(shape, n + 1)));
      for (path of name === 'webgpu' && fused ? (['fused', 'composed'] as const) : (['composed'] as const)) {
        expect(
          leftBehind(() => run(...tensors)),
          `${path}, forward`,
        ).toBe(0);
        if (inputs.length === 0) continue;
        const scalar = (...values: Tensor[]) => {
          const result = run(...values);
          return (pick ? pick(result) : (result as Tensor)).square();
        };
        expect(
          leftBehind(() => tf.grads(scalar)(tensors)),
          `${path}, gradient`,
        ).toBe(0);
      }
    });
  });

  it('any component that this list does not have', () => {
    const known = new Set(Object.keys(calls).map((name) => name.split(' ')[0]));
    const returnsTensor = Object.entries(kernelbook)
      .filter(([, value]) => typeof value === 'function' && !/^class /.test(String(value)))
      .map(([name]) => name)
      .filter((name) => !withoutTensors.some((other) => other === name || name.endsWith(other)));
    expect(returnsTensor.filter((name) => !known.has(name))).toEqual([]);
  });
});

/** Exports that give no tensors, or (the last line) are models and half tensors, with tests of their own; names or endings. */
const withoutTensors = (
  'Oracle Bound Errors adam adamW alibiSlopes bitsPerByte caveat ceilings clearVerifications display erfc ' +
  'expectThrows gamma goldenCase isDisplayable isNdArray kvCacheBytes launchedKernels listBackends llamaConfig ' +
  'matrixAt modelCase ndarray parameterCount parameterShapes parseSafetensors peakGpuBytes permuteInterleavedToHalf ' +
  'profile read readSafetensors refute roofline ropeAngles ropeByComplexProduct ropeByMatrix ropeByRotateHalf ' +
  'ropeElementwise ropeFrequencies ropeMatrix rotateHalf runCase runModelCase samplingProbabilities sampleToken ' +
  'scalarActivation scaledRopeFrequencies seededNormal seededUniform sgd sinusoidalTable sizeOf swiGluHidden ' +
  'syncDevice t5RelativeBucket timeWall toNdArray ulp32 useBackend verifications verify verifyEqual verifyRelation ' +
  'withGpuTiming evaluateLlama generate loadLlama randomLlama trainLlama halfTensor isHalf reshapeHalf toHalf toFloat'
).split(' ');
