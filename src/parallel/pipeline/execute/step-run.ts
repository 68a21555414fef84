/** One rank's step of a pipeline: what it keeps between its actions, and what each of them does. */
import { read } from '../../../compute/read.js';
import { tf } from '../../../compute/tf.js';
import type { Communicator } from '../../communicator/index.js';
import type { Layer } from '../../layer.js';
import type { Action, Schedule } from '../action.js';
import type { TimedAction } from '../simulate.js';
import { GradientSums } from './gradient-sums.js';
import { Links } from './links.js';
import { StagePass } from './stage-pass.js';

export interface PipelineEvent extends TimedAction {
  rank: number;
}

export interface StepParts<Batch> {
  comm: Communicator;
  schedule: Schedule;
  /** Those of this rank, by stage. */
  stages: readonly (readonly Layer<Batch>[] | undefined)[];
  batches: readonly Batch[];
  /** What each micro-batch's loss counts for. */
  weights: readonly number[];
  boundary: (batch: Batch) => readonly number[];
}

export class StepRun<Batch> {
  readonly links: Links;
  readonly sums = new GradientSums();
  readonly losses: number[] = [];
  readonly events: PipelineEvent[] = [];
  peakLive = 0;
  peakBytes = 0;
  readonly #live = new Map<string, StagePass<Batch>>();

  constructor(private readonly parts: StepParts<Batch>) {
    this.links = new Links(parts.comm, parts.schedule);
  }

  async act(action: Action): Promise<void> {
    const { rank, traffic } = this.parts.comm;
    const given = await this.#given(action);
    const start = traffic.now();
    if (action.kind === 'F') await this.#forward(action, given);
    else if (action.kind === 'W') await this.#backwardOfWeights(action);
    else await this.#backward(action, given!);
    this.events.push({ ...action, rank, start, end: traffic.now() });
    const bytes = [...this.#live.values()].reduce((sum, pass) => sum + pass.bytes, 0);
    this.peakBytes = Math.max(this.peakBytes, bytes);
  }

  dispose(): void {
    for (const pass of this.#live.values()) pass.dispose();
    this.#live.clear();
    this.links.dispose();
    this.sums.dispose();
  }

  /** What the action starts from: the neighbour's activation or gradient, or the share of the loss; undefined where it is the batch. */
  async #given({ kind, stage, microBatch }: Action): Promise<tf.Tensor | undefined> {
    const { schedule, batches, weights, boundary } = this.parts;
    if (kind === 'W' || (kind === 'F' && stage === 0)) return undefined;
    const shape = () => boundary(batches[microBatch]!);
    if (kind === 'F') return this.links.take(stage - 1, stage, microBatch, 'forward', shape());
    // The loss is a mean over the step: who leaves the share out has gradients that are m times too large.
    if (stage === schedule.stages - 1) return tf.scalar(weights[microBatch]!);
    return this.links.take(stage + 1, stage, microBatch, 'backward', shape());
  }

  async #forward({ stage, microBatch }: Action, received: tf.Tensor | undefined): Promise<void> {
    const { schedule, stages, batches } = this.parts;
    const pass = new StagePass(stages[stage]!, received);
    this.#live.set(`${stage} ${microBatch}`, pass);
    this.peakLive = Math.max(this.peakLive, this.#live.size);
    const output = await pass.forward(batches[microBatch]!);
    if (stage === schedule.stages - 1) this.losses[microBatch] = (await read(output))[0]!;
    else await this.links.give(tf.clone(output), stage + 1, microBatch, 'forward');
  }

  async #backward({ kind, stage, microBatch }: Action, gradient: tf.Tensor): Promise<void> {
    const pass = this.#passOf(stage, microBatch);
    try {
      await pass.backward(gradient, kind === 'I');
    } finally {
      gradient.dispose();
    }
    if (stage > 0) await this.links.give(pass.inputGradient(), stage - 1, microBatch, 'backward');
    if (kind === 'B') this.#end(stage, microBatch);
  }

  async #backwardOfWeights({ stage, microBatch }: Action): Promise<void> {
    await this.#passOf(stage, microBatch).backwardOfWeights();
    this.#end(stage, microBatch);
  }

  #passOf(stage: number, microBatch: number): StagePass<Batch> {
    return this.#live.get(`${stage} ${microBatch}`)!;
  }

  #end(stage: number, microBatch: number): void {
    const pass = this.#passOf(stage, microBatch);
    for (const [name, gradient] of pass.weightGradients) this.sums.add(stage, name, gradient);
    pass.dispose();
    this.#live.delete(`${stage} ${microBatch}`);
  }
}
