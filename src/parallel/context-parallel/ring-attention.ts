/**
 * Ring attention (Liu et al. 2023, arXiv:2310.01889): queries stay, keys and values go around, and each rank merges what it finds.
 * In the backward pass keys and values go around once more, and their gradients travel behind them until they are home.
 */
import { tf } from '../../compute/tf.js';
import type { Communicator } from '../communicator/index.js';
import type { Operator } from '../tape/index.js';
import { numbersOf } from '../tensor-collectives.js';
import { attendBlock, blockGradients, mergePartial, type PartialAttention } from './partial-softmax.js';
import { blocksAround, Travellers } from './ring.js';

export interface RingAttentionOptions {
  /** Tokens lie in zigzag order (see `zigzagPositions`), and see those before them. Default true; else all see all. */
  causal?: boolean;
  /** Default 1/sqrt(D). */
  scale?: number;
}

/**
 * q [B,H,T/n,D], k and v [B,K,T/n,D] of this rank -> [B,H,T/n,D]; a second output, [B,H,T/n,1], is kept for the backward pass. Of 4 B K
 * T/n D bytes of keys (and as many of values) n − 1 times both are sent in the forward pass, and twice that in the backward pass.
 */
export function ringAttention(comm: Communicator, options: RingAttentionOptions = {}): Operator {
  const { causal = true } = options;
  const { rank } = comm;
  const scaleOf = (q: tf.Tensor) => options.scale ?? 1 / Math.sqrt(q.shape[3]!);
  /** Which queries see which keys of another rank's block: all of them or none, by halves. */
  const seen = (owner: number, T: number) => {
    const half = T / 2;
    if (!causal) return { queries: [0, T], keys: [0, T] } as const;
    return owner < rank
      ? ({ queries: [0, T], keys: [0, half] } as const)
      : ({ queries: [half, T], keys: [0, T] } as const);
  };
  return {
    name: 'ringAttention',
    async forward([q, k, v]) {
      const scale = scaleOf(q!);
      let whole = attendBlock(q!, k!, v!, { scale, causal });
      for await (const { owner, block } of blocksAround(comm, await packed(k!, v!))) {
        const before = whole;
        whole = tf.tidy(() => {
          const [keys, values] = unpacked(block, k!.shape);
          const { queries, keys: some } = seen(owner, q!.shape[2]!);
          const found = attendBlock(tokens(q!, queries), tokens(keys, some), tokens(values, some), {
            scale,
            causal: false,
          });
          return mergeFrom(before, found, queries[0]);
        });
        tf.dispose([before.out, before.logSum]);
      }
      return [whole.out, whole.logSum];
    },
    async backward([q, k, v], [dOut], _wanted, [out, logSum]) {
      const scale = scaleOf(q!);
      const along = tf.tidy(() => tf.sum(tf.mul(dOut!, out!), -1, true));
      const own = blockGradients([q!, k!, v!], { dOut: dOut!, logSum: logSum!, along }, { scale, causal });
      let dq = own.dq;
      const travellers = new Travellers(comm);
      for await (const { owner, block } of blocksAround(comm, await packed(k!, v!))) {
        const T = q!.shape[2]!;
        const { queries, keys: some } = seen(owner, T);
        const [sum, dk, dv] = tf.tidy(() => {
          const [keys, values] = unpacked(block, k!.shape);
          const part = (x: tf.Tensor) => tokens(x, queries);
          const found = blockGradients(
            [part(q!), tokens(keys, some), tokens(values, some)],
            { dOut: part(dOut!), logSum: part(logSum!), along: part(along) },
            { scale, causal: false },
          );
          return [
            tf.add(dq, padded(found.dq, queries, T)),
            padded(found.dk, some, T),
            padded(found.dv, some, T),
          ];
        });
        dq.dispose();
        dq = sum!;
        const contribution = await packed(dk!, dv!);
        tf.dispose([dk!, dv!]);
        await travellers.pass(contribution);
      }
      const home = await travellers.home(await packed(own.dk, own.dv));
      tf.dispose([along, own.dk, own.dv]);
      return [dq, ...tf.tidy(() => unpacked(home, k!.shape))];
    },
  };
}

type Range = readonly [begin: number, end: number];

const tokens = (x: tf.Tensor, [begin, end]: Range) =>
  tf.slice(x, [0, 0, begin, 0], [-1, -1, end - begin, -1]);

const padded = (x: tf.Tensor, [begin, end]: Range, T: number) =>
  tf.pad(x, [
    [0, 0],
    [0, 0],
    [begin, T - end],
    [0, 0],
  ]);

/** Merges what the queries from `begin` on have found; those before keep what they had. */
function mergeFrom(whole: PartialAttention, found: PartialAttention, begin: number): PartialAttention {
  if (begin === 0) return mergePartial(whole, found);
  const [out, logSum] = [whole.out, whole.logSum].map((x) => tf.split(x, 2, 2));
  const late = mergePartial({ out: out![1]!, logSum: logSum![1]! }, found);
  return { out: tf.concat([out![0]!, late.out], 2), logSum: tf.concat([logSum![0]!, late.logSum], 2) };
}

/** Keys and values as one message. */
async function packed(k: tf.Tensor, v: tf.Tensor): Promise<Float32Array> {
  const both = new Float32Array(k.size + v.size);
  both.set(await numbersOf(k));
  both.set(await numbersOf(v), k.size);
  return both;
}

function unpacked(both: Float32Array, shape: number[]): [tf.Tensor, tf.Tensor] {
  const half = both.length / 2;
  return [tf.tensor(both.slice(0, half), shape), tf.tensor(both.slice(half), shape)];
}
