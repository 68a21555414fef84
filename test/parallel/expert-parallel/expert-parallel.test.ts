/** Experts on several ranks against all of them on one. */
import { beforeAll, describe, expect, it } from 'vitest';
import { useBackend } from '../../../src/compute/backend.js';
import { type NdArray, ndarray } from '../../../src/compute/ndarray.js';
import { seededNormal } from '../../../src/compute/random.js';
import { fromNdArray, read } from '../../../src/compute/read.js';
import { tf } from '../../../src/compute/tf.js';
import { mixtureOfExperts } from '../../../src/layers/moe/mixture-of-experts.js';
import { routeTokens } from '../../../src/layers/moe/router.js';
import { ranks } from '../../../src/parallel/communicator/index.js';
import { ownExperts, parallelMixtureOfExperts } from '../../../src/parallel/expert-parallel/index.js';
import { boundFor, byTfjs, type Differentiated, difference, onTape } from '../differentiate.js';

const [N, C, F, E] = [8, 6, 5, 4] as const;

beforeAll(() => useBackend('cpu'));

const x = seededNormal([N, C], 1);
for (let n = 0; n < N; n++) x.data[n * C] = 1;
const dOut = seededNormal([N, C], 2);
const matrices = Array.from({ length: E }, (_, e) => [
  seededNormal([F, C], 10 * e + 1),
  seededNormal([F, C], 10 * e + 2),
  seededNormal([C, F], 10 * e + 3),
]);
/** With the first feature of every token 1, its column of the router decides. */
const onlyFirstTwo = seededNormal([E, C], 7);
for (let e = 0; e < E; e++) onlyFirstTwo.data[e * C] = e < 2 ? 10 : -10;
const routers: Record<string, NdArray> = {
  'a router': seededNormal([E, C], 7),
  'a router that leaves two experts, and so half of the ranks, without tokens': onlyFirstTwo,
};

const expert = (all: readonly tf.Tensor[], e: number) => ({
  wGate: all[3 * e]!,
  wUp: all[3 * e + 1]!,
  wDown: all[3 * e + 2]!,
});

const onOne = (router: NdArray, topK: number): Promise<Differentiated> =>
  byTfjs([x, router, ...matrices.flat()], dOut, (a, w, ...all) => {
    const experts = matrices.map((_, e) => expert(all, e));
    return mixtureOfExperts(a!, { router: w!, experts }, { topK }).out;
  });

const rows = (array: NdArray, rank: number, size: number) => {
  const each = array.data.length / size;
  return ndarray([N / size, C], array.data.slice(rank * each, (rank + 1) * each));
};

/** What all ranks give together: tokens one after the other, the router's gradients summed. */
async function together(size: number, router: NdArray, topK: number) {
  const found = await ranks(size, async (comm) => {
    const { first, count } = ownExperts(E, comm);
    const own = matrices.slice(first, first + count).flat();
    const result = await onTape(
      [rows(x, comm.rank, size), router, ...own],
      rows(dOut, comm.rank, size),
      (tape, a, w, ...values) => {
        const experts = Array.from({ length: count }, (_, e) => ({
          wGate: values[3 * e]!,
          wUp: values[3 * e + 1]!,
          wDown: values[3 * e + 2]!,
        }));
        return parallelMixtureOfExperts(tape, comm, a!, { router: w!, experts }, { topK });
      },
    );
    return { ...result, traffic: comm.traffic.of('allToAll'), calls: comm.traffic.of().calls };
  });
  const joined = (parts: NdArray[]) =>
    ndarray(
      [N, C],
      parts.flatMap(({ data }) => [...data]),
    );
  const routerGradient = ndarray([E, C]);
  for (const { gradients } of found)
    gradients[1]!.data.forEach((value, n) => {
      routerGradient.data[n]! += value;
    });
  return {
    found,
    out: joined(found.map(({ out }) => out)),
    gradients: [
      joined(found.map(({ gradients }) => gradients[0]!)),
      routerGradient,
      ...found.flatMap(({ gradients }) => gradients.slice(2)),
    ],
  };
}

describe.each(Object.entries(routers))('%s', (_name, router) => {
  describe.each([1, 2, 4])('experts on %i ranks', (size) => {
    it.each([1, 2, 4])('top %i: result and every gradient are those of one rank', async (topK) => {
      const expected = await onOne(router, topK);
      const before = tf.memory().numTensors;
      const actual = await together(size, router, topK);
      expect(tf.memory().numTensors).toBe(before);
      const bound = boundFor(N * topK + C + F + E);
      expect(difference(actual.out, expected.out)).toBeLessThanOrEqual(bound);
      for (const [n, gradient] of actual.gradients.entries()) {
        const right = expected.gradients[n]!;
        const scale = Math.max(...right.data.map(Math.abs));
        // An expert without tokens has zeros.
        if (scale === 0) expect(Math.max(...gradient.data.map(Math.abs))).toBe(0);
        // The router's gradient is a small difference of large numbers: of the experts' outputs.
        else
          expect(difference(gradient, right), `gradient ${n}`).toBeLessThanOrEqual(
            n === 1 ? 16 * bound : bound,
          );
      }
    });

    it('sends counts once, and routed tokens four times', async () => {
      const { found } = await together(size, router, 2);
      const chosen = tf.tidy(() => routeTokens(fromNdArray(x), fromNdArray(router), { topK: 2 }).chosen);
      const takes = await read(chosen);
      chosen.dispose();
      const owner = (e: number) => Math.floor((e * size) / E);
      const pairs = Array.from(takes, (take, n) => ({
        take,
        from: Math.floor((Math.floor(n / E) * size) / N),
        to: owner(n % E),
      })).filter(({ take, from, to }) => take && from !== to);
      for (const [rank, { traffic, calls }] of found.entries()) {
        if (size === 1) {
          expect(calls).toBe(0);
          continue;
        }
        const [going, coming] = [
          pairs.filter(({ from }) => from === rank).length,
          pairs.filter(({ to }) => to === rank).length,
        ];
        // Forward to the experts and back, and the same backward.
        const bytes = 4 * (size - 1) * (E / size) + 4 * C * (2 * going + 2 * coming);
        expect(traffic).toMatchObject({ calls: 5, bytes });
      }
    });
  });
});

describe('experts', () => {
  it('that do not divide are refused', async () => {
    await expect(ranks(4, async (comm) => ownExperts(6, comm))).rejects.toThrow(
      '6 experts do not divide over 4 ranks; nearest: 3 or 6',
    );
  });
});
