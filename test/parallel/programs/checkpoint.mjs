/** Trains some steps with ZeRO, from a checkpoint and to one. All ranks have the same batch: the mean's bits do not depend on their number. */
import { adamW } from '../../../dist/src/index.js';
import { loadCheckpoint, saveCheckpoint, Zero } from '../../../dist/src/parallel/zero/index.js';
import { batchOf, disposeModel, smallModel } from './small-model.mjs';

export default async function checkpoint(comm, { jobs }) {
  const results = [];
  for (const { form, load, save, steps } of jobs) {
    const layers = await smallModel(7);
    const rule = adamW({ learningRate: 0.01, weightDecay: 0.1 });
    const decay = (name) => !/bias|gain/.test(name);
    const zero = await Zero.shard(layers, comm, { rule, decay, bucketBytes: 1000, ...form });
    if (load) await loadCheckpoint(load, zero);
    const losses = [];
    for (let n = 0; n < steps; n++) losses.push((await zero.step([batchOf(zero.steps)])).loss);
    if (save) await saveCheckpoint(save, zero);
    results.push({ losses, steps: zero.steps, parameters: Object.fromEntries(await zero.fullParameters()) });
    zero.dispose();
    disposeModel(layers);
  }
  return results;
}
