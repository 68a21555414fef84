/** Rows whose squares would leave the range of float32 are rescaled by a power of two, which is exact. */
import { tf } from '../../compute/tf.js';

/** Beyond 2^50 a row's squares may overflow; small ones vanish, which matters only for an eps smaller still. */
const largeRow = 2 ** 50;
const smallRow = 2 ** -30;
const rescale = 2 ** 80;
const negligibleEps = 2 ** -96;

/** Per row of the last axis: a power of two that keeps its squares inside float32, and eps in the same units. */
export function rowScale(x: tf.Tensor, eps: number): { scale: tf.Tensor; scaledEps: tf.Tensor } {
  const largest = tf.max(tf.abs(x), -1, true);
  const choose = (large: number, small: number, usual: number) => {
    const others =
      eps < negligibleEps
        ? tf.where(tf.less(largest, smallRow), tf.scalar(small), tf.scalar(usual))
        : tf.scalar(usual);
    return tf.where(tf.greater(largest, largeRow), tf.scalar(large), others);
  };
  return {
    scale: choose(1 / rescale, rescale, 1),
    scaledEps: choose(eps / rescale ** 2, eps * rescale ** 2, eps),
  };
}

/** @throws RangeError when eps is negative or not finite. */
export function requireEps(caller: string, eps: number): void {
  if (!(eps >= 0 && Number.isFinite(eps))) {
    throw new RangeError(`${caller}: eps must be a finite number >= 0, got ${eps}`);
  }
}
