/** Routers with places, experts that choose, and the losses of routers. */
import * as kernelbook from '../../src/index.js';
import type { Component, Tensor } from './component.js';

const plainLoops = 'choices jump; plain loops in test/layers/moe/capacity.test.ts';
/** Tokens, a router of two experts, and the matrices of both. */
const tokensAndExperts = (matrices: number) => (R: number, W: number) => [
  [R, W],
  [2, W],
  ...Array.from({ length: matrices }, () => [W, W]),
];
const relu = (weights: Tensor[]) => [0, 1].map((e) => ({ w1: weights[2 * e]!, w2: weights[2 * e + 1]! }));
const outOf = (result: kernelbook.tf.TensorContainer) => (result as unknown as { out: Tensor }).out;

export const expertComponents: Record<string, Component> = {
  switchExperts: {
    inputs: (R, W) => [[1, R, W], ...tokensAndExperts(4)(R, W).slice(1)],
    run: (_path, x, router, ...weights) => ({
      ...kernelbook.switchExperts(x!, { router: router!, experts: relu(weights) }, { capacityFactor: 0.5 }),
    }),
    pick: outOf,
    reference: plainLoops,
  },
  capacityExperts: {
    inputs: tokensAndExperts(6),
    run: (_path, x, router, ...weights) => {
      const experts = [0, 1].map((e) => {
        const [wGate, wUp, wDown] = weights.slice(3 * e);
        return { wGate: wGate!, wUp: wUp!, wDown: wDown! };
      });
      const options = { topK: 1, capacityFactor: 0.5 };
      return { ...kernelbook.capacityExperts(x!, { router: router!, experts }, options) };
    },
    pick: outOf,
    reference: plainLoops,
  },
  expertChoice: {
    inputs: tokensAndExperts(4),
    run: (_path, x, router, ...weights) => ({
      ...kernelbook.expertChoice(x!, { router: router!, experts: relu(weights) }, { capacityFactor: 1 }),
    }),
    pick: outOf,
    reference: plainLoops,
  },
  routeWithBias: {
    inputs: (R) => [[R, 4]],
    run: (_path, logits) => {
      const bias = kernelbook.tf.tensor1d([0, 1, 0, -1]);
      const routed = kernelbook.routeWithBias(logits!, bias, { topK: 2 });
      bias.dispose();
      return { ...routed };
    },
    pick: (result) => (result as unknown as { weights: Tensor }).weights,
    reference: plainLoops,
  },
  updatedBias: {
    inputs: () => [],
    run: () =>
      kernelbook.tf.tidy(() =>
        kernelbook.updatedBias(kernelbook.tf.zeros([3]), kernelbook.tf.ones([3]), 0.1),
      ),
    reference: plainLoops,
  },
  balanceLoss: {
    inputs: (R, W) => [[R, W]],
    run: (_path, probabilities) =>
      kernelbook.tf.tidy(() =>
        kernelbook.balanceLoss(probabilities!, kernelbook.tf.onesLike(probabilities!)),
      ),
    reference: plainLoops,
  },
  importanceLoss: {
    inputs: (R, W) => [[R, W]],
    run: (_path, probabilities) => kernelbook.importanceLoss(probabilities!),
    reference: plainLoops,
  },
  routerZLoss: {
    inputs: (R, W) => [[R, W]],
    run: (_path, logits) => kernelbook.routerZLoss(logits!),
    reference: plainLoops,
  },
};
