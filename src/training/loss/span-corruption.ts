/**
 * Span corruption (Raffel et al. 2019, T5, arXiv:1910.10683, section 3.1.4): spans of a text are replaced by one sentinel each, and
 * the target is each sentinel with the span it stands for. A text of length L is cut so that round(rate L) tokens are lost in
 * round(rate L / meanLength) spans, with a kept piece before each of them; all ways to cut it are equally likely.
 */

export interface SpanCorruptionOptions {
  /** Id of the first sentinel; the others are the ids below it, as in T5's vocabulary. */
  firstSentinel: number;
  /** Share of the tokens that is lost. Default 0.15. */
  rate?: number;
  /** Mean length of a span. Default 3. */
  meanLength?: number;
  /** Ends input and target. Default nothing does. */
  endToken?: number;
  /** Uniform in [0, 1), as `seededUniform(seed)`. */
  random: () => number;
}

export interface SpanCorrupted {
  /** What the encoder sees: the text with sentinels for its spans. */
  inputs: number[];
  /** What the decoder is asked for: each sentinel, followed by its span. */
  targets: number[];
  /** Where the spans were. */
  spans: { start: number; length: number }[];
}

/** @throws RangeError when the text has fewer than two tokens, the rate is not between 0 and 1, or the mean length is below 1. */
export function corruptSpans(tokens: readonly number[], options: SpanCorruptionOptions): SpanCorrupted {
  const { firstSentinel, rate = 0.15, meanLength = 3, endToken, random } = options;
  const L = tokens.length;
  if (L < 2)
    throw new RangeError(`corruptSpans: a text needs a token to keep and one to lose, got ${L} tokens`);
  if (!(rate > 0 && rate < 1)) throw new RangeError(`corruptSpans: rate must lie in (0, 1), got ${rate}`);
  if (!(meanLength >= 1)) throw new RangeError(`corruptSpans: meanLength must be >= 1, got ${meanLength}`);
  const lost = Math.min(Math.max(Math.round(rate * L), 1), L - 1);
  // As many pieces are kept as are lost, of one token at least.
  const count = Math.min(Math.max(Math.round(lost / meanLength), 1), L - lost);
  const [lostPieces, keptPieces] = [cut(lost, count, random), cut(L - lost, count, random)];
  const [inputs, targets, spans]: [number[], number[], SpanCorrupted['spans']] = [[], [], []];
  let at = 0;
  for (let n = 0; n < count; n++) {
    const [start, length] = [at + keptPieces[n]!, lostPieces[n]!];
    inputs.push(...tokens.slice(at, start), firstSentinel - n);
    targets.push(firstSentinel - n, ...tokens.slice(start, start + length));
    spans.push({ start, length });
    at = start + length;
  }
  if (endToken !== undefined) {
    inputs.push(endToken);
    targets.push(endToken);
  }
  return { inputs, targets, spans };
}

/** Lengths of `count` pieces of at least one that make `total`: count - 1 of the total - 1 gaps, all choices alike. */
function cut(total: number, count: number, random: () => number): number[] {
  const lengths: number[] = [];
  let [length, wanted] = [1, count - 1];
  for (let gap = 1; gap < total; gap++) {
    const left = total - gap;
    if (random() * left < wanted) {
      lengths.push(length);
      length = 1;
      wanted--;
    } else length++;
  }
  return [...lengths, length];
}
