/** The tape across awaits against tfjs's own gradients; nothing is left behind. */
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { useBackend } from '../../../src/compute/backend.js';
import { seededNormal } from '../../../src/compute/random.js';
import { fromNdArray } from '../../../src/compute/read.js';
import { tf } from '../../../src/compute/tf.js';
import { localOperator, Tape } from '../../../src/parallel/tape/index.js';

const random = (shape: number[], seed: number) => fromNdArray(seededNormal(shape, seed));
const numbers = (tensor: tf.Tensor | undefined) => [...tensor!.dataSync()];
const sleep = () => new Promise((done) => setImmediate(done));

/** A function with an await in each of its passes. */
const waiting = (f: (x: tf.Tensor) => tf.Tensor) => {
  const local = localOperator('waiting', f as never);
  return {
    name: 'waiting',
    forward: async (inputs: readonly tf.Tensor[]) => {
      await sleep();
      return local.forward(inputs);
    },
    backward: async (...given: Parameters<typeof local.backward>) => {
      await sleep();
      return local.backward(...given);
    },
  };
};

const f = (x: tf.Tensor, w: tf.Tensor, v: tf.Tensor) => {
  const product = tf.matMul(x, w);
  return tf.sum(tf.square(tf.matMul(tf.add(tf.tanh(product), product), v)));
};

async function onTape(tape: Tape, tensors: tf.Tensor[]) {
  const [x, w, v] = [tape.input(tensors[0]!), tape.weight(tensors[1]!), tape.weight(tensors[2]!)];
  const product = tape.local('product', (a, b) => tf.matMul(a!, b!), x, w);
  const hidden = await tape.apply(
    waiting((a) => tf.tanh(a)),
    product,
  );
  const both = tape.local('sum', (a, b) => tf.add(a!, b!), hidden, product);
  const loss = tape.local('loss', (a, b) => tf.sum(tf.square(tf.matMul(a!, b!))), both, v);
  return { x, w, v, loss };
}

describe('a tape', () => {
  let tensors: tf.Tensor[];
  let before: number;
  beforeAll(() => useBackend('cpu'));
  beforeEach(() => {
    before = tf.memory().numTensors;
    tensors = [random([3, 4], 1), random([4, 5], 2), random([5, 2], 3)];
  });
  afterEach(() => {
    tf.dispose(tensors);
    expect(tf.memory().numTensors).toBe(before);
  });

  const expected = () =>
    tf.tidy(() =>
      tf
        .grads(f as never)(tensors)
        .map(numbers),
    );

  it('gives the gradients of tfjs, across awaits and for values used twice', async () => {
    const tape = new Tape();
    const { x, w, v, loss } = await onTape(tape, tensors);
    await tape.backward(loss);
    expect([x, w, v].map(({ gradient }) => numbers(gradient))).toEqual(expected());
    tape.dispose();
  });

  it('leaves weights to a second pass: the same bits', async () => {
    const tape = new Tape();
    const { x, w, v, loss } = await onTape(tape, tensors);
    await tape.backward(loss, undefined, { deferWeights: true });
    expect([w.gradient, v.gradient]).toEqual([undefined, undefined]);
    const [right, ...others] = expected();
    expect(numbers(x.gradient)).toEqual(right);
    await tape.backwardOfWeights();
    expect([w, v].map(({ gradient }) => numbers(gradient))).toEqual(others);
    tape.dispose();
  });

  it('calls a hook once, when the gradient is complete', async () => {
    const tape = new Tape();
    const order: string[] = [];
    const { w, v, loss } = await onTape(tape, tensors);
    const complete: number[][] = [];
    w.hook = (gradient) => {
      order.push('w');
      complete.push(numbers(gradient));
    };
    v.hook = () => void order.push('v');
    await tape.backward(loss);
    expect(order).toEqual(['v', 'w']);
    expect(complete).toEqual([expected()[1]]);
    tape.dispose();
  });

  it('passes over what the output does not depend on, and over integers', async () => {
    const tape = new Tape();
    const ids = tf.tensor1d([0, 2], 'int32');
    const table = tape.weight(tensors[0]!);
    const unused = tape.weight(tensors[2]!);
    const rows = tape.local('rows', (a, b) => tf.gather(a!, b as tf.Tensor1D), table, tape.input(ids));
    tape.local('beside', (a) => tf.neg(a!), unused);
    const ones = tf.ones([2, 4]);
    await tape.backward(rows, ones);
    expect(numbers(table.gradient)).toEqual([1, 1, 1, 1, 0, 0, 0, 0, 1, 1, 1, 1]);
    expect(unused.gradient).toBeUndefined();
    tape.dispose();
    tf.dispose([ids, ones]);
  });

  it('divides the gradient over several results', async () => {
    const tape = new Tape();
    const x = tape.input(tensors[0]!);
    const halves = localOperator('halves', (a) => tf.split(a!, 2, 1));
    const [left] = await tape.applyAll(halves, x);
    const loss = tape.local('sum', (a) => tf.sum(tf.square(a!)), left!);
    await tape.backward(loss);
    const right = tf.tidy(() =>
      numbers(tf.grad((a) => tf.sum(tf.square(tf.split(a, 2, 1)[0]!)))(tensors[0]!)),
    );
    expect(numbers(x.gradient)).toEqual(right);
    tape.dispose();
  });

  it('refuses an output of several numbers without its gradient', async () => {
    const tape = new Tape();
    await expect(tape.backward(tape.input(tensors[0]!))).rejects.toThrow('shape [3,4] needs the gradient');
    tape.dispose();
  });
});
