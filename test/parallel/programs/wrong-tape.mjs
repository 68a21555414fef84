/** Tapes on which one operator is wrong: real faults of training programs, by name. */
import { tf } from '../../../dist/src/compute/tf.js';
import { Tape } from '../../../dist/src/parallel/tape/index.js';

/** Each gradient as it comes, where it should be summed over the ranks. */
const unsummed = (operator) => ({
  ...operator,
  backward: (_inputs, gradients) => gradients.map((gradient) => tf.clone(gradient)),
});

const isNamed = (name, rank) => (operator, inputs) =>
  operator.name === name && (rank === undefined || inputs[0].shape.length === rank);

const wrongs = {
  'missing all-reduce in backward': [isNamed('copyTo', 3), unsummed],
  'norm gain of sequence parallelism not reduced': [isNamed('copyTo', 1), unsummed],
  'gradients of shared weights not reduced': [isNamed('copiedWeights'), unsummed],
  'loss reduced in both passes': [
    isNamed('reduceFrom', 0),
    (operator) => ({
      ...operator,
      backward: async (_inputs, [gradient]) => operator.forward([gradient]),
    }),
  ],
};

export function wrongTape(name) {
  const [isMeant, change] = wrongs[name];
  return new (class extends Tape {
    applyAll(operator, ...inputs) {
      return super.applyAll(isMeant(operator, inputs) ? change(operator) : operator, ...inputs);
    }
  })();
}
