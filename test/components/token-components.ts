/** What works on one token, or one row of numbers, at a time: activations, softmax, losses, feed-forward layers, products. */
import { seededNormal } from '../../src/compute/random.js';
import { fromNdArray } from '../../src/compute/read.js';
import * as kernelbook from '../../src/index.js';
import { type Component, rows, type Tensor, using } from './component.js';
import { composites, targetsOf } from './composites.js';

const same = (R: number, W: number) => [
  [R, W],
  [R, W],
];
const squares = (R: number, W: number) => [
  [R, W],
  [W, W],
  [W, W],
  [W, W],
];

function activation(kind: kernelbook.ActivationKind, options: kernelbook.ActivationOptions = {}): Component {
  return {
    inputs: rows,
    run: (_path, x) => kernelbook.activation(x!, kind, options),
    reference: {
      value: (x) => kernelbook.activationOracle(x!, kind, options),
      gradients: (dy, x) => [kernelbook.activationGradientOracle(x!, dy, kind, options)],
    },
    huge: [1e4, 1e38],
  };
}

export const tokenComponents: Record<string, Component> = {
  activation: activation('gelu_erf'),
  'activation gelu_tanh': activation('gelu_tanh'),
  'activation elu': activation('elu', { alpha: 0.7 }),
  'activation swish': activation('swish', { beta: 1.5 }),
  crossEntropy: {
    inputs: rows,
    run: (path, logits) =>
      using(fromNdArray(targetsOf(logits!.shape), 'int32'), (targets) =>
        kernelbook.crossEntropy(logits!, targets, { path }),
      ),
    fused: true,
    reference: {
      value: (logits) => kernelbook.crossEntropyOracle(logits!, targetsOf(logits!.shape)),
      gradients: (dy, logits) => [
        kernelbook.crossEntropyGradientOracle(logits!, targetsOf(logits!.shape), dy.data[0]),
      ],
    },
    huge: [1e4, 1e37],
    refuses: { noColumns: /no vocabulary: V = 0/ },
  },
  'crossEntropy of each position': {
    inputs: rows,
    run: (path, logits) =>
      using(fromNdArray(targetsOf(logits!.shape), 'int32'), (targets) =>
        kernelbook.crossEntropy(logits!, targets, { path, reduction: 'none' }),
      ),
    fused: true,
    reference: {
      value: (logits) => kernelbook.tokenLossesOracle(logits!, targetsOf(logits!.shape)),
      gradients: composites.tokenLossesGradients,
    },
    huge: [1e4, 1e37],
    refuses: { noColumns: /no vocabulary: V = 0/ },
  },
  feedForward: {
    inputs: (R, W) => [[R, W], [W, W], [W], [W, W], [W]],
    run: (_path, x, w1, b1, w2, b2) => kernelbook.feedForward(x!, { w1: w1!, b1: b1!, w2: w2!, b2: b2! }),
    reference: {
      value: (x, w1, b1, w2, b2) => kernelbook.feedForwardOracle(x!, { w1: w1!, b1, w2: w2!, b2 }),
      gradients: (dy, x, w1, b1, w2) => {
        const d = kernelbook.feedForwardGradientOracle(x!, { w1: w1!, b1, w2: w2! }, dy);
        return [d.x, d.w1, d.b1, d.w2, d.b2];
      },
    },
    huge: [1e4, 1e30],
  },
  gatedActivation: {
    inputs: same,
    run: (path, value, gate) => kernelbook.gatedActivation(value!, gate!, 'silu', { path }),
    fused: true,
    reference: {
      value: (value, gate) => kernelbook.gatedActivationOracle(value!, gate!, 'silu'),
      gradients: (dy, value, gate) => {
        const d = kernelbook.gatedActivationGradientOracle(value!, gate!, dy, 'silu');
        return [d.value, d.gate];
      },
    },
    special: [0, 1],
    huge: [1e4, 1e18],
  },
  glu: {
    inputs: (R, W) => [[R, 2 * W]],
    run: (path, x) => kernelbook.glu(x!, 'swiglu', { path }),
    fused: true,
    reference: {
      value: (x) => kernelbook.gluOracle(x!, 'swiglu'),
      gradients: (dy, x) => [kernelbook.gluGradientOracle(x!, dy, 'swiglu')],
    },
    huge: [1e4, 1e18],
  },
  linear: {
    inputs: (R, W) => [[2, R, W], [3, W], [3]],
    run: (_path, x, w, b) => kernelbook.linear(x!, w!, b!),
    reference: composites.linear,
    huge: [1e4, 1e37],
  },
  matmul: {
    inputs: (R, W) => [
      [R, W],
      [W, 3],
    ],
    run: (_path, a, b) => kernelbook.matmul(a!, b!),
    reference: {
      value: (a, b) => kernelbook.matmulOracle(a!, b!),
      gradients: (dy, a, b) => [
        kernelbook.matmulOracle(dy, b!, { transposeB: true }),
        kernelbook.matmulOracle(a!, dy, { transposeA: true }),
      ],
    },
    special: [0, 1],
    huge: [1e4, 1e37],
  },
  mixtureOfExperts: {
    inputs: (R, W) => [[1, R, W], [2, W], ...Array.from({ length: 6 }, () => [W, W])],
    run: (_path, x, router, g1, u1, d1, g2, u2, d2) => ({
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
    reference: composites.experts,
    spreads: true,
  },
  perplexity: {
    inputs: rows,
    run: (_path, logits) =>
      using(fromNdArray(targetsOf(logits!.shape), 'int32'), (targets) =>
        kernelbook.perplexity(logits!, targets),
      ),
    reference: composites.perplexity,
    // e^80 is near the end of the range.
    huge: [20],
    refuses: { noColumns: /no vocabulary: V = 0/ },
  },
  softmax: {
    inputs: rows,
    run: (path, x) => kernelbook.softmax(x!, { path }),
    fused: true,
    reference: {
      value: (x) => kernelbook.softmaxOracle(x!),
      gradients: (dy, x) => [kernelbook.softmaxGradientOracle(x!, dy)],
    },
    huge: [1e4, 1e38],
  },
  swiGluFfn: {
    inputs: squares,
    run: (_path, x, wGate, wUp, wDown) =>
      kernelbook.swiGluFfn(x!, { wGate: wGate!, wUp: wUp!, wDown: wDown! }),
    reference: {
      value: (x, wGate, wUp, wDown) =>
        kernelbook.swiGluFfnOracle(x!, { wGate: wGate!, wUp: wUp!, wDown: wDown! }),
      gradients: (dy, x, wGate, wUp, wDown) => {
        const d = kernelbook.swiGluFfnGradientOracle(x!, { wGate: wGate!, wUp: wUp!, wDown: wDown! }, dy);
        return [d.x, d.wGate, d.wUp, d.wDown];
      },
    },
    huge: [1e4, 1e15],
  },
  tokenAccuracy: {
    inputs: () => [],
    run: () =>
      using(fromNdArray(seededNormal([3, 5], 1)), (logits) =>
        using(fromNdArray(targetsOf([3, 5]), 'int32'), (targets) =>
          kernelbook.tokenAccuracy(logits, targets),
        ),
      ),
    reference: 'counts, without a gradient; test/training/loss/cross-entropy.test.ts',
  },
  fromNdArray: {
    inputs: () => [],
    run: () => fromNdArray(seededNormal([2, 3], 1)),
    reference: 'moves numbers; test/compute/ndarray.test.ts',
  },
};
