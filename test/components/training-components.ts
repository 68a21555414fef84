/** What training calls beside the layers: losses with their targets, metrics, clipping, averages of weights. */
import { type NdArray, ndarray } from '../../src/compute/ndarray.js';
import { seededNormal } from '../../src/compute/random.js';
import { fromNdArray } from '../../src/compute/read.js';
import * as kernelbook from '../../src/index.js';
import { type Component, rows, type Tensor, using } from './component.js';
import { targetsOf } from './composites.js';

const shares = { labelSmoothing: 0.2, zLoss: 0.01 };

const withTargets = <T>(shape: readonly number[], use: (targets: Tensor) => T) =>
  using(fromNdArray(targetsOf(shape), 'int32'), use);

const noVocabulary = { noColumns: /no vocabulary: V = 0/ };

function gradientOf(shareNumbers: kernelbook.TargetShareNumbers) {
  return (dy: NdArray, logits: NdArray | undefined) => [
    kernelbook.crossEntropyGradientOracle(logits!, targetsOf(logits!.shape), dy.data[0], -100, shareNumbers),
  ];
}

/** The targets of ids 0, 1, 2, ... one place to the left, with nothing after the last. */
function shifted(logits: NdArray): NdArray {
  const [T, V] = logits.shape as [number, number];
  return ndarray(
    [T],
    Array.from({ length: T }, (_, t) => (t === T - 1 ? -100 : (t + 1) % V)),
  );
}

/** Bytes of the tokens: 0, 1, 2, 0, 1, 2, ... */
const bytesOf = (V: number) =>
  ndarray(
    [V],
    Array.from({ length: V }, (_, v) => v % 3),
  );

export const trainingComponents: Record<string, Component> = {
  'crossEntropy with smoothing and z-loss': {
    inputs: rows,
    run: (path, logits) =>
      withTargets(logits!.shape, (targets) => kernelbook.crossEntropy(logits!, targets, { ...shares, path })),
    fused: true,
    reference: {
      value: (logits) => kernelbook.crossEntropyOracle(logits!, targetsOf(logits!.shape), -100, shares),
      gradients: gradientOf(shares),
    },
    huge: [1e4, 1e15],
    refuses: noVocabulary,
  },
  maskedLmLoss: {
    inputs: rows,
    run: (path, logits) =>
      withTargets(logits!.shape, (targets) => kernelbook.maskedLmLoss(logits!, targets, { path })),
    fused: true,
    reference: {
      value: (logits) => kernelbook.crossEntropyOracle(logits!, targetsOf(logits!.shape)),
      gradients: gradientOf({}),
    },
    refuses: noVocabulary,
  },
  sftLoss: {
    inputs: rows,
    run: (path, logits) => {
      const [T, V] = logits!.shape as [number, number];
      const ids = ndarray(
        [T],
        Array.from({ length: T }, (_, t) => t % Math.max(1, V)),
      );
      return using(fromNdArray(ids, 'int32'), (tokens) =>
        using(kernelbook.tf.onesLike(tokens), (mask) => kernelbook.sftLoss(logits!, tokens, mask, { path })),
      );
    },
    fused: true,
    reference: {
      value: (logits) => kernelbook.crossEntropyOracle(logits!, shifted(logits!)),
      gradients: (dy, logits) => [
        kernelbook.crossEntropyGradientOracle(logits!, shifted(logits!), dy.data[0]),
      ],
    },
    refuses: noVocabulary,
  },
  sequenceNll: {
    inputs: (R, W) => [[1, R, W]],
    run: (path, logits) =>
      withTargets(logits!.shape, (targets) => kernelbook.sequenceNll(logits!, targets, { path })),
    fused: true,
    reference: {
      value: (logits) => {
        const losses = kernelbook.tokenLossesOracle(logits!, targetsOf(logits!.shape));
        return ndarray([1], [losses.data.reduce((sum, loss) => sum + loss, 0)]);
      },
      gradients: (dy, logits) => {
        const targets = targetsOf(logits!.shape);
        const count = targets.data.filter((target) => target >= 0).length;
        return [kernelbook.crossEntropyGradientOracle(logits!, targets, dy.data[0]! * count)];
      },
    },
    refuses: noVocabulary,
  },
  tokenBitsPerByte: {
    inputs: rows,
    run: (_path, logits) =>
      withTargets(logits!.shape, (targets) =>
        using(fromNdArray(bytesOf(logits!.shape[1]!), 'int32'), (bytes) =>
          kernelbook.tokenBitsPerByte(logits!, targets, bytes),
        ),
      ),
    reference: 'a quotient of two sums; test/training/metrics/token-metrics.test.ts',
  },
  accumulatedLoss: {
    inputs: () => [[], []],
    run: (_path, a, b) => kernelbook.accumulatedLoss([a!, b!], 4),
    reference: {
      value: (a, b) => ndarray([], [(a!.data[0]! + b!.data[0]!) / 4]),
      gradients: (dy) => [ndarray([], [dy.data[0]! / 4]), ndarray([], [dy.data[0]! / 4])],
    },
    special: [],
  },
  countTargets: {
    inputs: () => [],
    run: () => withTargets([3, 5], (targets) => kernelbook.countTargets(targets)),
    reference: 'counts, without a gradient; test/training/loss/targets.test.ts',
  },
  nextTokenTargets: {
    inputs: () => [],
    run: () => withTargets([3, 5], (ids) => kernelbook.nextTokenTargets(ids, { cuSeqLens: [0, 2, 3] })),
    reference: 'moves numbers; test/training/loss/targets.test.ts',
  },
  accumulateGradients: {
    inputs: () => [],
    run: () => {
      const weight = using(kernelbook.tf.ones([2]), (ones) => kernelbook.tf.variable(ones));
      const sumOf = (k: number) => kernelbook.tf.sum(kernelbook.tf.mul(weight, k));
      const { loss, gradients } = kernelbook.accumulateGradients([weight], [1, 2], sumOf, 2);
      weight.dispose();
      return [loss, ...gradients];
    },
    reference: 'gradients themselves; test/training/loss/targets.test.ts',
  },
  clipGradNorm: {
    inputs: () => [],
    run: () =>
      using(fromNdArray(seededNormal([3, 4], 1)), (gradient) => {
        const { norm, gradients } = kernelbook.clipGradNorm([gradient], 1);
        return [norm, ...gradients];
      }),
    reference: 'of gradients; test/training/optimizer/clip.test.ts',
  },
  gradientNorm: {
    inputs: () => [],
    run: () => using(fromNdArray(seededNormal([3, 4], 1)), (gradient) => kernelbook.gradientNorm([gradient])),
    reference: 'of gradients; test/training/optimizer/clip.test.ts',
  },
  exponentialAverage: {
    inputs: (R, W) => [
      [R, W],
      [R, W],
    ],
    run: (_path, average, value) => kernelbook.exponentialAverage(average!, value!, 0.75),
    reference: {
      value: (average, value) => blended(average!, value!),
      gradients: (dy) => [scaled(dy, 0.75), scaled(dy, 0.25)],
    },
    special: [0, 1],
    huge: [1e4, 1e37],
  },
  documentMask: {
    inputs: () => [],
    run: () => kernelbook.documentMask([0, 2, 5], 6),
    reference: 'zeros and ones; test/training/loss/objectives.test.ts',
  },
  prefixLmMask: {
    inputs: () => [],
    run: () => kernelbook.prefixLmMask(4, [1, 3]),
    reference: 'zeros and ones; test/training/loss/objectives.test.ts',
  },
  newtonSchulz: {
    inputs: () => [],
    run: () => using(fromNdArray(seededNormal([3, 4], 1)), (matrix) => kernelbook.newtonSchulz(matrix)),
    reference: 'of gradients; test/training/optimizer/other-rules.test.ts',
  },
};

function scaled({ shape, data }: NdArray, factor: number): NdArray {
  return ndarray(
    shape,
    data.map((x) => factor * x),
  );
}

function blended(average: NdArray, value: NdArray): NdArray {
  return ndarray(
    average.shape,
    average.data.map((x, n) => 0.75 * x + 0.25 * value.data[n]!),
  );
}
