/**
 * Small models learn in half precision as they do in float32: the same code on half variables with float32 copies and a scaled
 * loss, and on float32 ones, from the same numbers.
 */
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type HalfTensor, halfVariable, isHalf, toFloat, toHalf } from '../../../src/compute/half/index.js';
import { launchedKernels } from '../../../src/compute/launch.js';
import { type NdArray, ndarray } from '../../../src/compute/ndarray.js';
import { seededNormal, seededUniform } from '../../../src/compute/random.js';
import { fromNdArray, read } from '../../../src/compute/read.js';
import { tf } from '../../../src/compute/tf.js';
import { gatedActivation } from '../../../src/layers/activation/index.js';
import { attention } from '../../../src/layers/attention/index.js';
import { matmul } from '../../../src/layers/matmul/index.js';
import { layerNorm, rmsNorm } from '../../../src/layers/norm/index.js';
import { rope } from '../../../src/layers/position/index.js';
import { crossEntropy } from '../../../src/training/loss/index.js';
import { adamW, Optimizer, type Trainable } from '../../../src/training/optimizer/index.js';
import { eachBackend } from '../backends.js';

/** Every component gives back the kind it is given; written for half tensors, run on both. */
type Loss = (...weights: HalfTensor[]) => tf.Tensor;

interface Model {
  weights: NdArray[];
  input: NdArray;
  targets: NdArray;
  loss(input: HalfTensor, targets: tf.Tensor): Loss;
}

const small = (shape: number[], seed: number) => seededNormal(shape, seed, 1 / Math.sqrt(shape[0]!));
const ones = (n: number) => ndarray([n], new Array(n).fill(1));

/** The stream past a layer, of either kind. */
function plus(a: HalfTensor, b: HalfTensor): HalfTensor {
  if (!isHalf(a)) return tf.add(a, b as unknown as tf.Tensor) as unknown as HalfTensor;
  return toHalf(tf.add(toFloat(a), toFloat(b)));
}

/** A gated layer tells apart which of four directions an input points to most. */
function classifier(): Model {
  const [N, C, F] = [32, 7, 12];
  const input = seededNormal([N, C], 1);
  const targets = ndarray(
    [N],
    Array.from({ length: N }, (_, n) => {
      const row = Array.from(input.data.subarray(n * C, n * C + 4));
      return row.indexOf(Math.max(...row));
    }),
  );
  return {
    weights: [small([C, F], 2), small([C, F], 3), ones(F), ndarray([F]), small([F, 4], 4)],
    input,
    targets,
    loss: (x, ids) => (value, gate, gain, bias, out) => {
      const hidden = gatedActivation(matmul(x, value!), matmul(x, gate!), 'silu');
      return crossEntropy(matmul(layerNorm(hidden, { gain: gain!, bias: bias! }), out!), ids);
    },
  };
}

/** Tokens of a sequence are told by the token before, which one head has to look at. */
function previousToken(): Model {
  const [B, T, V, C, D] = [4, 9, 5, 16, 8];
  const random = seededUniform(5);
  const tokens = Array.from({ length: B * T }, () => Math.floor(V * random()));
  const embedding = seededNormal([V, C], 6);
  const input = ndarray(
    [B, 1, T, C],
    tokens.flatMap((token) => Array.from(embedding.data.subarray(token * C, (token + 1) * C))),
  );
  const targets = ndarray(
    [B, 1, T],
    tokens.map((_, n) => (n % T === 0 ? -100 : tokens[n - 1]!)),
  );
  const positions = Array.from({ length: T }, (_, t) => t);
  return {
    weights: [
      ones(C),
      small([C, D], 7),
      small([C, D], 8),
      small([C, D], 9),
      small([D, C], 10),
      small([C, V], 11),
    ],
    input,
    targets,
    loss: (x, ids) => (gain, wq, wk, wv, wo, head) => {
      const rows = rmsNorm(x, gain!);
      const [q, k] = [wq, wk].map((w) => rope(matmul(rows, w!), positions));
      const attended = attention(q!, k!, matmul(rows, wv!), { causal: true });
      return crossEntropy(matmul(plus(x, matmul(attended, wo!)), head!), ids);
    },
  };
}

/** Losses before every tenth step, and after the last. */
async function train(model: Model, half: boolean, steps: number): Promise<number[]> {
  const tensors = model.weights.map((weight) => fromNdArray(weight));
  const variables: Trainable[] = tensors.map((weight) =>
    half ? halfVariable(toHalf(weight)) : tf.variable(weight),
  );
  const input = fromNdArray(model.input);
  const given = (half ? toHalf(input) : input) as HalfTensor;
  const lossOf = model.loss(given, fromNdArray(model.targets, 'int32'));
  const loss = () => lossOf(...(variables as HalfTensor[]));
  const optimizer = new Optimizer(variables, adamW({ learningRate: 0.02 }), half ? { lossScale: 1024 } : {});
  const losses: number[] = [];
  let held = 0;
  for (let n = 0; n <= steps; n++) {
    const value = optimizer.minimize(loss);
    if (n % 10 === 0) losses.push((await read(value))[0]!);
    value.dispose();
    if (n === 0) held = tf.memory().numTensors;
  }
  expect(tf.memory().numTensors).toBe(held);
  optimizer.dispose();
  tf.dispose(variables);
  return losses;
}

eachBackend((name) => {
  beforeEach(() => tf.engine().startScope());
  afterEach(() => tf.engine().endScope());

  it.each([
    ['a gated layer', classifier(), ['gated', 'layerNorm', 'crossEntropy', 'matmul']],
    ['an attention block', previousToken(), ['attention', 'rmsNorm', 'rope', 'crossEntropy', 'matmul']],
  ] as const)('%s learns as in float32', async (_name, model, kernels) => {
    const launched = launchedKernels();
    launched.reset();
    const halves = await train(model, true, 60);
    if (name === 'webgpu') {
      const ran = launched.list().filter((kernel) => kernel.includes('.f16'));
      for (const kernel of kernels) expect(ran.join()).toContain(kernel);
      expect(launched.list()).toEqual(ran);
    }
    const floats = await train(model, false, 60);
    expect(floats.at(-1)).toBeLessThan(floats[0]! / 10);
    // On the way down a step taken earlier or later shows; where they start and where they end they agree.
    const apart = halves.map((loss, n) => Math.abs(loss - floats[n]!));
    expect(Math.max(apart[0]!, apart.at(-1)!)).toBeLessThan(0.01);
    expect(Math.max(...apart)).toBeLessThan(0.1);
  });
});
