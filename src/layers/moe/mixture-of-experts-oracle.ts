/** A mixture of SwiGLU experts in float64, one token at a time through its own experts only, forward and gradient. */
import { type NdArray, ndarray } from '../../compute/ndarray.js';
import {
  type SwiGluArrays,
  swiGluFfnGradientOracle,
  swiGluFfnOracle,
} from '../feed-forward/feed-forward-oracle.js';

export interface ExpertArrays {
  router: NdArray;
  experts: readonly SwiGluArrays[];
}

export interface ExpertOracleResult {
  out: NdArray;
  switchLoss: NdArray;
  zLoss: NdArray;
}

interface Routing {
  probabilities: number[];
  logSumExp: number;
  /** Best first. */
  chosen: number[];
  /** What the outputs of the chosen are divided by. */
  total: number;
}

function route(x: Float64Array, router: NdArray, topK: number, renormalise: boolean): Routing {
  const [E, C] = router.shape as [number, number];
  const logits = Array.from({ length: E }, (_, e) => {
    let sum = 0;
    for (let c = 0; c < C; c++) sum += x[c]! * router.data[e * C + c]!;
    return sum;
  });
  const largest = Math.max(...logits);
  const exponentials = logits.map((logit) => Math.exp(logit - largest));
  const sum = exponentials.reduce((a, b) => a + b, 0);
  const probabilities = exponentials.map((value) => value / sum);
  const order = logits.map((_, e) => e).sort((a, b) => logits[b]! - logits[a]! || a - b);
  const chosen = order.slice(0, topK);
  const total = renormalise ? chosen.reduce((s, e) => s + probabilities[e]!, 0) : 1;
  return { probabilities, logSumExp: largest + Math.log(sum), chosen, total };
}

/** x [..., C]; see `mixtureOfExperts`. */
export function mixtureOfExpertsOracle(
  x: NdArray,
  { router, experts }: ExpertArrays,
  { topK, renormalise = true }: { topK: number; renormalise?: boolean },
): ExpertOracleResult {
  const [E, C] = router.shape as [number, number];
  const N = x.data.length / C;
  const out = ndarray(x.shape);
  const [first, mean] = [new Array<number>(E).fill(0), new Array<number>(E).fill(0)];
  let squares = 0;
  for (let n = 0; n < N; n++) {
    const token = ndarray([C], x.data.slice(n * C, (n + 1) * C));
    const { probabilities, logSumExp, chosen, total } = route(token.data, router, topK, renormalise);
    for (const e of chosen) {
      const y = swiGluFfnOracle(token, experts[e]!);
      for (let c = 0; c < C; c++) out.data[n * C + c]! += (probabilities[e]! / total) * y.data[c]!;
    }
    first[chosen[0]!]! += 1 / N;
    probabilities.forEach((p, e) => {
      mean[e]! += p / N;
    });
    squares += logSumExp ** 2 / N;
  }
  const balance = first.reduce((sum, f, e) => sum + E * f * mean[e]!, 0);
  return { out, switchLoss: ndarray([], [balance]), zLoss: ndarray([], [squares]) };
}

/** Gradients of sum(d.out * out) + d.switchLoss * switchLoss + d.zLoss * zLoss. */
export function mixtureOfExpertsGradientOracle(
  x: NdArray,
  { router, experts }: ExpertArrays,
  { topK, renormalise = true }: { topK: number; renormalise?: boolean },
  d: { out: NdArray; switchLoss: number; zLoss: number },
): { x: NdArray; router: NdArray; experts: SwiGluArrays[] } {
  const [E, C] = router.shape as [number, number];
  const N = x.data.length / C;
  const dx = ndarray(x.shape);
  const drouter = ndarray(router.shape);
  const dexperts = experts.map(({ wGate, wUp, wDown }) => ({
    wGate: ndarray(wGate.shape),
    wUp: ndarray(wUp.shape),
    wDown: ndarray(wDown.shape),
  }));
  const tokens = Array.from({ length: N }, (_, n) => ndarray([C], x.data.slice(n * C, (n + 1) * C)));
  const routings = tokens.map((token) => route(token.data, router, topK, renormalise));
  const first = new Array<number>(E).fill(0);
  for (const { chosen } of routings) first[chosen[0]!]! += 1 / N;
  tokens.forEach((token, n) => {
    const { probabilities: p, logSumExp, chosen, total } = routings[n]!;
    const dy = d.out.data.subarray(n * C, (n + 1) * C);
    // dL/dp: through the balance for all, through the weights p_e / total for the chosen.
    const dp = first.map((f) => (d.switchLoss * E * f) / N);
    const along = new Map<number, number>();
    for (const e of chosen) {
      const y = swiGluFfnOracle(token, experts[e]!);
      along.set(
        e,
        y.data.reduce((sum, value, c) => sum + value * dy[c]!, 0),
      );
      const scaled = ndarray(
        [C],
        dy.map((value) => (value * p[e]!) / total),
      );
      const gradient = swiGluFfnGradientOracle(token, experts[e]!, scaled);
      for (let c = 0; c < C; c++) dx.data[n * C + c]! += gradient.x.data[c]!;
      for (const name of ['wGate', 'wUp', 'wDown'] as const) {
        gradient[name].data.forEach((value, i) => {
          dexperts[e]![name].data[i]! += value;
        });
      }
    }
    const shared = [...along].reduce((sum, [e, value]) => sum + (value * p[e]!) / total, 0);
    for (const [e, value] of along) dp[e]! += renormalise ? (value - shared) / total : value;
    // p = softmax(logits); d logsumexp / d logit_e = p_e.
    const mean = dp.reduce((sum, value, e) => sum + value * p[e]!, 0);
    for (let e = 0; e < E; e++) {
      const dlogit = p[e]! * (dp[e]! - mean) + (d.zLoss * 2 * logSumExp * p[e]!) / N;
      for (let c = 0; c < C; c++) {
        drouter.data[e * C + c]! += dlogit * token.data[c]!;
        dx.data[n * C + c]! += dlogit * router.data[e * C + c]!;
      }
    }
  });
  return { x: dx, router: drouter, experts: dexperts };
}
