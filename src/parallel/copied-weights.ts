/** Weights that several ranks hold alike and use on different tokens, or in different parts of a sum. */
import { tf } from '../compute/tf.js';
import type { Communicator } from './communicator/index.js';
import type { Operator, Tape, Value } from './tape/index.js';
import { numbersOf } from './tensor-collectives.js';

/** The weights as they are; backward the sum of their gradients over the ranks, all of them in one all-reduce. */
export function copiedWeights(comm: Communicator): Operator {
  return {
    name: 'copiedWeights',
    forward: (weights) => weights.map((weight) => tf.clone(weight)),
    backward: async (weights, gradients) => {
      const all = new Float32Array(weights.reduce((sum, { size }) => sum + size, 0));
      let at = 0;
      for (const gradient of gradients) {
        all.set(await numbersOf(gradient), at);
        at += gradient.size;
      }
      const sum = await comm.allReduce(all);
      let end = 0;
      return weights.map(({ shape, size }) => {
        end += size;
        return tf.tensor(sum.slice(end - size, end), shape);
      });
    },
  };
}

/**
 * Stand-ins for weights whose gradient is a part of a sum on each rank of `comm`: through them it becomes whole.
 * @param comm absent, or of one rank: the weights themselves
 */
export async function copyWeights(
  tape: Tape,
  comm: Communicator | undefined,
  weights: ReadonlyMap<string, Value>,
): Promise<ReadonlyMap<string, Value>> {
  if (!comm || comm.size === 1 || weights.size === 0) return weights;
  const copies = await tape.applyAll(copiedWeights(comm), ...weights.values());
  return new Map([...weights.keys()].map((name, index) => [name, copies[index]!]));
}
