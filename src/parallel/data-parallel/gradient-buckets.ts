/**
 * Gradients on their way from tapes to other ranks: the hook of each weight adds its gradient to a bucket, and a bucket whose last gradient is
 * there is reduced while the backward pass goes on. Buckets are started in their order on all ranks, whatever order gradients come in.
 */
import { read } from '../../compute/read.js';
import type { Numbers } from '../communicator/index.js';
import type { Tape, Value } from '../tape/index.js';
import { addToHalves } from './halves.js';
import type { Layout } from './layout.js';

/** Begins to reduce a bucket, whose numbers are now its own. Its promise may wait for earlier ones, not for the result. */
export type ReduceBucket = (bucket: number, data: Numbers) => void | Promise<void>;

export interface GradientBucketsOptions {
  /** Gradients are kept and added as halves, packed in pairs. */
  half?: boolean;
  /** Told the bytes of a bucket when it comes to be. */
  onAllocate?: (bytes: number) => void;
}

export class GradientBuckets {
  readonly #bucketOf = new Map<string, number>();
  readonly #data: (Numbers | undefined)[];
  /** What this backward pass still owes to each bucket. */
  #missing: Set<string>[] = [];
  #next = 0;

  constructor(
    readonly layouts: readonly Layout[],
    private readonly reduce: ReduceBucket,
    private readonly options: GradientBucketsOptions = {},
  ) {
    this.#data = layouts.map(() => undefined);
    for (const [bucket, { parameters }] of layouts.entries())
      for (const { name } of parameters) this.#bucketOf.set(name, bucket);
  }

  /**
   * Sets the hooks of a tape's weights, which take their gradients off the tape.
   * @param reduces false: gradients are only added up, as in PyTorch's no_sync; those of the next backward pass join them
   */
  watch(tape: Tape, weights: ReadonlyMap<string, Value>, reduces = true): void {
    if (reduces) {
      this.#missing = this.layouts.map(({ parameters }) => new Set(parameters.map(({ name }) => name)));
      this.#next = 0;
    }
    for (const [name, value] of weights) {
      const bucket = this.#bucketOf.get(name)!;
      value.hook = async (gradient) => {
        this.#add(bucket, name, (await read(gradient)) as Float32Array);
        tape.freeGradient(value);
        if (!reduces) return;
        this.#missing[bucket]!.delete(name);
        while (this.#isNextComplete(weights)) await this.#startNext();
      };
    }
  }

  /** Starts the buckets up to this one (default: all). What got no gradient has zeros. */
  async finish(last = this.layouts.length - 1): Promise<void> {
    while (this.#next <= last) await this.#startNext();
  }

  /** What nobody used, or has still to pass backwards, holds up no bucket. */
  #isNextComplete(weights: ReadonlyMap<string, Value>): boolean {
    const missing = this.#missing[this.#next];
    if (!missing) return false;
    for (const name of missing) if (weights.get(name)!.pending === 0) missing.delete(name);
    return missing.size === 0;
  }

  async #startNext(): Promise<void> {
    const bucket = this.#next++;
    const data = this.#dataOf(bucket);
    this.#data[bucket] = undefined;
    await this.reduce(bucket, data);
  }

  #add(bucket: number, name: string, gradient: Float32Array): void {
    const data = this.#dataOf(bucket);
    for (const piece of this.layouts[bucket]!.pieces) {
      if (piece.name !== name) continue;
      const part = gradient.subarray(piece.from, piece.from + piece.length);
      if (data instanceof Int32Array) addToHalves(data, piece.at, part);
      else for (let i = 0; i < part.length; i++) data[piece.at + i]! += part[i]!;
    }
  }

  #dataOf(bucket: number): Numbers {
    const kept = this.#data[bucket];
    if (kept) return kept;
    const { length } = this.layouts[bucket]!;
    const data = this.options.half ? new Int32Array(Math.ceil(length / 2)) : new Float32Array(length);
    this.#data[bucket] = data;
    this.options.onAllocate?.(data.byteLength);
    return data;
  }
}
