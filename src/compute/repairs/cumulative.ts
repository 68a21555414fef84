/**
 * cumsum and cumprod with a negative axis: tfjs documents it, but its cpu and wasm kernels index with it (shape
 * [,5] for axis -1), and so does the gradient of cumsum, which also returns transposed values for inner axes.
 */
import { tf } from '../tf.js';
import { type Backend, overrideKernel } from './override.js';

export function repairCumulative(backendName: Backend): void {
  for (const name of ['Cumsum', 'Cumprod']) {
    overrideKernel(name, backendName, (original) => ({ x }, attrs, backend) => {
      const rank = x!.shape.length;
      return original({ x: x! }, { ...attrs, axis: ((attrs.axis as number) + rank) % rank }, backend);
    });
  }
}

export function repairCumsumGradient(): void {
  tf.registerGradient({
    kernelName: 'Cumsum',
    gradFunc: (dy, _saved, attrs) => {
      const { axis, exclusive, reverse } = attrs as unknown as {
        axis: number;
        exclusive: boolean;
        reverse: boolean;
      };
      return { x: () => tf.cumsum(dy as tf.Tensor, axis, exclusive, !reverse) };
    },
  });
}
