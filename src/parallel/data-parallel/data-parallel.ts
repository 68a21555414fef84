/**
 * Data parallelism: every rank has the whole model and a part of the batch; gradients are averaged in buckets while the backward pass goes on
 * (Li et al. 2020, PyTorch Distributed: Experiences on Accelerating Data Parallel Training, arXiv:2006.15704).
 */
import { read } from '../../compute/read.js';
import { tf } from '../../compute/tf.js';
import { Optimizer } from '../../training/optimizer/optimizer.js';
import type { Communicator, Handle, Numbers } from '../communicator/index.js';
import { type Layer, parametersOf, runLayers, weightsOf } from '../layer.js';
import { Tape } from '../tape/index.js';
import { bucketsOf } from './buckets.js';
import { GradientBuckets } from './gradient-buckets.js';
import { clipFactor, globalNorm, squaredNorm } from './gradient-norm.js';
import { flatLayout, valuesOf } from './layout.js';
import { totalTokens } from './loss-share.js';
import { sumOverRanks } from './numbers-of-ranks.js';
import type { DataParallelOptions, GlobalLoss } from './options.js';
import { broadcastParameters } from './replicate.js';

export interface GlobalGradients extends GlobalLoss {
  /** Of every parameter, the same bits on all ranks; zeros for one that nobody used. */
  gradients: ReadonlyMap<string, Float32Array>;
}

export class DataParallel<Batch> {
  readonly parameters: ReadonlyMap<string, tf.Variable>;
  readonly optimizer: Optimizer;
  readonly #buckets: GradientBuckets;
  #handles: Handle<Numbers>[] = [];

  private constructor(
    private readonly layers: readonly Layer<Batch>[],
    readonly comm: Communicator,
    private readonly options: DataParallelOptions<Batch>,
  ) {
    this.parameters = parametersOf(layers);
    const { decay, rule } = options;
    const names = new Map([...this.parameters].map(([name, variable]) => [variable, name]));
    this.optimizer = new Optimizer([...this.parameters.values()], rule, {
      ...(decay && { decay: (variable) => decay(names.get(variable)!) }),
    });
    const flat = [...this.parameters].map(([name, { shape }]) => ({ name, shape }));
    const layouts = bucketsOf(flat, options).map((bucket) => flatLayout(bucket));
    this.#buckets = new GradientBuckets(layouts, (bucket, data) => {
      this.#handles[bucket] = comm.start.allReduce(data, { reduction: 'mean' });
    });
  }

  /**
   * All ranks call it with the same layers; rank 0's parameters become everybody's.
   * @throws RangeError when the models differ, or an option is out of range
   */
  static async replicate<Batch>(
    layers: readonly Layer<Batch>[],
    comm: Communicator,
    options: DataParallelOptions<Batch>,
  ): Promise<DataParallel<Batch>> {
    const replica = new DataParallel(layers, comm, options);
    await broadcastParameters(replica.parameters, comm);
    return replica;
  }

  /**
   * Loss and gradients of the whole batch. Gradients of several micro-batches are added up on their rank and reduced once, in the last one's
   * backward pass.
   * @param microBatches of this rank; ranks may have different numbers of them
   * @throws RangeError when a rank has none
   */
  async gradients(microBatches: readonly Batch[]): Promise<GlobalGradients> {
    const { comm, options } = this;
    const tokens = microBatches.map((batch) => options.tokens?.(batch) ?? 1);
    const total = await totalTokens(comm, tokens);
    let own = 0;
    for (const [index, batch] of microBatches.entries())
      own += await this.#backward(batch, comm.size / total, index === microBatches.length - 1);
    await this.#buckets.finish();
    const loss = (await sumOverRanks(comm, own)) / total;
    const reduced = await Promise.all(this.#handles.map((handle) => handle.wait()));
    const found = this.#buckets.layouts.flatMap((layout, bucket) => [
      ...valuesOf(layout, reduced[bucket] as Float32Array),
    ]);
    const byName = new Map(found);
    const gradients = new Map([...this.parameters.keys()].map((name) => [name, byName.get(name)!]));
    const squares = [...gradients].map(([name, values]) => [name, squaredNorm(values)] as const);
    return { loss, gradients, gradientNorm: await globalNorm(squares, { others: options.others }) };
  }

  /** One step of the optimizer, the same on all ranks. @param microBatches as for `gradients` */
  async step(microBatches: readonly Batch[]): Promise<GlobalLoss> {
    const { loss, gradients, gradientNorm } = await this.gradients(microBatches);
    const factor = clipFactor(gradientNorm, this.options.maxGradientNorm);
    const tensors = [...this.parameters].map(([name, { shape }]) =>
      tf.tidy(() => {
        const gradient = tf.tensor(gradients.get(name)!, shape);
        return factor === 1 ? gradient : tf.mul(gradient, factor);
      }),
    );
    this.optimizer.step(tensors);
    tf.dispose(tensors);
    return { loss, gradientNorm };
  }

  /** Frees the optimizer's states; the parameters stay. */
  dispose(): void {
    this.optimizer.dispose();
  }

  /** @param weight of this loss in that of the whole batch, times the number of ranks @returns the loss, without it */
  async #backward(batch: Batch, weight: number, reduces: boolean): Promise<number> {
    const tape = new Tape();
    const seed = tf.scalar(weight);
    try {
      const weights = weightsOf(tape, this.layers);
      this.#buckets.watch(tape, weights, reduces);
      const loss = await runLayers(tape, this.layers, weights, batch);
      const [value] = await read(loss.tensor);
      await tape.backward(loss, seed);
      return value!;
    } finally {
      seed.dispose();
      tape.dispose();
    }
  }
}
