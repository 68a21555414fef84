/**
 * What the source documents call linear attention, taken literally, for a notebook that executes the mistake beside
 * `linearAttention`. Float64, plain loops.
 */
import { type NdArray, ndarray } from '../../compute/ndarray.js';

/**
 * E108: the sum runs over the features of one token instead of over the tokens: out_t = q_t (k_t . v_t) / (q_t . q_t
 * + 1e-8). No token sees another, and the output is parallel to its query.
 * @param q,k,v [B,T,H,D]
 * @returns [B,T,H,D]
 */
export function samePositionLinearAttention(q: NdArray, k: NdArray, v: NdArray): NdArray {
  const D = q.shape[q.shape.length - 1]!;
  const out = ndarray(q.shape);
  for (let row = 0; row < q.data.length; row += D) {
    let [agreement, square] = [0, 0];
    for (let d = row; d < row + D; d++) {
      agreement += k.data[d]! * v.data[d]!;
      square += q.data[d]! ** 2;
    }
    for (let d = row; d < row + D; d++) out.data[d] = (q.data[d]! * agreement) / (square + 1e-8);
  }
  return out;
}
