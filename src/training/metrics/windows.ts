/**
 * The likelihood of a text that is longer than what a model sees at once: windows that overlap, of which only what no former window
 * has scored counts. A small stride gives every token a long context and costs a pass per stride tokens.
 */
import type { HalfTensor } from '../../compute/half/half-tensor.js';
import { read } from '../../compute/read.js';
import { tf } from '../../compute/tf.js';
import { crossEntropy } from '../loss/cross-entropy.js';
import { nextTokenTargets } from '../loss/next-token.js';
import { ignored } from '../loss/targets.js';

export interface EvaluationWindow {
  /** The window is tokens start to end - 1. */
  start: number;
  end: number;
  /** Tokens scoreFrom to end - 1 are scored. */
  scoreFrom: number;
}

/**
 * Windows that score every token but the first exactly once.
 * @param tokens of the text @param window tokens that the model sees at once, 2 or more @param stride from 1 to window - 1: how far
 *   the next window begins behind the last one; window - 1 for windows that share one token only, the fastest
 * @throws RangeError when the text is too short to predict anything, or window or stride are out of range.
 */
export function evaluationWindows(tokens: number, window: number, stride: number): EvaluationWindow[] {
  if (
    !(Number.isInteger(window) && window >= 2 && Number.isInteger(stride) && stride >= 1 && stride < window)
  ) {
    throw new RangeError(
      `evaluationWindows: needs a window of 2 tokens or more and a stride from 1 to window - 1, got ${window} and ${stride}`,
    );
  }
  if (!(tokens >= 2)) throw new RangeError(`evaluationWindows: a text needs 2 tokens, got ${tokens}`);
  const windows: EvaluationWindow[] = [];
  let scoreFrom = 1;
  for (let start = 0; scoreFrom < tokens; start += stride) {
    const end = Math.min(start + window, tokens);
    windows.push({ start, end, scoreFrom });
    scoreFrom = end;
  }
  return windows;
}

export interface TextScore {
  /** Minus the sum of the log-probabilities, in nats. */
  nats: number;
  /** Tokens that were scored: all but the first. */
  tokens: number;
  /** exp(nats / tokens). */
  perplexity: number;
  /** Passes of the model. */
  windows: number;
}

/**
 * @param forward the model: ids [1,T] int32 to logits [1,T,V] @param tokens the text's ids
 * @throws as `evaluationWindows`.
 */
export async function scoreText(
  forward: (ids: tf.Tensor) => tf.Tensor | HalfTensor,
  tokens: readonly number[],
  { window, stride }: { window: number; stride: number },
): Promise<TextScore> {
  const windows = evaluationWindows(tokens.length, window, stride);
  let nats = 0;
  for (const { start, end, scoreFrom } of windows) {
    const sum = tf.tidy(() => {
      const ids = tf.tensor2d([tokens.slice(start, end)], undefined, 'int32');
      // Only what is new is a target.
      const mask = tf.tensor2d([
        Array.from({ length: end - start }, (_, t) => (start + t < scoreFrom ? 0 : 1)),
      ]);
      const targets = nextTokenTargets(ids, { lossMask: mask, ignoreIndex: ignored });
      return crossEntropy(forward(ids), targets, { reduction: 'sum' });
    });
    nats += (await read(sum))[0]!;
    sum.dispose();
  }
  const scored = tokens.length - 1;
  return { nats, tokens: scored, perplexity: Math.exp(nats / scored), windows: windows.length };
}
