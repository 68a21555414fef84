/** Bytes of a rank that are allocated at the moment, and at most so far, by what they hold. */

export const byteKinds = ['parameters', 'gradients', 'optimizerStates', 'gathered', 'buckets'] as const;
/**
 * Kept between steps: `parameters`, `optimizerStates`, and from a backward pass to the update `gradients`. For a time only: `gathered` weights
 * of layers, and `buckets` of gradients that are being reduced.
 */
export type ByteKind = (typeof byteKinds)[number];

export class LiveBytes {
  readonly #live = new Map<ByteKind, number>();
  readonly #peak = new Map<ByteKind, number>();

  live(kind: ByteKind): number {
    return this.#live.get(kind) ?? 0;
  }

  peak(kind: ByteKind): number {
    return this.#peak.get(kind) ?? 0;
  }

  allocated(kind: ByteKind, bytes: number): void {
    const live = this.live(kind) + bytes;
    this.#live.set(kind, live);
    this.#peak.set(kind, Math.max(this.peak(kind), live));
  }

  freed(kind: ByteKind, bytes: number): void {
    this.#live.set(kind, this.live(kind) - bytes);
  }

  /** What is kept between steps. */
  get modelStates(): number {
    return this.live('parameters') + this.live('gradients') + this.live('optimizerStates');
  }
}
