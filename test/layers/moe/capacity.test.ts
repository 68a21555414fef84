/** Routers with places against plain loops, on every backend; the losses against their definitions. */
import { describe, expect, it } from 'vitest';
import { ndarray } from '../../../src/compute/ndarray.js';
import { seededNormal } from '../../../src/compute/random.js';
import { fromNdArray, read } from '../../../src/compute/read.js';
import { tf } from '../../../src/compute/tf.js';
import {
  balanceLoss,
  capacityExperts,
  expertChoice,
  importanceLoss,
  routerLoad,
  routerZLoss,
  routeWithBias,
  switchExperts,
  updatedBias,
} from '../../../src/layers/moe/index.js';
import { eachBackend } from '../../compute/backends.js';

const [B, T, C, E, F] = [2, 7, 5, 3, 4];
const arrays = {
  x: seededNormal([B, T, C], 1),
  router: seededNormal([E, C], 2),
  w1: Array.from({ length: E }, (_, e) => seededNormal([F, C], 10 + e)),
  w2: Array.from({ length: E }, (_, e) => seededNormal([C, F], 20 + e)),
  up: Array.from({ length: E }, (_, e) => seededNormal([F, C], 30 + e)),
};
type Row = number[];
const rows = (data: ArrayLike<number>, width: number): Row[] =>
  Array.from({ length: data.length / width }, (_, r) => Array.from(data).slice(r * width, (r + 1) * width));
const product = (w: ArrayLike<number>, x: Row): Row =>
  rows(w, x.length).map((own) => own.reduce((sum, value, i) => sum + value * x[i]!, 0));
const softmax = (s: Row): Row => {
  const each = s.map((value) => Math.exp(value - Math.max(...s)));
  return each.map((value) => value / each.reduce((a, b) => a + b, 0));
};
const reluExpert = (e: number, x: Row) =>
  product(
    arrays.w2[e]!.data,
    product(arrays.w1[e]!.data, x).map((value) => Math.max(0, value)),
  );
const swiGlu = (e: number, x: Row) => {
  const up = product(arrays.up[e]!.data, x);
  const gate = product(arrays.w1[e]!.data, x).map((z, i) => (z / (1 + Math.exp(-z))) * up[i]!);
  return product(arrays.w2[e]!.data, gate);
};
const tokens = rows(arrays.x.data, C);
const probabilities = tokens.map((x) => softmax(product(arrays.router.data, x)));
const best = (p: Row, k: number) => [...p.keys()].sort((a, b) => p[b]! - p[a]! || a - b).slice(0, k);
const plus = (a: Row, b: Row, factor: number) => a.map((value, i) => value + factor * b[i]!);
const zeros = () => Array<number>(C).fill(0);

/** Who keeps a place: in the order of the line. */
function placed(line: { t: number; e: number }[], capacity: number): boolean[] {
  const taken = Array<number>(E).fill(0);
  return line.map(({ e }) => taken[e]!++ < capacity);
}

async function expectClose(actual: tf.Tensor, expected: Row, tolerance = 1e-5): Promise<void> {
  const values = await read(actual);
  expect(values.length).toBe(expected.length);
  for (const [i, value] of expected.entries()) expect(Math.abs(values[i]! - value)).toBeLessThan(tolerance);
}

eachBackend(() => {
  const given = () => ({
    x: fromNdArray(arrays.x),
    router: fromNdArray(arrays.router),
    relu: arrays.w1.map((w1, e) => ({ w1: fromNdArray(w1), w2: fromNdArray(arrays.w2[e]!) })),
    swiGlu: arrays.w1.map((gate, e) => ({
      wGate: fromNdArray(gate),
      wUp: fromNdArray(arrays.up[e]!),
      wDown: fromNdArray(arrays.w2[e]!),
    })),
  });

  it.each([undefined, 1, 0.5, 100])('Switch with capacity factor %s', async (capacityFactor) => {
    const { x, router, relu } = given();
    const options = capacityFactor === undefined ? {} : { capacityFactor };
    const found = switchExperts(x, { router, experts: relu }, options);
    const capacity = capacityFactor === undefined ? Infinity : Math.ceil((capacityFactor * T) / E);
    const line = tokens.map((_, t) => ({ t, e: best(probabilities[t]!, 1)[0]! }));
    const keeps = [0, 1].flatMap((b) => placed(line.slice(b * T, (b + 1) * T), capacity));
    const out = line.map(({ t, e }) =>
      keeps[t] ? plus(zeros(), reluExpert(e, tokens[t]!), probabilities[t]![e]!) : zeros(),
    );
    await expectClose(found.out, out.flat());
    await expectClose(
      found.dropped,
      keeps.map((kept) => (kept ? 0 : 1)),
    );
    const loads = [0, 1].map((b) =>
      Array.from({ length: E }, (_, e) => line.slice(b * T, (b + 1) * T).filter((one) => one.e === e).length),
    );
    await expectClose(found.loads, loads.flat());
    const ofRow = (b: number) =>
      loads[b]!.reduce((sum, load, e) => {
        const mean = probabilities.slice(b * T, (b + 1) * T).reduce((s, p) => s + p[e]! / T, 0);
        return sum + E * (load / T) * mean;
      }, 0);
    await expectClose(found.loss, [(ofRow(0) + ofRow(1)) / 2]);
  });

  it.each([
    [1, true, undefined],
    [2, true, 0.6],
    [2, false, 0.6],
    [3, true, 1],
  ] as const)('top-%i, renormalised %s, capacity factor %s', async (topK, renormalise, capacityFactor) => {
    const { x, router, swiGlu: experts } = given();
    const flat = tf.reshape(x, [B * T, C]);
    const options = { topK, renormalise, ...(capacityFactor !== undefined && { capacityFactor }) };
    const found = capacityExperts(flat, { router, experts }, options);
    const N = B * T;
    const choices = probabilities.map((p) => best(p, topK));
    const line = Array.from({ length: topK }, (_, k) => choices.map((own, t) => ({ t, e: own[k]! }))).flat();
    const capacity = capacityFactor === undefined ? Infinity : Math.ceil((capacityFactor * topK * N) / E);
    const keeps = placed(line, capacity);
    const out = tokens.map(zeros);
    for (const [n, { t, e }] of line.entries()) {
      if (!keeps[n]) continue;
      const total = renormalise ? choices[t]!.reduce((sum, own) => sum + probabilities[t]![own]!, 0) : 1;
      out[t] = plus(out[t]!, swiGlu(e, tokens[t]!), probabilities[t]![e]! / total);
    }
    await expectClose(found.out, out.flat());
    const dropped = choices.flatMap((_, t) => choices[t]!.map((_, k) => (keeps[k * N + t] ? 0 : 1)));
    await expectClose(found.dropped, dropped);
    if (capacityFactor === 0.6) expect(dropped.includes(1)).toBe(true);
    const loads = Array.from({ length: E }, (_, e) => line.filter((one) => one.e === e).length);
    await expectClose(found.loads, loads);
    expect(loads.reduce((sum, load) => sum + load, 0)).toBe(topK * N);
  });

  it.each([0.1, 1, 2, 50])('experts that choose, capacity factor %s', async (capacityFactor) => {
    const { x, router, relu } = given();
    const found = expertChoice(tf.reshape(x, [B * T, C]), { router, experts: relu }, { capacityFactor });
    const capacity = Math.min(B * T, Math.floor((capacityFactor * B * T) / E));
    const selected = Array.from({ length: E }, (_, e) =>
      best(
        probabilities.map((p) => p[e]!),
        capacity,
      ),
    );
    const out = tokens.map(zeros);
    for (const [e, own] of selected.entries())
      for (const t of own) out[t] = plus(out[t]!, reluExpert(e, tokens[t]!), probabilities[t]![e]!);
    await expectClose(found.out, out.flat());
    expect(found.selected.shape).toEqual([E, capacity]);
    await expectClose(found.selected, selected.flat());
  });

  it('a bias moves the choice, not the weights', async () => {
    const logits = tf.tensor2d([
      [2, 1, 0],
      [2, 1, 0],
      [2, 1, 0],
      [0, 0, 0],
    ]);
    const sigmoid = (z: number) => 1 / (1 + Math.exp(-z));
    const bias = tf.tensor1d([-1, 0, 0.25]);
    const { selected, weights, loads } = routeWithBias(logits, bias, { topK: 2, scale: 3 });
    await expectClose(selected, [2, 1, 2, 1, 2, 1, 2, 1]);
    const own = (3 * sigmoid(0)) / (sigmoid(0) + sigmoid(1));
    await expectClose(weights, [own, 3 - own, own, 3 - own, own, 3 - own, 1.5, 1.5]);
    await expectClose(loads, [0, 4, 4]);
    await expectClose(updatedBias(bias, loads, 0.1), [-0.9, -0.1, 0.15]);
    await expectClose(updatedBias(bias, tf.tensor1d([2, 2, 2]), 0.1), [-1, 0, 0.25]);
  });

  it('of equal scores the first experts are chosen; no tokens give nothing', async () => {
    const { router, relu, swiGlu: experts } = given();
    const equal = switchExperts(tf.zeros([1, 3, C]), { router, experts: relu }, { capacityFactor: 1 });
    await expectClose(equal.loads, [3, 0, 0]);
    await expectClose(equal.dropped, [0, 1, 1]);
    expect(capacityExperts(tf.zeros([0, C]), { router, experts }, { topK: 2 }).out.shape).toEqual([0, C]);
  });

  it('the losses are their definitions', async () => {
    const p = tf.tensor2d(probabilities);
    const importance = Array.from({ length: E }, (_, e) =>
      probabilities.reduce((sum, own) => sum + own[e]!, 0),
    );
    const mean = importance.reduce((a, b) => a + b, 0) / E;
    const variance = importance.reduce((sum, value) => sum + (value - mean) ** 2 / E, 0);
    await expectClose(importanceLoss(p), [variance / mean ** 2]);
    await expectClose(
      routerZLoss(
        tf.tensor2d([
          [0, 0],
          [3, 3],
        ]),
      ),
      [(Math.log(2) ** 2 + (3 + Math.log(2)) ** 2) / 2],
      1e-4,
    );
    const even = tf.fill([4, 2], 0.5);
    await expectClose(
      balanceLoss(
        even,
        tf.tensor2d([
          [1, 0],
          [0, 1],
          [1, 0],
          [0, 1],
        ]),
      ),
      [1],
    );
    await expectClose(
      balanceLoss(
        tf.tensor2d([
          [1, 0],
          [1, 0],
        ]),
        tf.tensor2d([
          [1, 0],
          [1, 0],
        ]),
      ),
      [2],
    );
  });
});

describe('the load of a router', () => {
  it('is 1 and ln E where all is even, E and 0 where one takes all', () => {
    expect(routerLoad([4, 4, 4])).toMatchObject({ imbalance: 1, entropy: Math.log(3) });
    expect(routerLoad([0, 9, 0])).toMatchObject({ imbalance: 3, entropy: 0 });
  });
});

it('what does not fit is refused with its numbers', () => {
  const x = fromNdArray(ndarray([2, 5]));
  const router = fromNdArray(ndarray([2, 5]));
  const experts = [0, 1].map(() => ({
    wGate: tf.zeros([4, 5]),
    wUp: tf.zeros([4, 5]),
    wDown: tf.zeros([5, 4]),
  }));
  expect(() => capacityExperts(x, { router, experts }, { topK: 3 })).toThrow(
    'topK must be an integer from 1 to E = 2, got 3',
  );
  expect(() => capacityExperts(x, { router, experts }, { topK: 1, capacityFactor: 0 })).toThrow(
    'capacityFactor must be positive, got 0',
  );
  expect(() => switchExperts(x, { router, experts: [] })).toThrow('x must be [B,T,C], got [2,5]');
  expect(() => expertChoice(x, { router: tf.zeros([3, 5]), experts: [] }, { capacityFactor: 1 })).toThrow(
    'router must be [E,C] = [0,5]',
  );
});
