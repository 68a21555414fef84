/**
 * Tokens to their experts and back (GShard: Lepikhin et al. 2020, arXiv:2006.16668; without dropping: MegaBlocks, Gale et al. 2022,
 * arXiv:2211.15841). The backward pass of one way is the other.
 */
import { tf } from '../../compute/tf.js';
import type { Communicator } from '../communicator/index.js';
import type { Operator } from '../tape/index.js';
import { numbersOf } from '../tensor-collectives.js';
import { fromExperts, toExperts } from './all-to-all.js';
import type { Routes } from './routes.js';

/** [N,C] tokens of this rank -> [R,C] tokens for its experts, by expert, then by the rank they came from. */
export function dispatch(comm: Communicator | undefined, routes: Routes): Operator {
  return {
    name: 'dispatch',
    async forward([x]) {
      const C = x!.shape[1]!;
      const values = await numbersOf(x!);
      const rows = new Float32Array(routes.tokens.length * C);
      for (const [pair, token] of routes.tokens.entries())
        rows.set(values.subarray(token * C, (token + 1) * C), pair * C);
      return [matrix(await toExperts(comm, routes, rows, C), C)];
    },
    async backward([x], [gradient]) {
      const [N, C] = x!.shape as [number, number];
      const rows = await fromExperts(comm, routes, await numbersOf(gradient!), C);
      const sum = new Float32Array(N * C);
      for (const [pair, token] of routes.tokens.entries())
        for (let c = 0; c < C; c++) sum[token * C + c]! += rows[pair * C + c]!;
      return [matrix(sum, C)];
    },
  };
}

/** [R,C] what this rank's experts gave -> [N topK,C], one row for each pair of this rank. */
export function combine(comm: Communicator | undefined, routes: Routes): Operator {
  const send = (way: typeof toExperts) => async (x: tf.Tensor) => {
    const C = x.shape[1]!;
    return [matrix(await way(comm, routes, await numbersOf(x), C), C)];
  };
  return {
    name: 'combine',
    forward: ([x]) => send(fromExperts)(x!),
    backward: (_inputs, [gradient]) => send(toExperts)(gradient!),
  };
}

const matrix = (values: Float32Array, C: number) => tf.tensor2d(values, [values.length / C, C]);
