/**
 * ZeRO: data parallelism whose ranks divide what they would all keep alike: optimizer states, then gradients, then parameters (Rajbhandari et al. 2020, ZeRO: Memory
 * Optimizations Toward Training Trillion Parameter Models, arXiv:1910.02054). Of S bytes of parameters, stages 1 and 2 send as much as data
 * parallelism, 2 (n − 1)/n S per rank and step, stage 3 half as much again.
 */
import { tf } from '../../compute/tf.js';
import type { Communicator } from '../communicator/index.js';
import { clipFactor, globalNorm, squaredNorm } from '../data-parallel/gradient-norm.js';
import { piecesOfPart, valuesOf } from '../data-parallel/layout.js';
import { totalTokens } from '../data-parallel/loss-share.js';
import { sumOverRanks } from '../data-parallel/numbers-of-ranks.js';
import type { GlobalLoss } from '../data-parallel/options.js';
import { broadcastParameters } from '../data-parallel/replicate.js';
import { type Layer, parametersOf } from '../layer.js';
import { LiveBytes } from './live-bytes.js';
import { checkZeroOptions, type ZeroOptions } from './options.js';
import { ShardedBackward } from './sharded-backward.js';
import { Unit } from './unit.js';
import { layoutsOf } from './units.js';

export interface ZeroStep extends GlobalLoss {
  /** Of mixed precision: the gradients had overflowed, and nothing was changed. */
  skipped: boolean;
}

export class Zero<Batch> {
  /** Of this rank. */
  readonly bytes = new LiveBytes();
  readonly units: readonly Unit[];
  /** Of the next step; a schedule assigns it. */
  learningRate: number;
  /** Steps taken so far. */
  steps = 0;
  readonly #variables: ReadonlyMap<string, tf.Variable>;
  readonly #backward: ShardedBackward<Batch>;

  private constructor(
    layers: readonly Layer<Batch>[],
    readonly comm: Communicator,
    readonly options: ZeroOptions<Batch>,
  ) {
    checkZeroOptions(options);
    this.learningRate = options.rule.learningRate;
    this.#variables = parametersOf(layers);
    this.units = layoutsOf(layers, comm.size, options).map(
      (layout) => new Unit(layout, comm, options, this.#variables, this.bytes),
    );
    this.#backward = new ShardedBackward(layers, comm, options, this.#variables, this.units, this.bytes);
  }

  /**
   * All ranks call it with the same layers; rank 0's parameters become everybody's. Where ranks do not keep them whole in float32, the layers'
   * variables are freed.
   * @throws RangeError when the models differ, or an option does not fit
   */
  static async shard<Batch>(
    layers: readonly Layer<Batch>[],
    comm: Communicator,
    options: ZeroOptions<Batch>,
  ): Promise<Zero<Batch>> {
    const zero = new Zero(layers, comm, options);
    await broadcastParameters(zero.#variables, comm);
    for (const unit of zero.units) await unit.begin();
    const variables = [...zero.#variables.values()];
    if (zero.#backward.gathers) tf.dispose(variables);
    else for (const { size } of variables) zero.bytes.allocated('parameters', 4 * size);
    return zero;
  }

  /**
   * Loss and gradients of the whole batch; each rank keeps its part of the gradients until the update. Stage 1 reduces them once, stages 2 and 3, which
   * do not keep them whole, in the backward pass of each micro-batch.
   * @param microBatches of this rank @throws RangeError when a rank has none, or, in stages 2 and 3, another number than others
   */
  async gradients(microBatches: readonly Batch[]): Promise<GlobalLoss> {
    const { comm, options } = this;
    const { stage, lossScale = 1 } = options;
    for (const unit of this.units) if (unit.gradient) unit.freeGradient();
    const tokens = microBatches.map((batch) => options.tokens?.(batch) ?? 1);
    const total = await totalTokens(comm, tokens, stage > 1);
    let own = 0;
    for (const [index, batch] of microBatches.entries()) {
      const reduces = stage > 1 || index === microBatches.length - 1;
      own += await this.#backward.run(batch, (lossScale * comm.size) / total, reduces);
    }
    const loss = (await sumOverRanks(comm, own)) / total;
    const squares = this.units.flatMap((unit) => {
      const gradient = unit.floatGradient();
      return piecesOfPart(unit.layout, comm.rank).map(
        ({ name, at, length }) => [name, squaredNorm(gradient.subarray(at, at + length))] as const,
      );
    });
    return { loss, gradientNorm: await globalNorm(squares, { shards: comm, others: options.others }) };
  }

  /** Changes the parameters by the gradients that are there, and frees those. @returns false where an overflow forbids it */
  async update(gradientNorm: number): Promise<boolean> {
    const { precision, maxGradientNorm } = this.options;
    if (precision === 'mixed' && !Number.isFinite(gradientNorm)) {
      for (const unit of this.units) unit.freeGradient();
      return false;
    }
    const factor = clipFactor(gradientNorm, maxGradientNorm);
    this.steps++;
    for (const unit of this.units) await unit.update(factor, this.steps, this.learningRate);
    return true;
  }

  /** @param microBatches as for `gradients` */
  async step(microBatches: readonly Batch[]): Promise<ZeroStep> {
    const found = await this.gradients(microBatches);
    return { ...found, skipped: !(await this.update(found.gradientNorm)) };
  }

  /** All parameters in float32, on every rank. */
  async fullParameters(): Promise<Map<string, Float32Array>> {
    return this.#full((unit) => unit.parameters());
  }

  /** All gradients, on every rank, between `gradients` and `update`. */
  async fullGradients(): Promise<Map<string, Float32Array>> {
    return this.#full(async (unit) => unit.floatGradient());
  }

  /** Frees what is kept between steps; variables that the layers still compute with stay. */
  dispose(): void {
    for (const unit of this.units) unit.dispose();
  }

  async #full(partOf: (unit: Unit) => Promise<Float32Array>): Promise<Map<string, Float32Array>> {
    const all = new Map<string, Float32Array>();
    for (const unit of this.units) {
      const whole = await this.comm.allGather(await partOf(unit));
      for (const [name, values] of valuesOf(unit.layout, whole)) all.set(name, values);
    }
    return new Map([...this.#variables.keys()].map((name) => [name, all.get(name)!]));
  }
}

/**
 * FSDP2's form of stage 3 (PyTorch's fully_shard): each parameter is divided along its first dimension, and a layer is gathered in one call.
 * @param options with `reshardAfterForward` false a layer is gathered once, and stays until its backward pass: the bytes sent are those of stage 2
 */
export function fullyShard<Batch>(
  layers: readonly Layer<Batch>[],
  comm: Communicator,
  options: Omit<ZeroOptions<Batch>, 'stage' | 'partition'>,
): Promise<Zero<Batch>> {
  return Zero.shard(layers, comm, { ...options, stage: 3, partition: 'rows' });
}
