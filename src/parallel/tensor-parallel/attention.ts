/** Attention split by heads: each rank projects to its own, attends, and projects its part back; one sum in each pass. */
import { tf } from '../../compute/tf.js';
import { attention } from '../../layers/attention/attention.js';
import type { AttentionRule } from '../../layers/attention/options.js';
import { linear } from '../../layers/linear/linear.js';
import { type RopeOptions, rope } from '../../layers/position/rope.js';
import type { Communicator } from '../communicator/index.js';
import { copyWeights } from '../copied-weights.js';
import type { Tape, Value } from '../tape/index.js';
import { rowLinear } from './linear.js';
import { enterRegion, type TensorGroup } from './region.js';

/** Of one rank, with its H query and K key/value heads: wq [H D,C], wk and wv [K D,C], wo [C,H D], biases likewise, bo [C]. */
export interface AttentionShards {
  wq: Value;
  wk: Value;
  wv: Value;
  wo: Value;
  bq?: Value | undefined;
  bk?: Value | undefined;
  bv?: Value | undefined;
  bo?: Value | undefined;
}

/** q [B,H,T,D], k and v [B,K,T,D] -> [B,H,T,D]. */
export type AttentionCore = (tape: Tape, q: Value, k: Value, v: Value) => Promise<Value>;

export interface ParallelAttentionOptions {
  /** Of this rank; see `headsOf`. */
  heads: { H: number; K: number };
  /** Rotates queries and keys; one position for every token of x. */
  rope?: (RopeOptions & { positions: readonly number[] }) | undefined;
  /** See `localAttention`; ring attention and Ulysses are others. */
  core: AttentionCore;
  /** See `keyValueGroup`. */
  kvGroup?: Communicator | undefined;
}

/** Attention on tokens that are all here. */
export function localAttention(rule: AttentionRule): AttentionCore {
  return async (tape, q, k, v) =>
    tape.local('attention', (...heads) => attention(heads[0]!, heads[1]!, heads[2]!, rule), q, k, v);
}

/** x [B,T,C] (or its part of the sequence) -> the same shape; see `multiHeadAttention`. */
export async function parallelAttention(
  tape: Tape,
  group: TensorGroup,
  x: Value,
  { wo, bo, wq, bq, ...keysAndValues }: AttentionShards,
  { heads: { H, K }, rope: rotation, core, kvGroup }: ParallelAttentionOptions,
): Promise<Value> {
  const entered = await enterRegion(tape, x, group);
  const shared = new Map(
    Object.entries(keysAndValues).filter((entry): entry is [string, Value] => entry[1] !== undefined),
  );
  const { wk, wv, bk, bv } = Object.fromEntries(await copyWeights(tape, kvGroup, shared));
  const project = (weight: Value, bias: Value | undefined, heads: number, rotated: boolean) =>
    tape.local(
      'heads',
      (a, w, b) => {
        const [B, T] = a!.shape as [number, number];
        const flat = tf.reshape(linear(a!, w!, b), [B, T, heads, w!.shape[0]! / heads]);
        const apart = tf.transpose(flat, [0, 2, 1, 3]);
        return rotated && rotation ? rope(apart, rotation.positions, rotation) : apart;
      },
      ...[entered, weight, ...(bias ? [bias] : [])],
    );
  const out = await core(
    tape,
    project(wq, bq, H, true),
    project(wk!, bk, K, true),
    project(wv!, bv, K, false),
  );
  const joined = tape.local(
    'joinHeads',
    (a) => {
      const [B, heads, T, D] = a!.shape as [number, number, number, number];
      return tf.reshape(tf.transpose(a!, [0, 2, 1, 3]), [B, T, heads * D]);
    },
    out,
  );
  return rowLinear(tape, group, joined, wo, bo);
}
