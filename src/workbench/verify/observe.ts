/** Computes the value under test and notes where it came from: the backend, and the path when we run the function. */
import { tf } from '../../compute/tf.js';
import { watchPath } from '../profile/path-taken.js';
import { isTensorLike, toValues, type Values } from './values.js';

export interface Observed {
  values: Values;
  backend?: string;
  path?: string;
}

/**
 * Awaits the value, or calls the function that makes it, and reads it. A tensor that the function made is
 * disposed of after reading; one that existed before stays.
 */
export async function observe(caller: string, actual: unknown): Promise<Observed> {
  if (typeof actual !== 'function') return read(caller, await actual);
  const marker = tf.scalar(0);
  const path = watchPath();
  try {
    const value: unknown = await (actual as () => unknown)();
    const observed = await read(caller, value);
    if (value instanceof tf.Tensor && value.id > marker.id) value.dispose();
    return observed.backend ? { ...observed, path: path() } : observed;
  } finally {
    marker.dispose();
  }
}

async function read(caller: string, value: unknown): Promise<Observed> {
  const values = await toValues(caller, value);
  return isTensorLike(value) ? { values, backend: tf.getBackend() } : { values };
}
