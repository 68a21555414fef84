/** Trains in several layouts, one after the other: losses, norms, the gradients of the first step as whole arrays, and what is left behind. */

import { prepareTraining } from '../../../dist/scripts/parallel/training.js';
import { useBackend } from '../../../dist/src/compute/backend.js';
import { tf } from '../../../dist/src/compute/tf.js';

export default async (comm, { cases }) => {
  if (tf.getBackend() !== 'cpu') await useBackend('cpu');
  const results = [];
  for (const options of cases) {
    await comm.barrier();
    const before = tf.memory().numTensors;
    const { trainer, model, groups, next } = await prepareTraining(comm, options);
    const [losses, norms] = [[], []];
    let gradients;
    for (let step = 0; step < options.steps; step++) {
      const { loss, gradientNorm } = await trainer.gradients(next());
      losses.push(loss);
      norms.push(gradientNorm);
      if (step === 0) {
        const own = await trainer.fullGradients();
        gradients = await wholeGradients(model, own);
      }
      await trainer.update();
    }
    trainer.dispose();
    model.dispose();
    await comm.barrier();
    const left = tf.memory().numTensors - before;
    const tells = groups.data.rank === 0 && groups.tensor.rank === 0 && groups.context.rank === 0;
    results.push({ losses, norms, left, gradients: tells ? gradients : [] });
  }
  return results;
};

async function wholeGradients(model, own) {
  const slices = new Map(
    [...own].map(([name, values]) => [name, tf.tensor(values, model.parameters.get(name).shape)]),
  );
  const whole = await model.gatherFull(slices);
  tf.dispose([...slices.values()]);
  return [...whole].map(([name, { data }]) => [name, Float32Array.from(data)]);
}
