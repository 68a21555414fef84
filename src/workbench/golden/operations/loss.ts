/** Golden operations: losses of token prediction. */
import { type NdArray, ndarray, sizeOf } from '../../../compute/ndarray.js';
import { tf } from '../../../compute/tf.js';
import { accumulatedLoss, countTargets } from '../../../training/loss/accumulation.js';
import { crossEntropy } from '../../../training/loss/cross-entropy.js';
import { maskedLmLoss } from '../../../training/loss/masked-lm.js';
import { sequenceNll } from '../../../training/loss/sequence-nll.js';
import { sftLoss } from '../../../training/loss/sft-loss.js';
import { crossEntropyErrors, tokenLossErrors } from '../bounds/cross-entropy.js';
import type { Parameters } from '../parameters.js';
import { exact, matmul, multiply, reshape, scaleBy, sumLast, transposeLast } from '../running-error.js';
import type { Operation } from './operation.js';

function targetRule(params: Parameters) {
  return {
    ignoreIndex: params.number('ignoreIndex', -100),
    labelSmoothing: params.number('labelSmoothing', 0),
    zLoss: params.number('zLoss', 0),
  };
}

const crossEntropyOperation: Operation = {
  run: ({ logits, targets }, params, path) => ({
    loss: crossEntropy(logits!, targets!, { ...targetRule(params), path }),
  }),
  errors: ({ inputs: { logits, targets }, cotangents }, params) => {
    const { ignoreIndex, ...shares } = targetRule(params);
    const dloss = cotangents.loss?.data[0];
    const errors = crossEntropyErrors(logits!, targets!, dloss, ignoreIndex, shares);
    return { out: { loss: errors.loss }, grad: { logits: errors.logits } };
  },
};

const maskedLmOperation: Operation = {
  run: ({ logits, labels }, params, path) => ({
    loss: maskedLmLoss(logits!, labels!, { ...targetRule(params), path }),
  }),
  errors: ({ inputs: { logits, labels }, cotangents }, params) => {
    const { ignoreIndex, ...shares } = targetRule(params);
    const errors = crossEntropyErrors(logits!, labels!, cotangents.loss?.data[0], ignoreIndex, shares);
    return { out: { loss: errors.loss }, grad: { logits: errors.logits } };
  },
};

/** Targets of the logits at t - 1: answer tokens that are not the first of their sequence. */
function answers(ids: NdArray, lossMask: NdArray, cuSeqLens: NdArray | undefined): NdArray {
  const T = ids.shape.at(-1)!;
  const targets = ndarray(
    ids.shape,
    ids.data.map(() => -100),
  );
  ids.data.forEach((id, n) => {
    const first = n % T === 0 || (cuSeqLens?.data.includes(n) ?? false);
    if (!first && lossMask.data[n] !== 0) targets.data[n - 1] = id;
  });
  return targets;
}

const sftLossOperation: Operation = {
  run: ({ logits, ids, lossMask, cuSeqLens }, params, path) => {
    const { ignoreIndex: _ignored, ...shares } = targetRule(params);
    return { loss: sftLoss(logits!, ids!, lossMask!, { ...shares, cuSeqLens, path }) };
  },
  errors: ({ inputs: { logits, ids, lossMask, cuSeqLens }, cotangents }, params) => {
    const { ignoreIndex, ...shares } = targetRule(params);
    const targets = answers(ids!, lossMask!, cuSeqLens);
    const errors = crossEntropyErrors(logits!, targets, cotangents.loss?.data[0], ignoreIndex, shares);
    return { out: { loss: errors.loss }, grad: { logits: errors.logits } };
  },
};

const accumulatedLossOperation: Operation = {
  run: ({ x, w, targets }, params, path) => {
    const { ignoreIndex, ...shares } = targetRule(params);
    const [parts, wanted] = [tf.unstack(x!), tf.unstack(targets!)];
    const sums = parts.map((part, m) =>
      crossEntropy(tf.matMul(part as tf.Tensor2D, w! as tf.Tensor2D, false, true), wanted[m]!, {
        ...shares,
        ignoreIndex,
        reduction: 'sum',
        path,
      }),
    );
    return { loss: accumulatedLoss(sums, countTargets(targets!, ignoreIndex)) };
  },
  errors: ({ inputs: { x, w, targets }, cotangents }, params) => {
    const { ignoreIndex, ...shares } = targetRule(params);
    const rows = exact(ndarray([sizeOf(targets!.shape), w!.shape[1]!], x!.data));
    const logits = matmul(rows, transposeLast(exact(w!)));
    const { losses, slopes } = tokenLossErrors(logits, targets!, ignoreIndex, shares);
    const count = targets!.data.filter((target) => target !== ignoreIndex).length;
    const loss = reshape(scaleBy(sumLast(losses), 1 / count), []);
    if (!cotangents.loss) return { out: { loss }, grad: {} };
    const d = multiply(scaleBy(exact(cotangents.loss), 1 / count), slopes);
    return {
      out: { loss },
      grad: { x: reshape(matmul(d, exact(w!)), x!.shape), w: matmul(transposeLast(d), rows) },
    };
  },
};

const sequenceNllOperation: Operation = {
  run: ({ logits, labels, mask }, params, path) => ({
    nll: sequenceNll(logits!, labels!, { mask, average: params.boolean('average', false), path }),
  }),
  errors: ({ inputs: { logits, labels, mask }, cotangents }, params) => {
    const [B, T] = labels!.shape as [number, number];
    const targets = ndarray(
      labels!.shape,
      labels!.data.map((label, n) => (mask && mask.data[n] === 0 ? -100 : label)),
    );
    const { losses, slopes } = tokenLossErrors(exact(logits!), targets, -100);
    const average = params.boolean('average', false);
    const share = exact(ndarray([B, 1]));
    for (let b = 0; b < B; b++) {
      const count = targets.data.subarray(b * T, (b + 1) * T).filter((target) => target !== -100).length;
      share.value.data[b] = average ? 1 / count : 1;
      share.error.data[b] = average ? 2 ** -23 / count : 0;
    }
    const nll = reshape(multiply(sumLast(reshape(losses, [B, T])), share), [B]);
    if (!cotangents.nll) return { out: { nll }, grad: {} };
    const d = multiply(exact(ndarray([B, 1], cotangents.nll.data)), share);
    return { out: { nll }, grad: { logits: multiply(reshape(d, [B, 1, 1]), slopes) } };
  },
};

export const lossOperations = {
  accumulated_loss: accumulatedLossOperation,
  cross_entropy: crossEntropyOperation,
  masked_lm: maskedLmOperation,
  sequence_nll: sequenceNllOperation,
  sft_loss: sftLossOperation,
} as const satisfies Record<string, Operation>;
