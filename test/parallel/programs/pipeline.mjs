/** Runs many schedules one after the other, and on rank 0 the same on one rank beside each. */
import { tf } from '../../../dist/src/compute/tf.js';
import { makeSchedule, Pipeline, pipelineNorm, simulate } from '../../../dist/src/parallel/pipeline/index.js';
import {
  batchesOf,
  disposeLayers,
  layersOf,
  numbersOf,
  serial,
  sizes,
  stageOfLayers,
} from './pipeline-model.mjs';

export default async (comm, { blocks, cases }) => {
  const results = [];
  for (const { name, microBatches, stagesPerRank, shares } of cases) {
    const schedule = makeSchedule(name, { ranks: comm.size, microBatches, stagesPerRank });
    const stageOf = stageOfLayers(blocks, schedule.stages);
    const layers = layersOf({ blocks, isHeld: (n) => schedule.rankOf[stageOf[n]] === comm.rank });
    const stages = Array.from({ length: schedule.stages }, (_, stage) =>
      layers.filter((layer, n) => layer && stageOf[n] === stage),
    );
    const { B, T, C } = sizes;
    const pipeline = await Pipeline.make(comm, schedule, stages, { boundary: () => [B, T, C] });
    await comm.barrier();
    comm.traffic.reset();
    await comm.barrier();
    const before = tf.memory().numTensors;
    const step = await pipeline.step(batchesOf(microBatches), { weights: shares });
    await comm.barrier();
    const left = tf.memory().numTensors - before;
    const sent = comm.traffic.of('send');
    const tied = comm.traffic.of('allReduce');
    const norm = await pipelineNorm(pipeline, step.gradients);
    const gradients = numbersOf(step.gradients);
    const own = step.gradients.size;
    tf.dispose([...step.gradients.values()]);
    await comm.barrier();
    disposeLayers(layers);
    results.push({
      ...step,
      gradients,
      norm,
      left,
      own,
      sent,
      tied,
      ideal: simulate(schedule, { forward: 1, inputGradient: 1, weightGradient: 1 }).peakLive[comm.rank],
      order: schedule.orders[comm.rank].map(({ kind, stage, microBatch }) => `${stage}${kind}${microBatch}`),
      serial: comm.rank === 0 ? await serial({ blocks, microBatches, shares }) : undefined,
    });
    await comm.barrier();
  }
  return results;
};
