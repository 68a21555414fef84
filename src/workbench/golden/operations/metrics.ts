/** Golden operations: metrics of token prediction. */
import { ndarray } from '../../../compute/ndarray.js';
import { perplexity, tokenAccuracy, tokenBitsPerByte } from '../../../training/metrics/token-metrics.js';
import { perplexityErrors, tokenLossErrors } from '../bounds/cross-entropy.js';
import { exact, multiply, reshape, rounded, scaleBy, sumLast } from '../running-error.js';
import type { Operation } from './operation.js';

const perplexityOperation: Operation = {
  run: ({ logits, targets }, params) => ({
    perplexity: perplexity(logits!, targets!, { ignoreIndex: params.number('ignoreIndex', -100) }),
  }),
  errors: ({ inputs: { logits, targets } }, params) => ({
    out: { perplexity: perplexityErrors(logits!, targets!, params.number('ignoreIndex', -100)) },
    grad: {},
  }),
};

const bitsPerByteOperation: Operation = {
  run: ({ logits, targets, tokenBytes }, params) => ({
    bitsPerByte: tokenBitsPerByte(logits!, targets!, tokenBytes!, {
      ignoreIndex: params.number('ignoreIndex', -100),
    }),
  }),
  errors: ({ inputs: { logits, targets, tokenBytes }, cotangents }, params) => {
    const ignoreIndex = params.number('ignoreIndex', -100);
    let bytes = 0;
    const counting = ndarray(
      targets!.shape,
      targets!.data.map((target) => {
        const own = target === ignoreIndex ? 0 : (tokenBytes!.data[target] ?? 1);
        bytes += own;
        return own === 0 ? ignoreIndex : target;
      }),
    );
    const { losses, slopes } = tokenLossErrors(exact(logits!), counting, ignoreIndex);
    // The divisor is rounded by itself, then the quotient.
    const share = 1 / (Math.LN2 * bytes);
    const bitsPerByte = reshape(scaleBy(scaleBy(sumLast(losses), share), 1), []);
    const d = cotangents.bitsPerByte && scaleBy(scaleBy(exact(cotangents.bitsPerByte), share), 1);
    return { out: { bitsPerByte }, grad: d ? { logits: multiply(d, slopes) } : {} };
  },
};

const tokenAccuracyOperation: Operation = {
  run: ({ logits, targets }, params) => ({
    accuracy: tokenAccuracy(logits!, targets!, { ignoreIndex: params.number('ignoreIndex', -100) }),
  }),
  errors: ({ inputs: { logits, targets } }, params) => {
    const ignoreIndex = params.number('ignoreIndex', -100);
    const V = logits!.shape.at(-1)!;
    let [right, count] = [0, 0];
    targets!.data.forEach((target, n) => {
      if (target === ignoreIndex) return;
      const row = logits!.data.subarray(n * V, (n + 1) * V);
      let best = 0;
      for (let v = 1; v < V; v++) if (row[v]! > row[best]!) best = v;
      count++;
      if (best === target) right++;
    });
    // A quotient of two exact counts.
    return { out: { accuracy: scaleBy(rounded(ndarray([], [right / count])), 1) }, grad: {} };
  },
};

export const metricOperations = {
  bits_per_byte: bitsPerByteOperation,
  perplexity: perplexityOperation,
  token_accuracy: tokenAccuracyOperation,
} as const satisfies Record<string, Operation>;
