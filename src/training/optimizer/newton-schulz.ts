/**
 * The inner product of Muon: a matrix nearly orthogonalised by the Newton-Schulz iteration, matrix products only. X is divided by
 * its Frobenius norm, so that its singular values lie in (0, 1]; then every step applies the odd polynomial a s + b s^3 + c s^5 to each
 * of them and leaves the singular vectors. The coefficients are steep at zero rather than exact at one: five steps bring values above
 * 0.003 into about [0.7, 1.2] (Jordan et al. 2024, https://kellerjordan.github.io/posts/muon).
 */
import { requireAxes, requireFloat32 } from '../../compute/shapes.js';
import { tf } from '../../compute/tf.js';

export type Coefficients = readonly [a: number, b: number, c: number];

export const muonCoefficients: Coefficients = [3.4445, -4.775, 2.0315];

export interface NewtonSchulzOptions {
  /** Default 5. */
  steps?: number;
  /** The least norm that X is divided by. Default 1e-7. */
  eps?: number;
  /** Default 3.4445, -4.775, 2.0315. */
  coefficients?: Coefficients;
}

/**
 * @param matrix [R,C], float32 @returns [R,C], near U V^T of the singular value decomposition U S V^T
 * @throws TypeError or RangeError when it is no float32 matrix, or steps is no whole number.
 */
export function newtonSchulz(matrix: tf.Tensor, options: NewtonSchulzOptions = {}): tf.Tensor {
  const { steps = 5, eps = 1e-7, coefficients = muonCoefficients } = options;
  requireFloat32('newtonSchulz', { matrix });
  requireAxes('newtonSchulz', 'matrix', matrix.shape, 'R,C');
  if (!(Number.isInteger(steps) && steps >= 0)) {
    throw new RangeError(`newtonSchulz: steps must be a whole number >= 0, got ${steps}`);
  }
  if (matrix.size === 0) return tf.clone(matrix);
  const [a, b, c] = coefficients;
  const [R, C] = matrix.shape as [number, number];
  return tf.tidy(() => {
    // The smaller side makes the smaller products.
    const wide = (R > C ? tf.transpose(matrix) : matrix) as tf.Tensor2D;
    let x = tf.div(wide, tf.maximum(tf.sqrt(tf.sum(tf.square(wide))), eps)) as tf.Tensor2D;
    for (let step = 0; step < steps; step++) {
      const gram = tf.matMul(x, x, false, true);
      const polynomial = tf.add(tf.mul(gram, b), tf.mul(tf.matMul(gram, gram), c)) as tf.Tensor2D;
      x = tf.add(tf.mul(x, a), tf.matMul(polynomial, x));
    }
    return R > C ? tf.transpose(x) : tf.clone(x);
  });
}
