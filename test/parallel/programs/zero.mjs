/** ZeRO in all its forms against AdamW on one rank with the whole batch, with its bytes, its traffic, and wrong variants. */
import { adamW, Optimizer, tf, useBackend } from '../../../dist/src/index.js';
import { packHalves, unpackHalves } from '../../../dist/src/parallel/data-parallel/halves.js';
import { DataParallel, flatLayout } from '../../../dist/src/parallel/data-parallel/index.js';
import { parametersOf } from '../../../dist/src/parallel/layer.js';
import { byteKinds, Zero } from '../../../dist/src/parallel/zero/index.js';
import { flatten, ringMean, unflatten } from './ring-order.mjs';
import { batchOf, disposeModel, smallModel } from './small-model.mjs';

export const forms = {
  'stage 1': { stage: 1 },
  'stage 2': { stage: 2 },
  'stage 3': { stage: 3 },
  'stage 3, prefetched': { stage: 3, prefetch: 1 },
  'stage 3 by rows': { stage: 3, partition: 'rows' },
  'stage 3 by rows, gathered once': { stage: 3, partition: 'rows', reshardAfterForward: false },
  'stage 1, mixed': { stage: 1, precision: 'mixed', lossScale: 1024 },
  'stage 2, mixed': { stage: 2, precision: 'mixed', lossScale: 1024 },
  'stage 3, mixed': { stage: 3, precision: 'mixed', lossScale: 1024 },
  'stage 3 by rows, mixed': { stage: 3, precision: 'mixed', partition: 'rows', prefetch: 1, lossScale: 1024 },
};

const common = () => ({
  rule: adamW({ learningRate: 0.01, weightDecay: 0.1 }),
  decay: (name) => !/bias|gain/.test(name),
  bucketBytes: 1000,
  firstBucketBytes: 300,
});
const steps = 3;

export default async function zero(comm) {
  const alone = await comm.split(comm.rank, 'alone');
  await useBackend('cpu');
  await comm.barrier();
  const before = tf.memory().numTensors;
  const results = { addsByRing: comm.constructor.name !== 'MpiCommunicator', forms: {} };
  for (const [name, form] of Object.entries(forms)) results.forms[name] = await train(comm, alone, form);
  results.clipped = await train(comm, alone, { stage: 3, maxGradientNorm: 0.5 });
  results.accumulated = {};
  for (const stage of [1, 2, 3]) results.accumulated[stage] = await train(comm, alone, { stage }, 2);
  results.overflow = await overflow(comm);
  results.localSlice = await localSlice(comm);
  await comm.barrier();
  results.leaked = tf.memory().numTensors - before;
  await comm.barrier();
  return results;
}

const batchesOf = (comm, step, count) =>
  Array.from({ length: comm.size }, (_, r) =>
    Array.from({ length: count }, (_, m) => batchOf(20 * step + r * count + m)),
  );

async function train(comm, alone, form, count = 1) {
  await comm.barrier();
  const tensorBytes = tf.memory().numBytes;
  const layers = await smallModel(7 + comm.rank);
  const shapes = [...parametersOf(layers)].map(([name, { shape }]) => ({ name, shape }));
  const sizes = layers.map(({ parameters }) =>
    [...parameters.values()].reduce((sum, { size }) => sum + size, 0),
  );
  const zero = await Zero.shard(layers, comm, { ...common(), ...form });
  const layouts = zero.units.map(({ layout }) => layout);
  const found = [];
  let bytes;
  let traffic;
  let gradients;
  for (let step = 0; step < steps; step++) {
    const batches = batchesOf(comm, step, count);
    comm.traffic.reset();
    const { loss, gradientNorm } = await zero.gradients(batches[comm.rank]);
    const inBackward = {
      allGather: comm.traffic.of('allGather').bytes,
      reduceScatter: comm.traffic.of('reduceScatter').bytes,
    };
    // Of the last step: that all states are there.
    bytes = Object.fromEntries(
      byteKinds.map((kind) => [kind, { live: zero.bytes.live(kind), peak: zero.bytes.peak(kind) }]),
    );
    bytes.modelStates = zero.bytes.modelStates;
    if (step === 0) gradients = Object.fromEntries(await zero.fullGradients());
    comm.traffic.reset();
    await zero.update(gradientNorm);
    traffic = {
      inBackward,
      inUpdate: comm.traffic.of('allGather').bytes,
      other: comm.traffic.of('allReduce').calls,
    };
    found.push({ loss, gradientNorm });
  }
  const parameters = Object.fromEntries(await zero.fullParameters());
  await comm.barrier();
  // In one thread all ranks' tensors are counted together.
  const held = (tf.memory().numBytes - tensorBytes) / comm.size;
  await comm.barrier();
  const states = Object.fromEntries(
    ['parameters', 'optimizerStates'].map((kind) => [kind, zero.bytes.live(kind)]),
  );
  zero.dispose();
  disposeModel(layers);
  const reference = await trainAlone(comm, alone, form, count, layouts);
  const geometry = {
    padded: layouts.reduce((sum, { length }) => sum + length, 0),
    units: layouts.map(({ length, parameters }) => ({ length, names: parameters.map(({ name }) => name) })),
    count: shapes.reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0),
    layers: sizes,
  };
  return { steps: found, gradients, parameters, bytes, states, held, traffic, geometry, reference };
}

/** The same by an optimizer on one rank; sums over ranks are made in the order of a ring. */
async function trainAlone(comm, alone, { precision, lossScale = 1, stage, maxGradientNorm }, count, layouts) {
  const mixed = precision === 'mixed';
  const layers = await smallModel(7);
  const model = await DataParallel.replicate(layers, alone, common());
  const variables = [...model.parameters];
  const masters = variables.map(([, variable]) => tf.variable(variable));
  const { rule, decay } = common();
  const optimizer = new Optimizer(masters, rule, {
    decay: (master) => decay(variables[masters.indexOf(master)][0]),
  });
  const halves = (values) => unpackHalves(packHalves(values)).subarray(0, values.length);
  const half = (value) => halves(Float32Array.of(value))[0];
  const found = [];
  let first;
  let summands;
  for (let step = 0; step < steps; step++) {
    if (mixed)
      for (const [n, [, variable]] of variables.entries()) {
        const rounded = tf.tensor(halves(masters[n].dataSync()), variable.shape);
        variable.assign(rounded);
        rounded.dispose();
      }
    else for (const [n, [, variable]] of variables.entries()) variable.assign(masters[n]);
    const losses = [];
    const ofMicroBatches = [];
    for (const own of batchesOf(comm, step, count)) {
      const each = [];
      for (const batch of own) {
        const { loss, gradients } = await model.gradients([batch]);
        losses.push(loss);
        each.push(
          Object.fromEntries(
            [...gradients].map(([name, values]) => [name, values.map((v) => (v * lossScale) / count)]),
          ),
        );
      }
      ofMicroBatches.push(each);
    }
    // Stage 1 adds its micro-batches up and reduces once; the others reduce each.
    const added = (all) =>
      all.reduce((sum, one) =>
        Object.fromEntries(
          Object.entries(sum).map(([name, values]) => [name, values.map((v, i) => v + one[name][i])]),
        ),
      );
    const rounds =
      stage === 1
        ? [ofMicroBatches.map(added)]
        : Array.from({ length: count }, (_, m) => ofMicroBatches.map((each) => each[m]));
    const means = rounds.map((ofRanks) => {
      const mean = structuredClone(ofRanks[0]);
      for (const layout of layouts) {
        const bounds = Array.from({ length: comm.size + 1 }, (_, p) => p * layout.partLength);
        const vectors = ofRanks.map((values) => flatten(layout, values));
        const whole = mixed
          ? ringMean(
              vectors.map(halves),
              bounds,
              (a, b) => half(a + b),
              (a, n) => half(a / n),
            )
          : ringMean(vectors, bounds);
        unflatten(layout, whole, mean);
      }
      return mean;
    });
    const mean = added(means);
    for (const values of Object.values(mean)) for (let i = 0; i < values.length; i++) values[i] /= lossScale;
    const norm = Math.sqrt(
      Object.values(mean).reduce((sum, values) => sum + values.reduce((s, v) => s + v * v, 0), 0),
    );
    const factor = maxGradientNorm ? Math.fround(Math.min(1, maxGradientNorm / (norm + 1e-6))) : 1;
    const tensors = variables.map(([name, { shape }]) =>
      tf.tensor(factor === 1 ? mean[name] : mean[name].map((v) => v * factor), shape),
    );
    optimizer.step(tensors);
    tf.dispose(tensors);
    found.push({ loss: losses.reduce((a, b) => a + b, 0) / losses.length, gradientNorm: norm });
    first ??= mean;
    summands ??= ofMicroBatches
      .flat()
      .map((values) =>
        Object.fromEntries(
          Object.entries(values).map(([name, all]) => [name, all.map((v) => (v * count) / lossScale)]),
        ),
      );
  }
  const parameters = Object.fromEntries(variables.map(([name], n) => [name, masters[n].dataSync().slice()]));
  optimizer.dispose();
  model.dispose();
  tf.dispose(masters);
  disposeModel(layers);
  return { steps: found, gradients: first, summands, parameters };
}

/** Gradients that do not fit into halves: the step is left out on all ranks, the next one is taken. */
async function overflow(comm) {
  const layers = await smallModel(7);
  const zero = await Zero.shard(layers, comm, {
    ...common(),
    stage: 2,
    precision: 'mixed',
    lossScale: 2 ** 24,
  });
  const before = Object.fromEntries(await zero.fullParameters());
  const { skipped } = await zero.step([batchOf(comm.rank)]);
  const after = Object.fromEntries(await zero.fullParameters());
  const result = { skipped, steps: zero.steps, before, after, gradients: zero.bytes.live('gradients') };
  zero.dispose();
  return result;
}

/** Wrong: each rank keeps its part of its own gradient. Wrong: the parts of the mean come from the neighbour. */
async function localSlice(comm) {
  const { rank, size } = comm;
  const [layout] = [flatLayout([{ name: 'w', shape: [2 * size] }], size)];
  const own = Float32Array.from({ length: layout.length }, (_, i) => (i + 1) * 10 ** rank);
  const right = await comm.allGather(await comm.reduceScatter(own.slice(), { reduction: 'mean' }));
  const local = await comm.allGather(own.slice(2 * rank, 2 * rank + 2));
  const part = await comm.reduceScatter(own.slice(), { reduction: 'mean' });
  const before = comm.receive((rank + 1) % size);
  await comm.send(part, (rank + size - 1) % size);
  const displaced = await comm.allGather(await before);
  return { right, local, displaced };
}
