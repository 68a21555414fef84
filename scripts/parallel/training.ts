/** A rank's part of the training of a small Llama on the rhymes, in any layout. */
import { seededUniform } from '../../src/compute/random.js';
import {
  drawWindows,
  learningRateFactor,
  randomLlama,
  rhymes,
  WordTokenizer,
} from '../../src/models/llama/index.js';
import { type LlamaBatch, type ParallelLlama, parallelLlama } from '../../src/models/llama/parallel/index.js';
import type { Communicator } from '../../src/parallel/communicator/index.js';
import { makeSchedule } from '../../src/parallel/pipeline/index.js';
import { splitWorld, type WorldGroups } from '../../src/parallel/split-world.js';
import { Trainer, type TrainerOptions } from '../../src/parallel/trainer/index.js';
import { adamW } from '../../src/training/optimizer/rules.js';
import { type RunOptions, stagesOf } from './run-options.js';

const learningRate = 3e-3;

export interface Training {
  groups: WorldGroups;
  model: ParallelLlama;
  trainer: Trainer<LlamaBatch>;
  /** The micro-batches of this replica in the next step; sets the learning rate of that step. */
  next(): LlamaBatch[];
}

/** All ranks must call it, with the same options. */
export async function prepareTraining(comm: Communicator, options: RunOptions): Promise<Training> {
  const { steps, batch, sequence, seed } = options;
  const groups = await splitWorld(comm, sizesOf(options));
  const model = await modelOf(groups, options);
  const trainer = await Trainer.make(comm, trainerOptions(model, groups, options));
  const tokens = new WordTokenizer(rhymes).encode(rhymes);
  const uniform = seededUniform(seed);
  let step = 0;
  const next = () => {
    trainer.learningRate = learningRate * learningRateFactor(step++, steps);
    return ownBatches(drawWindows(tokens, batch, sequence + 1, uniform), groups, options);
  };
  return { groups, model, trainer, next };
}

const sizesOf = ({ data, tensor, pipeline, context, expert }: RunOptions) => ({
  ...{ data, tensor, pipeline, context, expert },
});

function modelOf(groups: WorldGroups, options: RunOptions): Promise<ParallelLlama> {
  const { config, seed, sequenceParallel, contextForm } = options;
  const { schedule, stages } = pipelineOf(options);
  const only = stages.flatMap((layers, stage) =>
    schedule.rankOf[stage] === groups.pipeline.rank ? layers : [],
  );
  const { tensor, context, expert } = groups;
  return parallelLlama(
    config,
    randomLlama(config, seed),
    { tensor, context, expert },
    { sequenceParallel, context: contextForm, only: only.sort((a, b) => a - b) },
  );
}

function pipelineOf({ schedule: name, pipeline, microBatches, virtual, config }: RunOptions) {
  const schedule = makeSchedule(name, { ranks: pipeline, microBatches, stagesPerRank: virtual });
  return { schedule, stages: stagesOf(config, schedule.stages) };
}

function trainerOptions(
  model: ParallelLlama,
  groups: WorldGroups,
  options: RunOptions,
): TrainerOptions<LlamaBatch> {
  const { zero, pipeline, tensor, context, expert, sequenceParallel, config } = options;
  const common = {
    groups,
    zero,
    rule: adamW({ learningRate, beta2: 0.95, weightDecay: 0.01 }),
    decay: (name: string) => !/norm\.weight$/.test(name),
    counts: (name: string) => groups.context.rank === 0 && model.placements.get(name)!.counts,
  };
  if (pipeline === 1) return { ...common, layers: model.layers };
  const { schedule, stages } = pipelineOf(options);
  // The model's layers are this rank's only, in order.
  const numbers = stages.flatMap((layers, stage) =>
    schedule.rankOf[stage] === groups.pipeline.rank ? layers : [],
  );
  const layerOf = new Map(numbers.sort((a, b) => a - b).map((number, n) => [number, model.layers[n]!]));
  const split = sequenceParallel ? tensor : 1;
  return {
    ...common,
    pipeline: {
      schedule,
      stages: stages.map((layers) => layers.flatMap((number) => layerOf.get(number) ?? [])),
      boundary: ({ shape: [B, T] }) => [B / expert, (T - 1) / context / split, config.C],
    },
  };
}

/** Each replica takes the next sequences of the step's batch, so many in each micro-batch. */
function ownBatches(windows: readonly number[][], groups: WorldGroups, options: RunOptions): LlamaBatch[] {
  const { data, microBatches } = options;
  const size = windows.length / (data * microBatches);
  return Array.from({ length: microBatches }, (_, m) => {
    const first = (groups.data.rank * microBatches + m) * size;
    const rows = windows.slice(first, first + size);
    return { ids: Int32Array.from(rows.flat()), shape: [size, rows[0]!.length] as const };
  });
}
