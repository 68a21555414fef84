/**
 * Error bounds of a mixture of experts: of the routing, and of the three results with their gradients. Which experts are
 * chosen is taken from the float64 logits: where a choice hangs on less than the rounding errors there is no bound.
 */
import { type NdArray, ndarray } from '../../../compute/ndarray.js';
import type { SwiGluArrays } from '../../../layers/feed-forward/feed-forward-oracle.js';
import { unitRoundoff as u } from '../../verify/bounds.js';
import {
  add,
  type Bounded,
  divide,
  exact,
  map,
  matmul,
  multiply,
  reshape,
  rounded,
  scaleBy,
  subtract,
  sumLast,
  transposeLast,
} from '../running-error.js';
import { swiGluErrors } from './feed-forward.js';
import { softmaxRow } from './softmax.js';

interface Routing {
  /** All [N,E]. */
  probabilities: Bounded;
  chosen: Bounded;
  weights: Bounded;
  /** [N,1]: what the probabilities of the chosen are divided by. */
  total: Bounded;
}

export function routingErrors(logits: Bounded, topK: number, renormalise: boolean): Routing {
  const [N, E] = logits.value.shape as [number, number];
  const probabilities = exact(ndarray([N, E]));
  const columns = Array.from({ length: E }, (_, e) => e);
  for (let row = 0; row < N * E; row += E) {
    softmaxRow(logits, row, columns, 1, probabilities, ndarray([N, E]));
  }
  const chosen = choices(logits, topK);
  const shares = multiply(probabilities, chosen);
  const total = renormalise ? sumLast(shares) : map(sumLast(shares), () => [1, 0]);
  return { probabilities, chosen, weights: renormalise ? divide(shares, total) : shares, total };
}

/** 1 for the topK largest of each row; their weight has no bound where rounding may choose others. */
function choices(logits: Bounded, topK: number): Bounded {
  const [N, E] = logits.value.shape as [number, number];
  const mask = exact(ndarray([N, E]));
  for (let row = 0; row < N * E; row += E) {
    const at = (e: number) => logits.value.data[row + e]!;
    const error = (e: number) => logits.error.data[row + e]!;
    const order = Array.from({ length: E }, (_, e) => e).sort((a, b) => at(b) - at(a) || a - b);
    for (const e of order.slice(0, topK)) mask.value.data[row + e] = 1;
    const [last, next] = [order[topK - 1]!, order[topK]];
    if (next !== undefined && at(last) - at(next) < error(last) + error(next)) {
      for (const e of [last, next]) mask.error.data[row + e] = Number.POSITIVE_INFINITY;
    }
  }
  return mask;
}

/** x [N,C]; `d` holds the cotangents of the three results. */
export function mixtureOfExpertsErrors(
  x: NdArray,
  { router, experts }: { router: NdArray; experts: readonly SwiGluArrays[] },
  { topK, renormalise }: { topK: number; renormalise: boolean },
  d: { out: NdArray; switchLoss: number; zLoss: number } | undefined,
) {
  const [N, E] = [x.shape[0]!, experts.length];
  const rows = exact(x);
  const logits = matmul(rows, transposeLast(exact(router)));
  const { probabilities, chosen, weights, total } = routingErrors(logits, topK, renormalise);
  const first = scaleBy(sumOverRows(choices(logits, 1)), 1 / N);
  const mean = scaleBy(sumOverRows(probabilities), 1 / N);
  const switchLoss = reshape(scaleBy(sumLast(multiply(first, mean)), E), []);
  const lse = logSumExpErrors(logits);
  const zLoss = reshape(scaleBy(sumOverRows(multiply(lse, lse)), 1 / N), []);
  const upstream = d && exact(d.out);
  const parts = experts.map((expert, e) => {
    const weight = columnOf(weights, e);
    const { out: y, ...back } = swiGluErrors(rows, expert, upstream && multiply(upstream, weight));
    return { y, back, weighted: multiply(y, weight) };
  });
  const out = parts.map((part) => part.weighted).reduce(add);
  if (!d || !upstream) return { out, switchLoss, zLoss };

  const along = joinColumns(parts.map(({ y }) => sumLast(multiply(upstream, y))));
  const ofWeights = renormalise ? divide(subtract(along, sumLast(multiply(along, weights))), total) : along;
  const ofBalance = scaleBy(rounded(scaleBy(first, (d.switchLoss * E) / N).value), 1);
  const dp = add(multiply(ofWeights, chosen), ofBalance);
  const throughSoftmax = multiply(probabilities, subtract(dp, sumLast(multiply(probabilities, dp))));
  const dlogits = add(throughSoftmax, scaleBy(multiply(lse, probabilities), (2 * d.zLoss) / N));
  return {
    out,
    switchLoss,
    zLoss,
    gradients: {
      x: parts.map(({ back }) => back.x!).reduce(add, matmul(dlogits, exact(router))),
      router: matmul(transposeLast(dlogits), rows),
      experts: parts.map(({ back }) => ({ wGate: back.wGate!, wUp: back.wUp!, wDown: back.wDown! })),
    },
  };
}

/** ln sum e^x: no argument moves it by more than its own error; the sum is at least 1 after the largest is taken out. */
function logSumExpErrors(logits: Bounded): Bounded {
  const [N, E] = logits.value.shape as [number, number];
  const result = exact(ndarray([N, 1]));
  for (let n = 0; n < N; n++) {
    const row = logits.value.data.subarray(n * E, (n + 1) * E);
    const largest = Math.max(...row);
    const range = largest - Math.min(...row);
    const log = Math.log(row.reduce((sum, value) => sum + Math.exp(value - largest), 0));
    const carried = Math.max(...logits.error.data.subarray(n * E, (n + 1) * E));
    result.value.data[n] = largest + log;
    result.error.data[n] =
      carried + u * (10 * range + 8 + E + 6 * log) + 2 ** -21 + u * Math.abs(largest + log);
  }
  return result;
}

/** [N,M] -> [1,M] */
function sumOverRows(a: Bounded): Bounded {
  return transposeLast(sumLast(transposeLast(a)));
}

/** Column e of [N,E], as [N,1]. */
export function columnOf(a: Bounded, e: number): Bounded {
  const [N, E] = a.value.shape as [number, number];
  const pick = (from: NdArray) =>
    ndarray(
      [N, 1],
      Array.from({ length: N }, (_, n) => from.data[n * E + e]!),
    );
  return { value: pick(a.value), error: pick(a.error) };
}

/** E of [N,1] -> [N,E] */
function joinColumns(columns: readonly Bounded[]): Bounded {
  const [N, E] = [columns[0]!.value.shape[0]!, columns.length];
  const join = (of: (column: Bounded) => NdArray) =>
    ndarray(
      [N, E],
      Array.from({ length: N * E }, (_, n) => of(columns[n % E]!).data[Math.floor(n / E)]!),
    );
  return { value: join((column) => column.value), error: join((column) => column.error) };
}
