/**
 * Relative position biases, made to be handed to `attention` as its additive mask: T5's learned number per head and
 * bucket of distances (Raffel et al. 2019, arXiv:1910.10683), and the key term of Shaw et al. 2018, arXiv:1803.02155,
 * a learned vector per clipped offset. As everywhere, query i stands at position i + (S - T).
 */
import { sizeOf } from '../../compute/ndarray.js';
import { requireAxes, requireFloat32, shown } from '../../compute/shapes.js';
import { tf } from '../../compute/tf.js';

export interface T5BucketOptions {
  /** Keys after the query get buckets of their own. Default true; decoders use false. */
  bidirectional?: boolean;
  /** Default 32. */
  buckets?: number;
  /** Distances from here on share the last bucket. Default 128. */
  maxDistance?: number;
}

/**
 * T5's bucket of a relative position (key minus query): one bucket per distance while it is short, then buckets that
 * grow logarithmically up to maxDistance.
 * @throws RangeError when the sizes leave no room for both kinds of bucket, or the position is not a whole number.
 */
export function t5RelativeBucket(relative: number, options: T5BucketOptions = {}): number {
  const { bidirectional = true, buckets = 32, maxDistance = 128 } = options;
  const own = bidirectional ? buckets / 2 : buckets;
  const short = Math.floor(own / 2);
  if (!Number.isInteger(own) || short < 1 || !(maxDistance > short)) {
    throw new RangeError(
      `t5RelativeBucket: buckets must be a whole number of at least ${bidirectional ? '4, and even' : 2}, and maxDistance ` +
        `beyond the one-to-one buckets; got buckets ${buckets} and maxDistance ${maxDistance}`,
    );
  }
  if (!Number.isInteger(relative)) {
    throw new RangeError(`t5RelativeBucket: a relative position must be a whole number, got ${relative}`);
  }
  const first = bidirectional && relative > 0 ? own : 0;
  const distance = bidirectional ? Math.abs(relative) : Math.max(-relative, 0);
  if (distance < short) return first + distance;
  // Rounded as the checkpoints' own code does, in float32: at powers of two the quotient is on the edge of a bucket.
  const { fround, log } = Math;
  const share = fround(fround(log(fround(distance / short))) / fround(log(maxDistance / short)));
  const grown = short + Math.floor(fround(share * (own - short)));
  return first + Math.min(grown, own - 1);
}

/**
 * T5's bias: entry (h, i, j) is table[bucket(j - i), h].
 * @param table [buckets,H], float32 @param T queries @param S keys
 * @returns [1,H,T,S], differentiable in the table; T5 uses it with scale 1
 * @throws RangeError when the table has not one row per bucket, or T or S is not a whole number.
 */
export function t5RelativeBias(
  table: tf.Tensor,
  T: number,
  S: number,
  options: T5BucketOptions = {},
): tf.Tensor {
  requireFloat32('t5RelativeBias', { table });
  requireAxes('t5RelativeBias', 'table', table.shape, 'buckets,H');
  const [buckets, H] = table.shape as [number, number];
  if (options.buckets !== undefined && options.buckets !== buckets) {
    throw new RangeError(
      `t5RelativeBias: the table ${shown(table.shape)} must have one row for each of the ${options.buckets} buckets`,
    );
  }
  const which = offsets('t5RelativeBias', T, S).map((offset) =>
    t5RelativeBucket(offset, { ...options, buckets }),
  );
  return tf.tidy(() => {
    const rows = tf.gather(table, tf.tensor1d(which, 'int32'));
    return tf.reshape(tf.transpose(rows, [1, 0]), [1, H, T, S]);
  });
}

/**
 * Shaw's key term: entry (b, h, i, j) is scale * q_i . table[clip(j - i, -k, k) + k]. Added to the scaled products
 * q_i . k_j it gives every key a vector of its own per offset; offsets beyond k are not told apart.
 * @param q [B,H,T,D], float32 @param table [2k+1,D], float32, shared by the heads @param S keys
 * @param scale as that of the attention it is added to; default 1/sqrt(D)
 * @returns [B,H,T,S], differentiable in q and the table
 * @throws RangeError when the table has an even number of rows or its D is not that of q.
 */
export function shawRelativeBias(q: tf.Tensor, table: tf.Tensor, S: number, scale?: number): tf.Tensor {
  requireFloat32('shawRelativeBias', { q, table });
  requireAxes('shawRelativeBias', 'q', q.shape, 'B,H,T,D');
  requireAxes('shawRelativeBias', 'table', table.shape, '2k+1,D');
  const [B, H, T, D] = q.shape as [number, number, number, number];
  const [rows, width] = table.shape as [number, number];
  if (rows % 2 !== 1 || width !== D) {
    throw new RangeError(
      `shawRelativeBias: table must be [2k+1,D] with the D of q, got table ${shown(table.shape)} and q ${shown(q.shape)}`,
    );
  }
  const k = (rows - 1) / 2;
  const places = offsets('shawRelativeBias', T, S).map(
    (offset, n) => Math.floor(n / S) * rows + Math.min(Math.max(offset, -k), k) + k,
  );
  return tf.tidy(() => {
    const flat = tf.reshape(q, [sizeOf([B, H, T]), D]);
    const products = tf.mul(tf.matMul(flat, table, false, true), scale ?? 1 / Math.sqrt(Math.max(1, D)));
    // Heads last, so that the gathered axis comes first.
    const perPlace = tf.transpose(tf.reshape(products, [B * H, T * rows]), [1, 0]);
    const picked = tf.gather(perPlace, tf.tensor1d(places, 'int32'));
    return tf.reshape(tf.transpose(picked, [1, 0]), [B, H, T, S]);
  });
}

/** j - (i + S - T) for all i and j, row-major [T,S]. */
function offsets(caller: string, T: number, S: number): number[] {
  if (!(Number.isInteger(T) && Number.isInteger(S) && T >= 0 && S >= 0)) {
    throw new RangeError(`${caller}: T and S must be whole numbers >= 0, got ${T} and ${S}`);
  }
  return Array.from({ length: T * S }, (_, n) => (n % S) - (Math.floor(n / S) + S - T));
}
