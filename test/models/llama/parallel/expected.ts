/** What one rank gives: the library's own Llama with tfjs's gradients. And how far several ranks may be from it. */
import { expect } from 'vitest';
import { tf } from '../../../../src/compute/tf.js';
import { Llama, type LlamaConfig } from '../../../../src/models/llama/index.js';
import type { ParallelLlamaOptions } from '../../../../src/models/llama/parallel/index.js';
import type { Counts, OperationKind } from '../../../../src/parallel/communicator/index.js';
import type { WorldSizes } from '../../../../src/parallel/split-world.js';
import { arraysFor, idsFor } from '../../../parallel/programs/llama-weights.mjs';

export interface Case {
  config: LlamaConfig;
  sizes: WorldSizes;
  options?: ParallelLlamaOptions;
  /** [B,T] of the ids. */
  shape: [number, number];
  /** A fault of `wrong-tape.mjs`. */
  wrong?: string;
  /** The backward pass in the two halves of zero-bubble schedules. */
  deferWeights?: boolean;
}

export interface Result {
  loss: number;
  norm: number;
  bytes: number;
  traffic: Record<OperationKind, Counts>;
  gradients: [string, Float32Array][];
}

export const small: LlamaConfig = {
  V: 16,
  C: 16,
  F: 24,
  layers: 2,
  H: 4,
  K: 2,
  D: 4,
  eps: 1e-5,
  rope: { head_dim: 4 },
  tied: false,
};

/** Loss, gradients and norm by the library's own Llama. */
export function onOneRank({ config, shape }: Case): Result {
  const model = new Llama(config, arraysFor(config));
  const ids = tf.tensor2d(idsFor(config.V, shape), shape, 'int32');
  const { value, grads } = tf.variableGrads(() => model.loss(ids) as tf.Scalar, model.parameters);
  const gradients = [...arraysFor(config)].map(([name, { data }]): [string, Float32Array] => {
    const gradient = grads[model.parameter(name).name];
    // Norms that are left out have no gradient.
    return [name, (gradient?.dataSync() as Float32Array | undefined) ?? new Float32Array(data.length)];
  });
  const loss = value.dataSync()[0]!;
  tf.dispose([ids, value, grads]);
  model.dispose();
  const squares = gradients.reduce((sum, [, values]) => values.reduce((s, g) => s + g * g, sum), 0);
  return { loss, norm: Math.sqrt(squares), bytes: 0, traffic: {} as Result['traffic'], gradients };
}

/**
 * How far float32 sums in another order may lead: each of the sums along a path from the loss to a weight, of at most C + F + H D + V + B T
 * numbers per layer, moves its result by that many roundings of 2^-24 (Higham 2002, section 4.2); one for the forward and one for the
 * backward pass. Relative to the largest number of each gradient.
 */
export function tolerance({ config: { C, F, H, D, V, layers }, shape: [B, T] }: Case): number {
  return 2 * (layers + 1) * (C + F + H * D + V + B * T) * 2 ** -24;
}

const largest = (values: Float32Array) => values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);

/** Names of the gradients that differ by more than the tolerance, 'loss' and 'norm' among them. */
export function differing(of: Case, actual: Result, expected: Result): string[] {
  const bound = tolerance(of);
  const found = new Map(actual.gradients);
  expect([...found.keys()].sort()).toEqual(expected.gradients.map(([name]) => name).sort());
  const names = expected.gradients.flatMap(([name, right]) => {
    const own = found.get(name)!;
    const scale = largest(right);
    const isFar =
      own.length !== right.length || right.some((value, n) => !(Math.abs(value - own[n]!) <= bound * scale));
    return isFar ? [name] : [];
  });
  if (!(Math.abs(actual.loss - expected.loss) <= bound * expected.loss)) names.unshift('loss');
  if (!(Math.abs(actual.norm - expected.norm) <= bound * expected.norm)) names.push('norm');
  return names;
}
