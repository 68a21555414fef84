/**
 * A pipeline per replica: the gradients of all its micro-batches are averaged over the replicas after the last of them, since before it
 * they are not complete, whatever the schedule; ZeRO 1 keeps a part of the optimizer's states on each replica.
 */
import { read } from '../../compute/read.js';
import { tf } from '../../compute/tf.js';
import { Optimizer } from '../../training/optimizer/optimizer.js';
import {
  broadcastParameters,
  clipFactor,
  type DataParallelOptions,
  flatLayout,
  sumOverRanks,
} from '../data-parallel/index.js';
import { valuesOf } from '../data-parallel/layout.js';
import type { Layer } from '../layer.js';
import { Pipeline, type PipelineOptions, type Schedule } from '../pipeline/index.js';
import type { ZeroStage } from '../plan/index.js';
import { Zero } from '../zero/index.js';
import { squaresOf, squaresOfParts } from './data-strategy.js';
import type { OwnGradients, Strategy, TrainerGroups } from './strategy.js';

export interface PipelineStages<Batch> extends PipelineOptions<Batch> {
  schedule: Schedule;
  /** By number; those of other ranks may be left out. */
  stages: readonly (readonly Layer<Batch>[] | undefined)[];
}

/** @throws RangeError for ZeRO 2 and 3, which work in each backward pass */
export async function pipelineStrategy<Batch>(
  { schedule, stages, boundary }: PipelineStages<Batch>,
  groups: TrainerGroups,
  zero: ZeroStage,
  options: DataParallelOptions<Batch>,
): Promise<Strategy<Batch>> {
  if (zero > 1)
    throw new RangeError(
      `ZeRO ${zero} reduces the gradients in the backward pass of every micro-batch, which in a pipeline costs as many times the messages; with pipeline ranks take ZeRO 1 or 0`,
    );
  const pipeline = await Pipeline.make(groups.pipeline, schedule, stages, { boundary });
  const own = stages.flatMap((layers, stage) =>
    schedule.rankOf[stage] === groups.pipeline.rank ? (layers ?? []) : [],
  );
  if (zero === 1)
    return new ShardedPipeline(
      pipeline,
      groups,
      await Zero.shard(own, groups.data, { ...options, stage: 1 }),
    );
  await broadcastParameters(pipeline.parameters, groups.data);
  return new ReplicatedPipeline(pipeline, groups, options);
}

abstract class PipelineStrategy<Batch> implements Strategy<Batch> {
  constructor(
    protected readonly pipeline: Pipeline<Batch>,
    protected readonly groups: TrainerGroups,
  ) {}

  async gradients(microBatches: readonly Batch[]): Promise<OwnGradients> {
    const { data } = this.groups;
    const { gradients, loss, events, peakLive, peakBytes } = await this.pipeline.step(microBatches);
    const values = new Map<string, Float32Array>();
    for (const [name, gradient] of gradients) values.set(name, (await read(gradient)) as Float32Array);
    tf.dispose([...gradients.values()]);
    const squares = await this.reduce(values);
    const isTiedElsewhere = (name: string) =>
      this.pipeline.tied.some(
        ({ ranks, names }) => ranks[0] !== this.pipeline.comm.rank && names.includes(name),
      );
    return {
      // The last stages of all replicas are the same rank of their pipelines.
      loss: loss === undefined ? undefined : (await sumOverRanks(data, loss)) / data.size,
      squares: squares.filter(([name]) => !isTiedElsewhere(name)),
      measured: { events, peakLive, peakBytes },
    };
  }

  /** Averages over the replicas. @returns the squares of what this rank has of the means */
  protected abstract reduce(gradients: ReadonlyMap<string, Float32Array>): Promise<[string, number][]>;
  abstract fullGradients(): Promise<ReadonlyMap<string, Float32Array>>;
  abstract update(gradientNorm: number, learningRate: number): Promise<void>;
  abstract dispose(): void;
}

class ReplicatedPipeline<Batch> extends PipelineStrategy<Batch> {
  readonly #optimizer: Optimizer;
  #gradients: ReadonlyMap<string, Float32Array> = new Map();

  constructor(
    pipeline: Pipeline<Batch>,
    groups: TrainerGroups,
    private readonly options: DataParallelOptions<Batch>,
  ) {
    super(pipeline, groups);
    const names = new Map([...pipeline.parameters].map(([name, variable]) => [variable, name]));
    this.#optimizer = new Optimizer([...pipeline.parameters.values()], options.rule, {
      decay: (variable) => options.decay?.(names.get(variable)!) ?? true,
    });
  }

  protected async reduce(gradients: ReadonlyMap<string, Float32Array>): Promise<[string, number][]> {
    const { data } = this.groups;
    const layout = flatLayout([...this.pipeline.parameters].map(([name, { shape }]) => ({ name, shape })));
    const whole = new Float32Array(layout.length);
    for (const { name, at } of layout.pieces) whole.set(gradients.get(name)!, at);
    if (data.size > 1) await data.allReduce(whole, { reduction: 'mean' });
    this.#gradients = valuesOf(layout, whole);
    return data.rank === 0 ? squaresOf(this.#gradients) : [];
  }

  async fullGradients(): Promise<ReadonlyMap<string, Float32Array>> {
    return this.#gradients;
  }

  async update(gradientNorm: number, learningRate: number): Promise<void> {
    const factor = clipFactor(gradientNorm, this.options.maxGradientNorm);
    const tensors = [...this.pipeline.parameters].map(([name, { shape }]) =>
      tf.tidy(() => tf.mul(tf.tensor(this.#gradients.get(name)!, shape), factor)),
    );
    this.#optimizer.learningRate = learningRate;
    this.#optimizer.step(tensors);
    tf.dispose(tensors);
    this.#gradients = new Map();
  }

  dispose(): void {
    this.#optimizer.dispose();
  }
}

class ShardedPipeline<Batch> extends PipelineStrategy<Batch> {
  constructor(
    pipeline: Pipeline<Batch>,
    groups: TrainerGroups,
    private readonly zero: Zero<Batch>,
  ) {
    super(pipeline, groups);
  }

  protected async reduce(gradients: ReadonlyMap<string, Float32Array>): Promise<[string, number][]> {
    for (const unit of this.zero.units) {
      if (unit.gradient) unit.freeGradient();
      const whole = new Float32Array(unit.layout.length);
      for (const { name, at } of unit.layout.pieces) whole.set(gradients.get(name)!, at);
      unit.addGradient(await this.groups.data.reduceScatter(whole, { reduction: 'mean' }));
    }
    return squaresOfParts(this.zero);
  }

  fullGradients(): Promise<ReadonlyMap<string, Float32Array>> {
    return this.zero.fullGradients();
  }

  async update(gradientNorm: number, learningRate: number): Promise<void> {
    this.zero.learningRate = learningRate;
    await this.zero.update(gradientNorm);
  }

  dispose(): void {
    this.zero.dispose();
  }
}
