/** A small model as layers, for pipelines: embedding, blocks x + tanh(x w + b), a head that is the embedding again. */
import { useBackend } from '../../../dist/src/compute/backend.js';
import { seededNormal } from '../../../dist/src/compute/random.js';
import { tf } from '../../../dist/src/compute/tf.js';
import { runLayers, weightsOf } from '../../../dist/src/parallel/layer.js';
import { cutIntoStages } from '../../../dist/src/parallel/pipeline/index.js';
import { Tape } from '../../../dist/src/parallel/tape/index.js';

await useBackend('cpu');

export const sizes = { V: 7, C: 6, B: 2, T: 3 };

const variable = (shape, seed) => tf.variable(tf.tensor([...seededNormal(shape, seed).data], shape));

/** @param names of the embedding and of the head; one name makes one parameter @param isHeld which layers, by number, this rank has */
export function layersOf({ blocks, names = ['embedding', 'embedding'], isHeld = () => true }) {
  const { V, C } = sizes;
  const made = new Map();
  const table = (name) => made.get(name) ?? made.set(name, variable([V, C], 1)).get(name);
  const embedding = (name) => ({
    name: 'embedding',
    parameters: new Map([[name, table(name)]]),
    forward: async (tape, weights, _x, { ids }) =>
      tape.local('embedding', (w) => tf.gather(w, tf.tensor2d(ids, undefined, 'int32')), weights.get(name)),
  });
  const block = (n) => ({
    name: `block ${n}`,
    parameters: new Map([
      [`${n}.w`, variable([C, C], 10 + n)],
      [`${n}.b`, variable([C], 50 + n)],
    ]),
    forward: async (tape, weights, x) => {
      const [w, b] = [weights.get(`${n}.w`), weights.get(`${n}.b`)];
      const inner = (a, m, c) =>
        tf.tanh(tf.add(tf.reshape(tf.matMul(tf.reshape(a, [-1, C]), m), a.shape), c));
      const y = tape.local('inner', inner, x, w, b);
      return tape.local('residual', (a, c) => tf.add(a, c), x, y);
    },
  });
  const head = (name) => ({
    name: 'head',
    parameters: new Map([[name, table(name)]]),
    forward: async (tape, weights, x, { targets }) => {
      const loss = (a, w) => {
        const logits = tf.matMul(tf.reshape(a, [-1, C]), w, false, true);
        const wanted = tf.oneHot(tf.tensor1d(targets.flat(), 'int32'), V);
        return tf.neg(tf.mean(tf.sum(tf.mul(wanted, tf.logSoftmax(logits)), 1)));
      };
      return tape.local('loss', loss, x, weights.get(name));
    },
  });
  const makers = [
    () => embedding(names[0]),
    ...Array.from({ length: blocks }, (_, n) => () => block(n)),
    () => head(names[1]),
  ];
  return makers.map((make, n) => (isHeld(n) ? make() : undefined));
}

export function disposeLayers(layers) {
  for (const one of new Set(layers.flatMap((layer) => [...(layer?.parameters.values() ?? [])])))
    one.dispose();
}

export function batchesOf(count) {
  const { V, B, T } = sizes;
  const rows = (seed) =>
    Array.from({ length: B }, (_, b) => Array.from({ length: T }, (_, t) => (seed + 3 * b + 5 * t) % V));
  return Array.from({ length: count }, (_, n) => ({ ids: rows(n), targets: rows(2 * n + 1) }));
}

/** Which stage each layer belongs to. */
export function stageOfLayers(blocks, stages) {
  const numbers = Array.from({ length: blocks + 2 }, (_, n) => n);
  return cutIntoStages(numbers, stages, () => 1).flatMap((cut, stage) => cut.map(() => stage));
}

/** Numbers of each tensor, by name. */
export const numbersOf = (gradients) =>
  Object.fromEntries(
    [...gradients].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, one]) => [name, [...one.dataSync()]]),
  );

/** One rank that sums over the micro-batches in order. The two uses of the embedding are summed apart, then added, the head's first. */
export async function serial({ blocks, microBatches, shares }) {
  const layers = layersOf({ blocks, names: ['embedding', 'head'] });
  const sums = new Map();
  const losses = [];
  for (const [n, batch] of batchesOf(microBatches).entries()) {
    const tape = new Tape();
    const weights = weightsOf(tape, layers);
    const loss = await runLayers(tape, layers, weights, batch);
    losses.push(loss.tensor.dataSync()[0]);
    const share = tf.scalar(shares?.[n] ?? 1 / microBatches);
    await tape.backward(loss, share);
    for (const [name, { gradient }] of weights)
      sums.set(name, sums.has(name) ? tf.add(sums.get(name), gradient) : tf.clone(gradient));
    tape.dispose();
  }
  sums.set('embedding', tf.add(sums.get('head'), sums.get('embedding')));
  sums.delete('head');
  const gradients = numbersOf(sums);
  disposeLayers(layers);
  return { losses, gradients };
}
