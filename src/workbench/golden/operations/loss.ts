/** Golden operations: losses and metrics of next-token prediction. */
import { crossEntropy, perplexity } from '../../../training/loss/cross-entropy.js';
import { crossEntropyErrors, perplexityErrors } from '../bounds/cross-entropy.js';
import type { Operation } from './operation.js';

const crossEntropyOperation: Operation = {
  run: ({ logits, targets }, params, path) => ({
    loss: crossEntropy(logits!, targets!, { ignoreIndex: params.number('ignoreIndex', -100), path }),
  }),
  errors: ({ inputs: { logits, targets }, cotangents }, params) => {
    const dloss = cotangents.loss?.data[0];
    const errors = crossEntropyErrors(logits!, targets!, dloss, params.number('ignoreIndex', -100));
    return { out: { loss: errors.loss }, grad: { logits: errors.logits } };
  },
};

const perplexityOperation: Operation = {
  run: ({ logits, targets }, params) => ({
    perplexity: perplexity(logits!, targets!, { ignoreIndex: params.number('ignoreIndex', -100) }),
  }),
  errors: ({ inputs: { logits, targets } }, params) => ({
    out: { perplexity: perplexityErrors(logits!, targets!, params.number('ignoreIndex', -100)) },
    grad: {},
  }),
};

export const lossOperations = {
  cross_entropy: crossEntropyOperation,
  perplexity: perplexityOperation,
} as const satisfies Record<string, Operation>;
