/**
 * The next token from logits, on the CPU in float64: the largest (temperature 0), or drawn from softmax(logits /
 * temperature) cut to the topK most likely tokens and then to the fewest that reach the probability topP (nucleus
 * sampling: Holtzman et al. 2019, arXiv:1904.09751).
 */

export interface TokenSampling {
  /** 0 (default) takes the most likely token; 1 samples what the model says; more is flatter. */
  temperature?: number;
  /** Only this many most likely tokens. Default all. */
  topK?: number;
  /** Only the fewest most likely tokens whose probabilities reach this sum. Default 1: all. */
  topP?: number;
}

/** @throws RangeError when an option is out of range. */
export function checkSampling({ temperature = 0, topK, topP = 1 }: TokenSampling): void {
  if (!(temperature >= 0 && Number.isFinite(temperature))) {
    throw new RangeError(`generate: temperature must be a number >= 0, got ${temperature}`);
  }
  if (topK !== undefined && !(Number.isInteger(topK) && topK >= 1)) {
    throw new RangeError(`generate: topK must be a positive integer, got ${topK}`);
  }
  if (!(topP > 0 && topP <= 1)) throw new RangeError(`generate: topP must be in (0, 1], got ${topP}`);
}

/** The probabilities that are drawn from, [V]; of equal logits the first counts as more likely. */
export function samplingProbabilities(logits: ArrayLike<number>, options: TokenSampling): Float64Array {
  checkSampling(options);
  const { temperature = 0, topK = logits.length, topP = 1 } = options;
  const order = Array.from({ length: logits.length }, (_, v) => v).sort(
    (a, b) => logits[b]! - logits[a]! || a - b,
  );
  const probabilities = new Float64Array(logits.length);
  const best = order[0];
  if (best === undefined || Number.isNaN(order.reduce((sum, v) => sum + logits[v]!, 0))) {
    throw new RangeError(`generate: the logits [${logits.length}] are empty or hold NaN`);
  }
  if (temperature === 0) {
    probabilities[best] = 1;
    return probabilities;
  }
  const weights = order.slice(0, topK).map((v) => Math.exp((logits[v]! - logits[best]!) / temperature));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  let reached = 0;
  const kept = weights.filter((weight) => {
    const keep = reached < topP * total;
    reached += weight;
    return keep;
  });
  const mass = kept.reduce((sum, weight) => sum + weight, 0);
  kept.forEach((weight, rank) => {
    probabilities[order[rank]!] = weight / mass;
  });
  return probabilities;
}

/** One token; `uniform` gives numbers in [0, 1). */
export function sampleToken(
  logits: ArrayLike<number>,
  options: TokenSampling,
  uniform: () => number,
): number {
  const probabilities = samplingProbabilities(logits, options);
  let left = options.temperature ? uniform() : 0;
  let last = 0;
  for (let v = 0; v < probabilities.length; v++) {
    if (probabilities[v] === 0) continue;
    last = v;
    left -= probabilities[v]!;
    if (left < 0) return v;
  }
  return last;
}
