/**
 * Runs a schedule for real: this rank's actions in their order, on a communicator of the pipeline's ranks. Synchronous: weights change after the
 * last micro-batch only, so that every schedule gives the gradients of one rank that sums over the same micro-batches.
 */

import type { tf } from '../../../compute/tf.js';
import { formatCount } from '../../../display/format.js';
import type { Communicator } from '../../communicator/index.js';
import { type Layer, parametersOf } from '../../layer.js';
import type { Schedule } from '../action.js';
import { validateSchedule } from '../validate.js';
import { type PipelineEvent, StepRun } from './step-run.js';
import { reduceTied, type TiedGroup, tiedGroups } from './tied.js';

export interface PipelineOptions<Batch> {
  /** The shape of what a stage gives the next one, e.g. [B,T,C]: messages carry numbers only. */
  boundary: (batch: Batch) => readonly number[];
}

export interface StepOptions {
  /**
   * What each micro-batch's loss counts for; default 1/m each, the mean. For means over tokens: a micro-batch's share of all
   * tokens of the step.
   */
  weights?: readonly number[];
}

export interface PipelineStep {
  /** The weighted sum over the micro-batches, on the rank of the last stage; undefined elsewhere. */
  loss: number | undefined;
  /** Of each micro-batch, by number; empty where `loss` is undefined. */
  losses: number[];
  /** Of this rank's parameters, by name; the caller's to free. */
  gradients: Map<string, tf.Tensor>;
  /** How many passes were alive at once at most: tapes between F and B, or W. */
  peakLive: number;
  /** Bytes of the activations they kept at most, at the end of an action. */
  peakBytes: number;
  /** When each action computed, in ms, on the clock of `comm.traffic.events`. */
  events: PipelineEvent[];
}

export class Pipeline<Batch> {
  private constructor(
    readonly comm: Communicator,
    readonly schedule: Schedule,
    private readonly stages: readonly (readonly Layer<Batch>[] | undefined)[],
    private readonly options: PipelineOptions<Batch>,
    /** Of this rank's stages, each once. */
    readonly parameters: ReadonlyMap<string, tf.Variable>,
    readonly tied: readonly TiedGroup[],
  ) {}

  /**
   * All ranks must call it. Parameters with one name on several ranks are tied: the ranks' copies start with the values of the first.
   * @param stages by number; those of other ranks are not looked at and may be left out
   * @throws RangeError when the schedule is wrong, or ranks or stages are not those it is for
   */
  static async make<Batch>(
    comm: Communicator,
    schedule: Schedule,
    stages: readonly (readonly Layer<Batch>[] | undefined)[],
    options: PipelineOptions<Batch>,
  ): Promise<Pipeline<Batch>> {
    validateSchedule(schedule);
    if (comm.size !== schedule.ranks)
      throw new RangeError(
        `${schedule.name} is a schedule for ${formatCount(schedule.ranks, 'rank')}, but ${comm.name} has ${comm.size}`,
      );
    if (stages.length !== schedule.stages)
      throw new RangeError(
        `${schedule.name} has ${formatCount(schedule.stages, 'stage')}, but the model is cut into ${stages.length}; use cutIntoStages(layers, ${schedule.stages})`,
      );
    const own = stages.filter((_, stage) => schedule.rankOf[stage] === comm.rank);
    for (const [stage, layers] of stages.entries())
      if (schedule.rankOf[stage] === comm.rank && !layers?.length)
        throw new RangeError(
          `stage ${stage} of rank ${comm.rank} has no layers; every stage needs at least one`,
        );
    const parameters = parametersOf(own.flatMap((layers) => layers ?? []));
    return new Pipeline(comm, schedule, stages, options, parameters, await tiedGroups(comm, parameters));
  }

  /**
   * One step's forward and backward passes. An `overlapped` pair runs one after the other: a rank is one thread.
   * @param batches one per micro-batch, on every rank: the first stage reads the inputs, the last the targets
   * @throws RangeError when there are not as many as the schedule is for, or a stage receives another shape than it expects
   */
  async step(batches: readonly Batch[], { weights }: StepOptions = {}): Promise<PipelineStep> {
    const { comm, schedule } = this;
    const { microBatches } = schedule;
    for (const [what, { length }] of Object.entries({
      'micro-batches': batches,
      ...(weights && { weights }),
    }))
      if (length !== microBatches)
        throw new RangeError(`${schedule.name} got ${length} ${what}; this schedule is for ${microBatches}`);
    const shares = weights ?? batches.map(() => 1 / microBatches);
    const { boundary } = this.options;
    const run = new StepRun({ comm, schedule, stages: this.stages, batches, weights: shares, boundary });
    try {
      for (const action of schedule.orders[comm.rank]!) await run.act(action);
      await run.links.end();
      const gradients = run.sums.take(this.parameters);
      await reduceTied(this.tied, gradients);
      const { losses, peakLive, peakBytes, events } = run;
      const hasLoss = schedule.rankOf.at(-1) === comm.rank;
      const loss = hasLoss ? losses.reduce((sum, value, n) => sum + value * shares[n]!, 0) : undefined;
      return { loss, losses, gradients, peakLive, peakBytes, events };
    } finally {
      run.dispose();
    }
  }
}
