/** Data parallelism against one rank with all micro-batches, and wrong variants of it made of its own parts. */
import { adamW, read, tf } from '../../../dist/src/index.js';
import {
  bucketsOf,
  DataParallel,
  flatLayout,
  GradientBuckets,
  squaredNorm,
} from '../../../dist/src/parallel/data-parallel/index.js';
import { parametersOf, runLayers, weightsOf } from '../../../dist/src/parallel/layer.js';
import { Tape } from '../../../dist/src/parallel/tape/index.js';
import { flatten, ringMean, unflatten } from './ring-order.mjs';
import { batchOf, disposeModel, smallModel, tokensOf, valuesOf } from './small-model.mjs';

const buckets = { firstBucketBytes: 300, bucketBytes: 1000 };
const rule = () => adamW({ learningRate: 0.01, weightDecay: 0.1 });
const decay = (name) => !/bias|gain/.test(name);

export default async function dataParallel(comm) {
  const { rank, size } = comm;
  const alone = await comm.split(rank, 'alone');
  const all = (count) =>
    Array.from({ length: size }, (_, r) => Array.from({ length: count }, (_, m) => batchOf(r * count + m)));
  const results = { addsByRing: comm.constructor.name !== 'MpiCommunicator' };
  const model = await smallModel(7);
  await comm.barrier();
  const before = tf.memory().numTensors;

  // Gradients against one rank, and the sums in the ring's order.
  const compare = async (layers, count, options = {}) => {
    const dp = await DataParallel.replicate(layers, comm, { rule: rule(), ...buckets, ...options });
    const one = await DataParallel.replicate(layers, alone, { rule: rule(), ...options });
    const batches = all(count);
    comm.traffic.reset();
    const found = await dp.gradients(batches[rank]);
    const traffic = { ...comm.traffic.of('allReduce') };
    const reference = await one.gradients(batches.flat());
    const ofRanks = [];
    for (const own of batches) ofRanks.push(plain(await one.gradients(own)).gradients);
    const inRingOrder = structuredClone(ofRanks[0]);
    const flat = [...dp.parameters].map(([name, { shape }]) => ({ name, shape }));
    for (const layout of bucketsOf(flat, buckets).map((bucket) => flatLayout(bucket))) {
      const each = Math.floor(layout.length / size);
      const bounds = Array.from({ length: size + 1 }, (_, p) => p * each + Math.min(p, layout.length % size));
      unflatten(
        layout,
        ringMean(
          ofRanks.map((values) => flatten(layout, values)),
          bounds,
        ),
        inRingOrder,
      );
    }
    dp.dispose();
    one.dispose();
    return { found: plain(found), reference: plain(reference), ofRanks, inRingOrder, traffic };
  };
  results.mean = await compare(model, 1);
  results.accumulated = await compare(model, 2);
  const sums = await smallModel(7, 'sum');
  results.ragged = await compare(sums, 2, { tokens: tokensOf });

  // tfjs's own gradients of the large batch.
  results.tfjs = largeBatch(model, all(1).flat());

  // Steps from rank 0's parameters, which are not those of the others.
  const different = await smallModel(7 + rank);
  const dp = await DataParallel.replicate(different, comm, {
    rule: rule(),
    ...buckets,
    decay,
    maxGradientNorm: 0.5,
  });
  const one = await smallModel(7);
  const reference = await DataParallel.replicate(one, alone, { rule: rule(), decay, maxGradientNorm: 0.5 });
  results.steps = [];
  for (let step = 0; step < 3; step++) {
    const batches = Array.from({ length: size }, (_, r) => batchOf(10 * step + r));
    results.steps.push({ found: await dp.step([batches[rank]]), reference: await reference.step(batches) });
  }
  results.trained = { found: valuesOf(different), reference: valuesOf(one) };
  dp.dispose();
  reference.dispose();

  // How many buckets were under way when the backward pass was still at the attention.
  const started = {};
  const spied = await smallModel(7, 'mean', (name) => {
    started[name] = comm.traffic.of('allReduce').calls;
  });
  const watched = await DataParallel.replicate(spied, comm, { rule: rule(), ...buckets });
  comm.traffic.reset();
  await watched.gradients([batchOf(rank)]);
  results.overlap = { started, all: comm.traffic.of('allReduce').calls };
  watched.dispose();

  results.wrong = await wrongVariants(comm, model, sums, all(2));
  disposeModel([...sums, ...different, ...one, ...spied]);
  await comm.barrier();
  results.leaked = tf.memory().numTensors - before;
  await comm.barrier();
  disposeModel(model);
  return results;
}

const plain = ({ loss, gradients, gradientNorm }) => ({
  loss,
  gradientNorm,
  gradients: Object.fromEntries(gradients),
});

/** By tfjs's own tape, without layers, buckets and ranks. */
function largeBatch(layers, batches) {
  return tf.tidy(() => {
    const parameters = parametersOf(layers);
    const lossOf = (batch) => layers.reduce((x, layer) => layer.now(x, batch), undefined);
    const { value, grads } = tf.variableGrads(
      () => tf.mean(tf.stack(batches.map(lossOf))),
      [...parameters.values()],
    );
    const used = [...parameters].filter(([, { name }]) => grads[name]);
    const gradients = used.map(([name, variable]) => [name, grads[variable.name].dataSync().slice()]);
    return { loss: value.dataSync()[0], gradients: Object.fromEntries(gradients) };
  });
}

/** Wrong in the ways in which others have been. */
async function wrongVariants(comm, layers, sums, batches) {
  const flat = [...parametersOf(layers)].map(([name, { shape }]) => ({ name, shape }));
  const layout = flatLayout(flat);
  const mine = batches[comm.rank];
  const passes = async (model, seeds, watch) => {
    for (const [m, batch] of mine.entries()) {
      const tape = new Tape();
      const weights = weightsOf(tape, model);
      watch(tape, weights, m);
      const loss = await runLayers(tape, model, weights, batch);
      const seed = tf.scalar(seeds[m]);
      await tape.backward(loss, seed);
      seed.dispose();
      tape.dispose();
    }
  };
  const reducedBy = async (model, seeds, reduction, reduceIn) => {
    let handle;
    const buckets = new GradientBuckets([layout], (_, data) => {
      handle = comm.start.allReduce(data, { reduction });
    });
    await passes(model, seeds, (tape, weights, m) => buckets.watch(tape, weights, m === reduceIn));
    await buckets.finish();
    return handle.wait();
  };
  const halves = mine.map(() => 1 / mine.length);
  const right = await reducedBy(layers, halves, 'mean', mine.length - 1);
  const withoutDivision = await reducedBy(layers, halves, 'sum', mine.length - 1);

  // Reduced in the first micro-batch: the second one's gradients stay where they are.
  let early;
  const first = new GradientBuckets([layout], (_, data) => {
    early = comm.start.allReduce(data, { reduction: 'mean' });
  });
  await passes(layers, halves, (tape, weights, m) => first.watch(tape, weights, m === 0));
  await first.finish();
  const syncOnFirst = await early.wait();

  // A moving average in place of a sum: gradient = (gradient + new) / 2.
  const average = new Float32Array(layout.length);
  await passes(
    layers,
    mine.map(() => 1),
    (_, weights) => {
      for (const { name, at, length } of layout.pieces)
        weights.get(name).hook = async (gradient) => {
          const values = await read(gradient);
          for (let i = 0; i < length; i++) average[at + i] = (average[at + i] + values[i]) / 2;
        };
    },
  );
  const movingAverage = await comm.allReduce(average, { reduction: 'mean' });

  // Each rank's mean over its own tokens, then the mean of those.
  const ownTokens = mine.reduce((sum, batch) => sum + tokensOf(batch), 0);
  const meanOfMeans = await reducedBy(
    sums,
    mine.map(() => 1 / ownTokens),
    'mean',
    mine.length - 1,
  );
  const named = (whole) => {
    const into = Object.fromEntries(
      flat.map(({ name, shape }) => [name, new Float32Array(shape.reduce((a, b) => a * b, 1))]),
    );
    unflatten(layout, whole, into);
    return into;
  };
  const norm = Math.sqrt(squaredNorm(right));
  // The squares of gradients that all ranks have, added up over the ranks.
  const [twice] = await comm.allReduce(Float32Array.of(norm ** 2));
  // Every rank begins with numbers of its own: the averaged gradients fit none of them, and the replicas stay apart.
  const own = await smallModel(7 + comm.rank);
  const ownLoss = await DataParallel.replicate(own, await comm.split(comm.rank, 'apart'), { rule: rule() });
  const { loss } = await ownLoss.gradients([batchOf(comm.rank)]);
  const [meanLoss] = await comm.allReduce(Float32Array.of(loss), { reduction: 'mean' });
  const queries = valuesOf(own)['attention.q'];
  const largest = await comm.allReduce(queries.slice(), { reduction: 'max' });
  const apart = Math.max(...queries.map((value, i) => largest[i] - value));
  ownLoss.dispose();
  disposeModel(own);
  return {
    withoutBroadcast: { loss: meanLoss, apart },
    right: named(right),
    norm,
    withoutDivision: named(withoutDivision),
    syncOnFirst: named(syncOnFirst),
    movingAverage: named(movingAverage),
    meanOfMeans: named(meanOfMeans),
    normCountedTwice: Math.sqrt(twice),
  };
}
