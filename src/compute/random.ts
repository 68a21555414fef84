/**
 * Seeded standard normal values: the same numbers on every machine, backend and run, so that a
 * notebook's outputs can be compared. Generator: mulberry32; normals by the Box-Muller transform.
 */
import { type NdArray, ndarray } from './ndarray.js';

/** A generator of uniform values in [0, 1) with 32 bits of state. */
export function seededUniform(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let bits = Math.imul(state ^ (state >>> 15), state | 1);
    bits ^= bits + Math.imul(bits ^ (bits >>> 7), bits | 61);
    return ((bits ^ (bits >>> 14)) >>> 0) / 2 ** 32;
  };
}

/**
 * Independent normal values of the given shape, mean 0 and standard deviation `std`.
 * Values are rounded to float32, so that a tensor made of them holds exactly these numbers.
 */
export function seededNormal(shape: readonly number[], seed: number, std = 1): NdArray {
  const uniform = seededUniform(seed);
  const values = ndarray(shape);
  for (let i = 0; i < values.data.length; i++) {
    const radius = Math.sqrt(-2 * Math.log(1 - uniform()));
    values.data[i] = Math.fround(std * radius * Math.cos(2 * Math.PI * uniform()));
  }
  return values;
}
