/**
 * Error bounds of linear attention without rotation, for the parallel and the recurrent form: the same products
 * summed over features and keys in either order, so each inner sum is charged for both lengths.
 */
import { type NdArray, ndarray } from '../../../compute/ndarray.js';
import { gamma, unitRoundoff as u } from '../../verify/bounds.js';
import {
  add,
  type Bounded,
  divide,
  exact,
  map,
  matmul,
  multiply,
  subtract,
  sumLast,
  transposeLast,
} from '../running-error.js';

export function linearAttentionErrors(
  q: NdArray,
  k: NdArray,
  v: NdArray,
  dy: NdArray | undefined,
  causal: boolean,
): { out: Bounded; q?: Bounded; k?: Bounded; v?: Bounded } {
  const T = q.shape[2]!;
  const [queries, keys, values] = [features(q), features(k), exact(v)];
  const past = exact(ndarray([T, T]));
  for (let n = 0; n < T * T; n++) past.value.data[n] = causal && n % T > Math.floor(n / T) ? 0 : 1;
  const weights = longer(multiply(matmul(queries, transposeLast(keys)), past), T);
  const total = sumLast(weights);
  const out = divide(matmul(weights, values), total);
  if (!dy) return { out };
  // Through the quotient: of the numerator dy / total, of the sum -(dy . out) / total.
  const upstream = divide(exact(dy), total);
  const dTotal = sumLast(multiply(upstream, out));
  const dWeights = longer(multiply(subtract(matmul(upstream, transposeLast(values)), dTotal), past), T);
  return {
    out,
    q: multiply(spread(dWeights, keys), slope(q)),
    k: multiply(spread(transposeLast(dWeights), queries), slope(k)),
    v: longer(matmul(transposeLast(weights), upstream), q.shape[3]!),
  };
}

/** A recurrence sums dy v^T and dy . out k apart, before they cancel: charged at the size of the parts. */
function spread(dWeights: Bounded, other: Bounded): Bounded {
  const product = matmul(dWeights, other);
  const sizes = matmul(
    map(dWeights, (x, e) => [Math.abs(x), e]),
    other,
  );
  return add(
    product,
    map(sizes, (x) => [0, gamma(dWeights.value.shape[3]!) * x]),
  );
}

/** The rounding of a sum over another axis as well. */
function longer(a: Bounded, n: number): Bounded {
  return map(a, (x, e) => [x, e + gamma(n) * Math.abs(x)]);
}

function features(x: NdArray): Bounded {
  return map(exact(x), (at) =>
    at > 0
      ? [at + 1, u * (at + 1)]
      : [Math.exp(at), Math.exp(at) * 2 * u * (3 + 2 * Math.abs(at)) + 2 ** -126],
  );
}

function slope(x: NdArray): Bounded {
  return map(features(x), (phi, e) => (phi > 1 ? [1, 0] : [phi, e]));
}
