/**
 * Error bounds of cross-entropy and its gradient, valid for one pass over the logits (online log-sum-exp) as well as
 * for two. loss = ln(sum of e^(s_j - m)) - (s_t - m): an exponential carries the rounding of its argument and 3 + 2|x|
 * ULP, the sum gamma(V), the logarithm 3 ULP or, near 1, 2^-21 absolute, which the WGSL specification allows. Forms
 * that add m back before they subtract s_t round numbers of the size of m; they are charged too.
 */
import { type NdArray, ndarray } from '../../../compute/ndarray.js';
import { gamma, unitRoundoff as u } from '../../verify/bounds.js';
import { type Bounded, exact, exponential, multiply, reshape, scaleBy, sumLast } from '../running-error.js';

export interface CrossEntropyErrors {
  loss: Bounded;
  /** Losses of the positions, [N]. */
  losses: Bounded;
  /** Present when a cotangent of the mean was given. */
  logits?: Bounded;
}

/** WGSL: log(x) is within 2^-21 for x in [0.5, 2], else 3 ULP. */
const nearOne = 2 ** -21;

export function crossEntropyErrors(
  logits: NdArray,
  targets: NdArray,
  dloss: number | undefined,
  ignoreIndex: number,
): CrossEntropyErrors {
  const V = logits.shape[logits.shape.length - 1]!;
  const N = targets.data.length;
  const counted = Array.from(targets.data, (target) => target !== ignoreIndex);
  const count = counted.filter(Boolean).length;
  const losses = exact(ndarray([N]));
  const gradient = exact(ndarray(logits.shape));
  for (let n = 0; n < N; n++) {
    if (counted[n]) row(n);
  }
  const mean = scaleBy(sumLast(losses), 1 / count);
  return {
    loss: reshape(mean, []),
    losses,
    ...(dloss === undefined
      ? {}
      : { logits: multiply(scaleBy(exact(ndarray([1], [dloss])), 1 / count), gradient) }),
  };

  function row(n: number): void {
    const at = (v: number) => logits.data[n * V + v]!;
    let largest = Number.NEGATIVE_INFINITY;
    for (let v = 0; v < V; v++) largest = Math.max(largest, at(v));
    let [total, totalError] = [0, 0];
    for (let v = 0; v < V; v++) {
      const range = largest - at(v);
      const value = Math.exp(-range);
      total += value;
      totalError += value === 0 ? 0 : value * u * (10 * range + 8);
    }
    const relative = totalError / total + gamma(V) + u * 4 * Math.ceil(Math.log2(V + 1));
    const log = Math.log(total);
    const logError = relative + Math.max(nearOne, 6 * u * log);
    const target = targets.data[n]!;
    const range = largest - at(target);
    const adding = 2 * u * (Math.abs(largest) + log + Math.abs(at(target)));
    losses.value.data[n] = log + range;
    losses.error.data[n] = logError + adding + u * (2 * range + log);
    for (let v = 0; v < V; v++) {
      const below = largest - at(v);
      const p = Math.exp(-below - log);
      const own =
        p === 0 ? 0 : p * (Math.expm1(logError + adding) + u * (12 * (below + log) + 10)) + 2 ** -126;
      const hot = v === target ? 1 : 0;
      gradient.value.data[n * V + v] = p - hot;
      gradient.error.data[n * V + v] = own + u * Math.abs(p - hot);
    }
  }
}

/** exp of the loss. */
export function perplexityErrors(logits: NdArray, targets: NdArray, ignoreIndex: number): Bounded {
  const { loss } = crossEntropyErrors(logits, targets, undefined, ignoreIndex);
  return exponential(loss);
}
