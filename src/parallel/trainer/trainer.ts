/**
 * One step of training in any layout: gradients by one of the strategies, one norm over everything, and the update. What happens inside layers (tensor,
 * context, expert parallelism) is the model's own.
 */
import type { Communicator } from '../communicator/index.js';
import { type DataParallelOptions, numbersOfRanks } from '../data-parallel/index.js';
import type { Layer } from '../layer.js';
import type { ZeroStage } from '../plan/index.js';
import { dataStrategy } from './data-strategy.js';
import { type PipelineStages, pipelineStrategy } from './pipeline-strategy.js';
import type { Measured, Strategy, TrainerGroups } from './strategy.js';

export interface TrainerOptions<Batch> extends Omit<DataParallelOptions<Batch>, 'others' | 'tokens'> {
  groups: TrainerGroups;
  /** ZeRO's stage; default 0, replicas. */
  zero?: ZeroStage;
  /** The whole model, where there is one stage. */
  layers?: readonly Layer<Batch>[];
  /** Its pieces, where there are several. */
  pipeline?: PipelineStages<Batch>;
  /**
   * Whether a number of this parameter counts on this rank; of equal copies on several ranks of a replica (tensor, context, expert ranks) one does.
   * Default: all do.
   */
  counts?: (name: string) => boolean;
}

export interface TrainingStep {
  /** Before the update, over the micro-batches of all replicas; the same on all ranks. */
  loss: number;
  /** Of all gradients, each number once; the same on all ranks. */
  gradientNorm: number;
  /** Of a pipeline. */
  measured?: Measured;
}

export class Trainer<Batch> {
  #norm = 0;

  private constructor(
    private readonly world: Communicator,
    private readonly strategy: Strategy<Batch>,
    private readonly counts: (name: string) => boolean,
    /** Of the next step; a schedule assigns it. */
    public learningRate: number,
  ) {}

  /**
   * All ranks of the world must call it.
   * @throws RangeError when neither layers nor a pipeline are given, or they do not fit the groups
   */
  static async make<Batch>(world: Communicator, options: TrainerOptions<Batch>): Promise<Trainer<Batch>> {
    const { groups, zero = 0, layers, pipeline, counts = () => true, ...common } = options;
    if ((layers === undefined) === (pipeline === undefined))
      throw new RangeError('Trainer: give either layers or a pipeline');
    const strategy = pipeline
      ? await pipelineStrategy(pipeline, groups, zero, common)
      : await dataStrategy(layers!, groups, zero, common);
    return new Trainer(world, strategy, counts, options.rule.learningRate);
  }

  /** @param microBatches of this replica; as many on every rank */
  async gradients(microBatches: readonly Batch[]): Promise<TrainingStep> {
    const { loss, squares, measured } = await this.strategy.gradients(microBatches);
    const own = squares.reduce((sum, [name, square]) => sum + (this.counts(name) ? square : 0), 0);
    const hasLoss = loss === undefined ? 0 : 1;
    const all = await numbersOfRanks(this.world, [own, hasLoss, loss ?? 0]);
    this.#norm = Math.sqrt(all.reduce((sum, [square]) => sum + square!, 0));
    const first = all.find(([, has]) => has === 1)!;
    return { loss: first[2]!, gradientNorm: this.#norm, ...(measured && { measured }) };
  }

  /** Whole gradients of this rank's parameters, between `gradients` and `update`; all ranks must call it. */
  fullGradients(): Promise<ReadonlyMap<string, Float32Array>> {
    return this.strategy.fullGradients();
  }

  update(): Promise<void> {
    return this.strategy.update(this.#norm, this.learningRate);
  }

  async step(microBatches: readonly Batch[]): Promise<TrainingStep> {
    const found = await this.gradients(microBatches);
    await this.update();
    return found;
  }

  /** Frees the optimizer's states; parameters stay. */
  dispose(): void {
    this.strategy.dispose();
  }
}
