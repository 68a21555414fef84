/**
 * The keys and values of the tokens seen so far, so that decoding projects and attends for the new tokens only. With
 * fewer key/value heads (arXiv:1911.02150, arXiv:2305.13245) or a sliding window the cache shrinks in proportion.
 *
 * Tokens are appended by concatenation. tfjs has no writes in place: a buffer of full capacity would be copied as a
 * whole for every token, a concatenation copies what is there.
 */

import { requireAxes, requireFloat32, sameShape, shown } from '../../compute/shapes.js';
import { tf } from '../../compute/tf.js';

export interface KvCacheOptions {
  /** Tokens that may be held at once; more throw. Default no limit. */
  capacity?: number;
  /** Keep only what a window of that many keys can still see: before an append, its last window - 1 tokens. */
  window?: number;
}

/** For inference: appending is not differentiable. Keys are stored as given, so rotate them first (RoPE). */
export class KvCache {
  private keys: tf.Tensor | undefined;
  private values: tf.Tensor | undefined;
  private seen = 0;
  private readonly capacity: number;
  private readonly window: number;

  /** @throws RangeError when capacity or window is not a whole number >= 1 (or Infinity). */
  constructor({
    capacity = Number.POSITIVE_INFINITY,
    window = Number.POSITIVE_INFINITY,
  }: KvCacheOptions = {}) {
    for (const [name, value] of Object.entries({ capacity, window })) {
      if (!(value >= 1 && (Number.isInteger(value) || value === Number.POSITIVE_INFINITY))) {
        throw new RangeError(`KvCache: ${name} must be a whole number >= 1, got ${value}`);
      }
    }
    this.capacity = capacity;
    this.window = window;
  }

  /** Tokens held: S of the tensors that `append` returned last. */
  get length(): number {
    return this.keys?.shape[2] ?? 0;
  }

  /** Tokens appended so far, which is the position of the next one. */
  get position(): number {
    return this.seen;
  }

  /** Bytes of the tensors held: 2 B K S D numbers of 4 bytes. */
  get bytes(): number {
    return [this.keys, this.values].reduce((sum, held) => sum + (held ? 4 * held.size : 0), 0);
  }

  /**
   * Adds T tokens and returns all that are held, in order. Attend with `causal` (query i of the new tokens then sees
   * keys up to its own) and with the same `window`. The tensors belong to the cache and live until its next change.
   * @param k [B,K,T,D] @param v [B,K,T,D], float32
   * @returns k and v [B,K,S,D]
   * @throws TypeError for other dtypes; RangeError when the shapes do not fit each other or the cache, or more than
   *   `capacity` tokens would be held. The cache is unchanged then.
   */
  append(k: tf.Tensor, v: tf.Tensor): { k: tf.Tensor; v: tf.Tensor } {
    this.check(k, v);
    const first = Math.max(0, this.length - (this.window - 1));
    const held = this.length - first + k.shape[2]!;
    if (held > this.capacity) {
      throw new RangeError(
        `KvCache.append: ${held} tokens do not fit the capacity of ${this.capacity} (holds ${this.length}, got k ${shown(k.shape)}); ` +
          'use a larger capacity, a window, or clear()',
      );
    }
    const [keys, values] = [joined(this.keys, k, first), joined(this.values, v, first)];
    tf.dispose([this.keys, this.values].filter((old) => old !== undefined));
    this.keys = keys;
    this.values = values;
    this.seen += k.shape[2]!;
    return { k: keys, v: values };
  }

  /** Forgets everything and frees the memory; the cache can be used again, from position 0. */
  clear(): void {
    tf.dispose([this.keys, this.values].filter((held) => held !== undefined));
    this.keys = undefined;
    this.values = undefined;
    this.seen = 0;
  }

  private check(k: tf.Tensor, v: tf.Tensor): void {
    requireFloat32('KvCache.append', { k, v });
    requireAxes('KvCache.append', 'k', k.shape, 'B,K,T,D');
    if (!sameShape(k.shape, v.shape)) {
      throw new RangeError(
        `KvCache.append: k and v must have the same shape [B,K,T,D], got k ${shown(k.shape)}, v ${shown(v.shape)}`,
      );
    }
    const held = this.keys?.shape;
    if (held?.some((extent, axis) => axis !== 2 && extent !== k.shape[axis])) {
      throw new RangeError(
        `KvCache.append: k ${shown(k.shape)} must agree with the tokens held, ${shown(held)}, in all axes but the third; clear() starts anew`,
      );
    }
  }
}

/** Tokens of `held` from `first` on, then the new ones, as a tensor that outlives every tidy. */
function joined(held: tf.Tensor | undefined, added: tf.Tensor, first: number): tf.Tensor {
  return tf.keep(
    tf.tidy(() => {
      if (!held || first === held.shape[2]) return tf.clone(added);
      const [B, K, S, D] = held.shape as [number, number, number, number];
      const kept = first === 0 ? held : tf.slice(held, [0, 0, first, 0], [B, K, S - first, D]);
      return tf.concat([kept, added], 2);
    }),
  );
}

export interface KvCacheSize {
  layers: number;
  /** Key/value heads. */
  K: number;
  D: number;
  /** Tokens. */
  S: number;
  /** Default 1. */
  B?: number;
  /** Default 2 (16 bit). */
  bytesPerNumber?: number;
}

/** Bytes of the caches of a whole model: one key and one value of D numbers per token, layer and key/value head. */
export function kvCacheBytes({ layers, K, D, S, B = 1, bytesPerNumber = 2 }: KvCacheSize): number {
  for (const [name, value] of Object.entries({ layers, K, D, S, B, bytesPerNumber })) {
    if (!(value >= 0 && Number.isFinite(value))) {
      throw new RangeError(`kvCacheBytes: ${name} must be a number >= 0, got ${value}`);
    }
  }
  return 2 * layers * K * D * S * B * bytesPerNumber;
}
