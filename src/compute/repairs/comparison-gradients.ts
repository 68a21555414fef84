/**
 * Gradients of what answers yes or no: none flows through it. tfjs has no gradient at all for comparisons and throws, so
 * that `where(x.greater(0), x, 0)` and divNoNan cannot be differentiated.
 */
import { tf } from '../tf.js';

const ofTwo = [
  'Equal',
  'NotEqual',
  'Greater',
  'GreaterEqual',
  'Less',
  'LessEqual',
  'LogicalAnd',
  'LogicalOr',
];
const ofOne = ['LogicalNot', 'IsNan', 'IsInf', 'IsFinite'];

export function provideComparisonGradients(): void {
  for (const kernelName of ofTwo) {
    tf.registerGradient({
      kernelName,
      inputsToSave: ['a', 'b'],
      gradFunc: (_dy, [a, b]) => ({ a: () => tf.zeros(a!.shape), b: () => tf.zeros(b!.shape) }),
    });
  }
  for (const kernelName of ofOne) {
    tf.registerGradient({
      kernelName,
      inputsToSave: ['x'],
      gradFunc: (_dy, [x]) => ({ x: () => tf.zeros(x!.shape) }),
    });
  }
}
