/** One way to get the gradients of a step and to change the parameters by them. */
import type { Communicator } from '../communicator/index.js';
import type { PipelineStep } from '../pipeline/index.js';

export interface OwnGradients {
  /** Over the micro-batches of all replicas; undefined on ranks whose stages do not end in the loss. */
  loss: number | undefined;
  /** By name, of what this rank has of the gradients; what replicas have alike stands on the first of them only. */
  squares: [name: string, square: number][];
  /** Of a pipeline. */
  measured?: Measured;
}

export type Measured = Pick<PipelineStep, 'events' | 'peakLive' | 'peakBytes'>;

export interface Strategy<Batch> {
  gradients(microBatches: readonly Batch[]): Promise<OwnGradients>;
  /** Whole, on every rank that holds the parameters; all ranks must call it, between `gradients` and `update`. */
  fullGradients(): Promise<ReadonlyMap<string, Float32Array>>;
  /** @param gradientNorm of the whole model */
  update(gradientNorm: number, learningRate: number): Promise<void>;
  dispose(): void;
}

/** Ranks beside this one. */
export interface TrainerGroups {
  /** Replicas, which see other sequences. */
  data: Communicator;
  /** Stages of the model. */
  pipeline: Communicator;
}
