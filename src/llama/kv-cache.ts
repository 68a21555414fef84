/**
 * Keys and values of the positions already seen, so that a decode step computes one position instead of all: 2 * layers *
 * B * K * S * D numbers. Each step appends to new tensors; nothing is reserved ahead.
 */
import { tf } from '../compute/tf.js';

export class LayerCaches {
  private readonly layers: { k: tf.Tensor; v: tf.Tensor }[] = [];

  /** S: how many positions are kept. */
  get length(): number {
    return this.layers[0]?.k.shape[2] ?? 0;
  }

  /** Bytes of keys and values. */
  get bytes(): number {
    return this.layers.reduce((sum, { k, v }) => sum + 4 * (k.size + v.size), 0);
  }

  /** Puts what is kept of the layer in front of k and v [B,K,T,D] and keeps the result, which stays the cache's. */
  append(layer: number, k: tf.Tensor, v: tf.Tensor): { k: tf.Tensor; v: tf.Tensor } {
    const before = this.layers[layer];
    const join = (old: tf.Tensor | undefined, fresh: tf.Tensor) =>
      tf.keep(old ? tf.concat([old, fresh], 2) : tf.clone(fresh));
    const after = { k: join(before?.k, k), v: join(before?.v, v) };
    if (before) tf.dispose(before);
    this.layers[layer] = after;
    return after;
  }

  dispose(): void {
    tf.dispose(this.layers);
    this.layers.length = 0;
  }
}
