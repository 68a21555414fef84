/** The weights and ids of a case: every rank makes them itself, since mpirun's arguments have room for few numbers. */
import { seededNormal, seededUniform } from '../../../dist/src/compute/random.js';
import { randomLlama } from '../../../dist/src/models/llama/index.js';

/** Random biases and gains too. */
export function arraysFor(config) {
  return new Map(
    [...randomLlama(config, 5, 0.3)].map(([name, array], n) => {
      if (array.shape.length > 1) return [name, array];
      const noise = seededNormal(array.shape, 100 + n, 0.2);
      noise.data.forEach((value, i) => {
        noise.data[i] = Math.fround(value + array.data[i]);
      });
      return [name, noise];
    }),
  );
}

export function idsFor(V, [B, T]) {
  const uniform = seededUniform(3);
  return Int32Array.from({ length: B * T }, () => Math.floor(uniform() * V));
}
