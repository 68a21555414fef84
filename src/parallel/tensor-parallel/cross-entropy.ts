/**
 * Cross-entropy over a vocabulary of which each rank has some logits: the maximum, the sum of exponentials and the target's logit
 * are reduced, three numbers per token, and the logits stay where they are (Shoeybi et al. 2019, arXiv:1909.08053, section 3).
 */
import { tf } from '../../compute/tf.js';
import type { Communicator } from '../communicator/index.js';
import type { Operator } from '../tape/index.js';
import { allReduced } from '../tensor-collectives.js';

/** Stands for minus infinity where the arithmetic must stay finite. */
const hidden = -3e38;

interface Words {
  /** Of the whole vocabulary; logits of places from V on are those of no word. */
  V: number;
  comm?: Communicator | undefined;
}

/**
 * logits [B,T,V/n] -> the loss of every token [B T], in nats; two more outputs, the largest logit and the logarithm of the sum
 * [B T,1], are kept for the backward pass, which sends nothing.
 * @param targets [B T], ids of the whole vocabulary
 * @throws RangeError when a target is no word: it would be on no rank, and its logit would count as 0
 */
export function parallelCrossEntropy(targets: Int32Array, { V, comm }: Words): Operator {
  const N = targets.length;
  const outside = targets.find((id) => !(id >= 0 && id < V));
  if (outside !== undefined)
    throw new RangeError(`parallelCrossEntropy: there is no word ${outside}; targets are 0 to ${V - 1}`);
  const reduced = async (part: tf.Tensor, reduction: 'sum' | 'max') => {
    if (!comm || comm.size === 1) return part;
    const whole = await allReduced(comm, part, reduction);
    part.dispose();
    return whole;
  };
  /** [N, words]: the logits without those of no word, and 1 where the target is. */
  const rowsOf = (logits: tf.Tensor) => {
    const words = logits.shape.at(-1)!;
    const first = words * (comm?.rank ?? 0);
    const places = tf.range(first, first + words, 1, 'int32');
    const rows = tf.reshape(logits, [N, words]);
    return {
      rows: first + words <= V ? rows : tf.where(tf.less(places, V), rows, tf.fill([N, words], hidden)),
      hot: tf.equal(tf.tensor2d(targets, [N, 1], 'int32'), places).toFloat(),
    };
  };
  return {
    name: 'crossEntropy',
    async forward([logits]) {
      const largest = await reduced(
        tf.tidy(() => tf.max(rowsOf(logits!).rows, -1, true)),
        'max',
      );
      const parts = tf.tidy(() => {
        const { rows, hot } = rowsOf(logits!);
        const shifted = tf.sub(rows, largest);
        const target = tf.sum(tf.where(hot.toBool(), shifted, tf.zerosLike(shifted)), -1, true);
        return tf.stack([tf.sum(tf.exp(shifted), -1, true), target]);
      });
      const both = await reduced(parts, 'sum');
      const [losses, logTotal] = tf.tidy(() => {
        const [total, target] = tf.unstack(both) as [tf.Tensor, tf.Tensor];
        const log = tf.log(total);
        return [tf.reshape(tf.sub(log, target), [N]), log];
      });
      both.dispose();
      return [losses!, largest, logTotal!];
    },
    backward([logits], [gradient], _wanted, [, largest, logTotal]) {
      const found = tf.tidy(() => {
        const { rows, hot } = rowsOf(logits!);
        const softmax = tf.exp(tf.sub(tf.sub(rows, largest!), logTotal!));
        const each = tf.mul(tf.sub(softmax, hot), tf.reshape(gradient!, [N, 1]));
        return tf.reshape(each, logits!.shape);
      });
      return [found];
    },
  };
}
