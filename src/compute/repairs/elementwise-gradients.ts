/**
 * Gradients of maximum, minimum and squaredDifference with broadcasting: tfjs returns them in the shape of the
 * result, and its own tape then refuses them. At ties the whole gradient goes to `a`, as in tfjs. And of division where
 * nothing flows back: 0 / 0 would make NaN of the gradient that divNoNan masks. And of addition and its like where an
 * input is broadcast to no elements at all: tfjs returns an empty gradient, which its tape refuses.
 */
import { tf } from '../tf.js';
import { unbroadcast } from './override.js';

type Pick = (a: tf.Tensor, b: tf.Tensor) => tf.Tensor;

export function repairElementwiseGradients(): void {
  register('Maximum', (a, b) => tf.greaterEqual(a, b));
  register('Minimum', (a, b) => tf.lessEqual(a, b));
  for (const name of ['Add', 'Sub', 'Multiply', 'Pow', 'Mod', 'Atan2']) answerEmpty(name);
  tf.registerGradient({
    kernelName: 'RealDiv',
    inputsToSave: ['a', 'b'],
    gradFunc: (dy, saved) => {
      const [a, b] = saved as [tf.Tensor, tf.Tensor];
      const flow = dy as tf.Tensor;
      const masked = (slope: tf.Tensor) =>
        tf.where(tf.logicalAnd(tf.equal(b, 0), tf.equal(flow, 0)), tf.zerosLike(flow), slope);
      const share = () => tf.div(flow, b.cast('float32'));
      return {
        a: () => unbroadcast(masked(share()), a.shape),
        b: () => unbroadcast(masked(share().mul(tf.div(a, b))).neg(), b.shape),
      };
    },
  });
  tf.registerGradient({
    kernelName: 'SquaredDifference',
    inputsToSave: ['a', 'b'],
    gradFunc: (dy, saved) => {
      const [a, b] = saved as [tf.Tensor, tf.Tensor];
      const slope = () => tf.mul(dy as tf.Tensor, tf.sub(a, b).mul(2));
      return { a: () => unbroadcast(slope(), a.shape), b: () => unbroadcast(slope().neg(), b.shape) };
    },
  });
}

function answerEmpty(kernelName: string): void {
  const config = tf.getGradient(kernelName);
  tf.unregisterGradient(kernelName);
  tf.registerGradient({
    ...config,
    gradFunc: (dy, saved, attrs) => {
      if ((dy as tf.Tensor).size > 0) return config.gradFunc(dy, saved, attrs);
      const [a, b] = saved as [tf.Tensor, tf.Tensor];
      return { a: () => tf.zeros(a.shape), b: () => tf.zeros(b.shape) };
    },
  });
}

function register(kernelName: string, takesA: Pick): void {
  tf.registerGradient({
    kernelName,
    inputsToSave: ['a', 'b'],
    gradFunc: (dy, saved) => {
      const [a, b] = saved as [tf.Tensor, tf.Tensor];
      const share = (mask: tf.Tensor) => tf.mul(dy as tf.Tensor, mask.cast('float32'));
      return {
        a: () => unbroadcast(share(takesA(a, b)), a.shape),
        b: () => unbroadcast(share(tf.logicalNot(takesA(a, b))), b.shape),
      };
    },
  });
}
