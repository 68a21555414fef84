/** A small transformer as layers: tied embedding, a norm and attention, an MLP, a parameter nobody uses and one that some batches use. */
import { fromNdArray, seededNormal, seededUniform, tf, useBackend } from '../../../dist/src/index.js';

const [V, C, T, H, F] = [11, 8, 5, 2, 16];

/** @param reduction of the loss over tokens: 'mean' or 'sum' */
export async function smallModel(seed, reduction = 'mean', spy = undefined) {
  await useBackend('cpu');
  let count = 0;
  const parameter = (name, shape, std) => {
    const values = fromNdArray(seededNormal(shape, seed + 100 * ++count, std ?? 1 / Math.sqrt(shape[0])));
    const variable = tf.variable(values);
    values.dispose();
    return [name, variable];
  };
  const table = parameter('table', [V, C], 0.5);
  const norm = (x, gain) => tf.mul(gain, tf.mul(x, tf.rsqrt(tf.add(tf.mean(tf.square(x), -1, true), 1e-5))));
  const times = (x, w) =>
    tf.reshape(tf.matMul(tf.reshape(x, [-1, w.shape[0]]), w), [...x.shape.slice(0, -1), w.shape[1]]);
  const heads = (x) => tf.transpose(tf.reshape(x, [-1, T, H, C / H]), [0, 2, 1, 3]);
  const layer = (name, parameters, f) => ({
    name,
    parameters: new Map(parameters),
    /** The same without a tape. */
    now: (x, batch) => f(x, batch, ...parameters.map(([, variable]) => variable)),
    async forward(tape, weights, x, batch) {
      const given = parameters.map(([key]) => weights.get(key));
      if (!x) return tape.local(name, (...w) => f(undefined, batch, ...w), ...given);
      const from = spy ? await tape.apply(spyOperator(name, spy), x) : x;
      return tape.local(name, (h, ...w) => f(h, batch, ...w), from, ...given);
    },
  });
  return [
    layer('embedding', [table], (_, { ids }, w) =>
      tf.reshape(tf.gather(w, tf.tensor1d(ids, 'int32')), [-1, T, C]),
    ),
    layer(
      'attention',
      [
        parameter('attention.gain', [C]),
        ...['q', 'k', 'v', 'o'].map((key) => parameter(`attention.${key}`, [C, C])),
      ],
      (x, _, gain, q, k, v, o) => {
        const h = norm(x, gain);
        const scores = tf.div(
          tf.matMul(heads(times(h, q)), heads(times(h, k)), false, true),
          Math.sqrt(C / H),
        );
        const mixed = tf.transpose(tf.matMul(tf.softmax(scores), heads(times(h, v))), [0, 2, 1, 3]);
        return tf.add(x, times(tf.reshape(mixed, [-1, T, C]), o));
      },
    ),
    layer(
      'mlp',
      [
        parameter('mlp.in', [C, F]),
        parameter('mlp.bias', [F], 0.1),
        parameter('mlp.out', [F, C]),
        parameter('mlp.sometimes', [C], 0.1),
        parameter('mlp.never', [3]),
      ],
      (x, { sometimes }, into, bias, out, extra) => {
        const y = tf.add(x, times(tf.tanh(tf.add(times(x, into), bias)), out));
        return sometimes ? tf.add(y, extra) : y;
      },
    ),
    layer('loss', [table, parameter('loss.bias', [V], 0.1)], (x, { targets, mask }, w, bias) => {
      const logits = tf.add(tf.matMul(tf.reshape(x, [-1, C]), w, false, true), bias);
      const chosen = tf.mul(tf.logSoftmax(logits), tf.oneHot(tf.tensor1d(targets, 'int32'), V));
      const losses = tf.neg(tf.sum(chosen, -1));
      return reduction === 'mean' ? tf.mean(losses) : tf.sum(tf.mul(losses, tf.tensor1d(mask)));
    }),
  ];
}

/** The identity; tells when its backward pass runs. */
function spyOperator(name, spy) {
  return {
    name: 'spy',
    forward: ([x]) => [tf.clone(x)],
    backward: (_, [gradient]) => {
      spy(name);
      return [tf.clone(gradient)];
    },
  };
}

/** A micro-batch of two sequences. @param n which one; the mask of every third is ragged */
export function batchOf(n) {
  const uniform = seededUniform(1000 + n);
  const numbers = () => Int32Array.from({ length: 2 * T }, () => Math.floor(uniform() * V));
  const mask = Float32Array.from({ length: 2 * T }, (_, i) => (n % 3 === 1 && i > 2 ? 0 : 1));
  return { ids: numbers(), targets: numbers(), mask, sometimes: n % 2 === 0 };
}

export const tokensOf = ({ mask }) => mask.reduce((sum, one) => sum + one, 0);

/** Values of all parameters of a model, by name. */
export function valuesOf(layers) {
  return Object.fromEntries(
    layers.flatMap(({ parameters }) => [...parameters].map(([name, w]) => [name, w.dataSync().slice()])),
  );
}

export function disposeModel(layers) {
  for (const { parameters } of layers) tf.dispose([...parameters.values()]);
}
