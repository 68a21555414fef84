/** Next-token training of a Llama on one text: windows drawn at random, AdamW, cosine schedule with warm-up. */
import { seededUniform } from '../../compute/random.js';
import { read } from '../../compute/read.js';
import { tf } from '../../compute/tf.js';
import { Optimizer } from '../../training/optimizer/optimizer.js';
import { adamW } from '../../training/optimizer/rules.js';
import type { Llama } from './llama.js';

/** What is trained: a Llama, or the adapter of an adapted one. */
export type Trains = Pick<Llama, 'parameters' | 'loss'>;

export interface TrainOptions {
  steps: number;
  /** B, windows per step. */
  batch: number;
  /** T, tokens predicted per window. */
  length: number;
  /** The largest, reached after a tenth of the steps; falls to a tenth of it along a cosine. Default 3e-3. */
  learningRate?: number;
  /** Of matrices, not of gains. Default 0.01. */
  weightDecay?: number;
  /** Of the windows. Default 0. */
  seed?: number;
  /** Called after every step. */
  onStep?: (step: number, loss: number) => void;
}

/**
 * @param tokens the text's ids, more than `length` of them
 * @returns the loss of each step before its update, in nats per token
 * @throws RangeError when the text is too short for one window.
 */
export async function trainLlama(
  model: Trains,
  tokens: readonly number[],
  options: TrainOptions,
): Promise<number[]> {
  const { steps, batch, length, learningRate = 3e-3, weightDecay = 0.01, seed = 0, onStep } = options;
  const uniform = seededUniform(seed);
  const rule = adamW({ learningRate, beta2: 0.95, weightDecay });
  const optimizer = new Optimizer(model.parameters, rule, { decay: (variable) => variable.rank > 1 });
  const losses: number[] = [];
  try {
    for (let step = 0; step < steps; step++) {
      optimizer.learningRate = learningRate * learningRateFactor(step, steps);
      const ids = tf.tensor2d(drawWindows(tokens, batch, length + 1, uniform), undefined, 'int32');
      const loss = optimizer.minimize(() => model.loss(ids));
      losses.push((await read(loss))[0]!);
      tf.dispose([ids, loss]);
      onStep?.(step, losses[step]!);
    }
  } finally {
    optimizer.dispose();
  }
  return losses;
}

/** Mean loss over the text cut into windows one behind the other, in nats per token. Throws as `trainLlama`. */
export async function evaluateLlama(
  model: Trains,
  tokens: readonly number[],
  length: number,
): Promise<number> {
  requireWindow(tokens, length + 1);
  const rows: number[][] = [];
  for (let at = 0; at + length < tokens.length; at += length) rows.push(tokens.slice(at, at + length + 1));
  const loss = tf.tidy(() => model.loss(tf.tensor2d(rows, undefined, 'int32')));
  const value = (await read(loss))[0]!;
  loss.dispose();
  return value;
}

/** Pieces of a text at random places: what a step trains on. Throws as `trainLlama`. */
export function drawWindows(
  tokens: readonly number[],
  count: number,
  size: number,
  uniform: () => number,
): number[][] {
  requireWindow(tokens, size);
  return Array.from({ length: count }, () => {
    const start = Math.floor(uniform() * (tokens.length - size + 1));
    return tokens.slice(start, start + size);
  });
}

function requireWindow(tokens: readonly number[], size: number): void {
  if (tokens.length >= size) return;
  throw new RangeError(`trainLlama: a window needs ${size} tokens, the text has ${tokens.length}`);
}

/** Linear warm-up over a tenth of the steps, then a cosine from 1 to 0.1. */
export function learningRateFactor(step: number, steps: number): number {
  const warm = Math.max(1, Math.round(steps / 10));
  if (step < warm) return (step + 1) / warm;
  return 0.55 + 0.45 * Math.cos((Math.PI * (step - warm)) / Math.max(1, steps - warm));
}
