/**
 * Loss, gradients and their norm of a Llama in several layouts: `{ cases: [{ config, sizes, options, shape, wrong, deferWeights }] }`. Ranks are numbered
 * tensor first, then context, then expert.
 */
import { useBackend } from '../../../dist/src/compute/backend.js';
import { toNdArray } from '../../../dist/src/compute/read.js';
import { tf } from '../../../dist/src/compute/tf.js';
import { parallelLlama } from '../../../dist/src/models/llama/parallel/index.js';
import { runLayers, weightsOf } from '../../../dist/src/parallel/layer.js';
import { splitWorld } from '../../../dist/src/parallel/split-world.js';
import { Tape } from '../../../dist/src/parallel/tape/index.js';
import { arraysFor, idsFor } from './llama-weights.mjs';
import { wrongTape } from './wrong-tape.mjs';

const kinds = ['allReduce', 'reduceScatter', 'allGather', 'allToAll', 'send'];

export default async function run(comm, { cases }) {
  if (tf.getBackend() !== 'cpu') await useBackend('cpu');
  const results = [];
  for (const { config, sizes, options, shape, wrong, deferWeights } of cases) {
    const groups = await splitWorld(comm, sizes);
    const model = await parallelLlama(config, arraysFor(config), groups, options);
    const tape = wrong ? wrongTape(wrong) : new Tape();
    const values = weightsOf(tape, model.layers);
    comm.traffic.reset();
    const loss = await runLayers(tape, model.layers, values, { ids: idsFor(config.V, shape), shape });
    await tape.backward(loss, undefined, { deferWeights });
    if (deferWeights) await tape.backwardOfWeights();
    const traffic = Object.fromEntries(kinds.map((kind) => [kind, comm.traffic.of(kind)]));
    const gradients = new Map([...values].map(([name, value]) => [name, value.gradient]));
    const norm = await model.gradientNorm(gradients);
    const full = await model.gatherFull(gradients);
    const found = await toNdArray(loss.tensor);
    const { bytes } = tape;
    tape.dispose();
    model.dispose();
    results.push({
      loss: found.data[0],
      norm,
      bytes,
      traffic,
      gradients: comm.rank === 0 ? [...full].map(([name, { data }]) => [name, Float32Array.from(data)]) : [],
    });
  }
  return results;
}
