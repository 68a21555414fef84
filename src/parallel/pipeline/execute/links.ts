/** What stages give each other: messages between ranks, or the tensor itself where both are on one. */
import { read } from '../../../compute/read.js';
import { tf } from '../../../compute/tf.js';
import type { Communicator } from '../../communicator/index.js';
import type { Schedule } from '../action.js';

/** An activation on its way to the next stage, or a gradient on its way back. */
export type Direction = 'forward' | 'backward';

export class Links {
  readonly #sent: Promise<void>[] = [];
  /** For a stage on this rank, from another on it. */
  readonly #kept = new Map<number, tf.Tensor>();

  constructor(
    private readonly comm: Communicator,
    private readonly schedule: Schedule,
  ) {}

  /** Starts a message and waits for nobody, so that no order of sends can stop the pipeline. @param tensor is freed */
  async give(tensor: tf.Tensor, to: number, microBatch: number, direction: Direction): Promise<void> {
    const tag = this.#tag(to, microBatch, direction);
    const rank = this.schedule.rankOf[to]!;
    if (rank === this.comm.rank) {
      this.#kept.set(tag, tensor);
      return;
    }
    const data = await read(tensor);
    tensor.dispose();
    this.#sent.push(this.comm.start.send(data, rank, tag).wait());
  }

  /** What `from` has given for stage `to`; the tensor is the caller's. */
  async take(
    from: number,
    to: number,
    microBatch: number,
    direction: Direction,
    shape: readonly number[],
  ): Promise<tf.Tensor> {
    const tag = this.#tag(to, microBatch, direction);
    const kept = this.#kept.get(tag);
    if (kept) {
      this.#kept.delete(tag);
      return kept;
    }
    const data = await this.comm.receive(this.schedule.rankOf[from]!, tag);
    if (data.length !== shape.reduce((product, size) => product * size, 1))
      throw new RangeError(
        `stage ${to} received ${data.length} numbers from stage ${from} for micro-batch ${microBatch}, but expects shape [${shape}]`,
      );
    return tf.tensor(data, [...shape]);
  }

  async end(): Promise<void> {
    await Promise.all(this.#sent);
  }

  /** Nothing is left here unless an action failed. */
  dispose(): void {
    tf.dispose([...this.#kept.values()]);
    this.#kept.clear();
  }

  /** Every boundary, micro-batch and direction has a tag of its own. */
  #tag(to: number, microBatch: number, direction: Direction): number {
    return 2 * (to * this.schedule.microBatches + microBatch) + (direction === 'forward' ? 0 : 1);
  }
}
