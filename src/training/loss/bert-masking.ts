/**
 * What masked language modelling shows of a text (Devlin et al. 2018, BERT, arXiv:1810.04805, section 3.1): 15 % of the tokens are
 * to be predicted; of these 80 % are shown as [MASK], 10 % as a random token and 10 % as they are, since there is no [MASK] after
 * pre-training and a model must keep a representation of every token it sees.
 */
import { ignored } from './targets.js';

export interface BertMaskOptions {
  /** Id of [MASK]. */
  maskToken: number;
  /** V: random tokens are drawn from 0 to V - 1. */
  vocabulary: number;
  /** Ids that are never chosen, such as [CLS], [SEP] and [PAD]. Default none. */
  special?: readonly number[];
  /** Chance of a token to be chosen. Default 0.15. */
  rate?: number;
  /** Of those chosen: shown as [MASK]. Default 0.8. */
  maskShare?: number;
  /** Of those chosen: shown as a random token. Default 0.1; the rest is shown as it is. */
  randomShare?: number;
  /** Uniform in [0, 1), as `seededUniform(seed)`: a generator, so that every text gets other places. */
  random: () => number;
}

export interface BertMasked {
  /** What the model sees. */
  ids: number[];
  /** The token that was there where one is asked for, else -100: `maskedLmLoss` takes them as they are. */
  labels: number[];
  /** How many tokens were chosen, and what became of them. A random token may happen to be the one that was there. */
  counts: { tokens: number; chosen: number; masked: number; random: number; kept: number };
}

/** @throws RangeError when a share is outside [0, 1], they exceed 1 together, or the vocabulary is empty. */
export function bertMask(tokens: readonly number[], options: BertMaskOptions): BertMasked {
  const { maskToken, vocabulary, special = [], rate = 0.15, maskShare = 0.8, randomShare = 0.1 } = options;
  for (const [name, share] of Object.entries({ rate, maskShare, randomShare })) {
    if (!(share >= 0 && share <= 1))
      throw new RangeError(`bertMask: ${name} must lie in [0, 1], got ${share}`);
  }
  if (maskShare + randomShare > 1 + Number.EPSILON) {
    throw new RangeError(
      `bertMask: maskShare and randomShare may be 1 together, got ${maskShare} and ${randomShare}`,
    );
  }
  if (!(Number.isInteger(vocabulary) && vocabulary > 0)) {
    throw new RangeError(`bertMask: vocabulary must be a whole number > 0, got ${vocabulary}`);
  }
  const excluded = new Set(special);
  const made: BertMasked = {
    ids: [...tokens],
    labels: tokens.map(() => ignored),
    counts: { tokens: tokens.length, chosen: 0, masked: 0, random: 0, kept: 0 },
  };
  const { ids, labels, counts } = made;
  tokens.forEach((token, n) => {
    if (excluded.has(token) || options.random() >= rate) return;
    counts.chosen++;
    labels[n] = token;
    const fate = options.random();
    if (fate < maskShare) {
      counts.masked++;
      ids[n] = maskToken;
    } else if (fate < maskShare + randomShare) {
      counts.random++;
      ids[n] = Math.floor(vocabulary * options.random());
    } else counts.kept++;
  });
  return made;
}
