/**
 * A mixture of experts (see `mixtureOfExperts`) of which each rank owns some: every rank routes its own tokens, two all-to-alls in each pass
 * take them to their experts and back.
 */
import { sizeOf } from '../../compute/ndarray.js';
import { read } from '../../compute/read.js';
import { tf } from '../../compute/tf.js';
import { swiGluFfn } from '../../layers/feed-forward/feed-forward.js';
import { routeTokens } from '../../layers/moe/router.js';
import type { Communicator } from '../communicator/index.js';
import { localOperator, type Operator, type Tape, type Value } from '../tape/index.js';
import { combine, dispatch } from './dispatch.js';
import { ownExperts, planRoutes, type Routes } from './routes.js';

export interface ExpertShards {
  /** [E,C], on all ranks: its gradient here is that of this rank's tokens, to be summed over the ranks. */
  router: Value;
  /** This rank's, in order; see `ownExperts`. Their gradients are those of all ranks' tokens. */
  experts: readonly { wGate: Value; wUp: Value; wDown: Value }[];
}

export interface ParallelExpertOptions {
  topK: number;
  renormalise?: boolean;
}

/** x [...,C], this rank's tokens -> the same shape. @throws RangeError when the experts do not divide over the ranks */
export async function parallelMixtureOfExperts(
  tape: Tape,
  comm: Communicator | undefined,
  x: Value,
  { router, experts }: ExpertShards,
  options: ParallelExpertOptions,
): Promise<Value> {
  const { shape } = x;
  const C = shape.at(-1)!;
  const E = router.shape[0]!;
  const { count } = ownExperts(E, comm);
  if (experts.length !== count)
    throw new RangeError(`this rank owns ${count} of ${E} experts, and was given ${experts.length}`);
  const rows = tape.local('rows', (a) => tf.reshape(a!, [sizeOf(shape.slice(0, -1)), C]), x);
  const route = localOperator('router', (a, w) => {
    const { weights, chosen } = routeTokens(a!, w!, options);
    return [weights, chosen];
  });
  const [weights, chosen] = await tape.applyAll(route, rows, router);
  const routes = await planRoutes(comm, await read(chosen!.tensor), E);
  const sent = await tape.apply(dispatch(comm, routes), rows);
  const matrices = experts.flatMap(({ wGate, wUp, wDown }) => [wGate, wUp, wDown]);
  const found = await tape.apply(ownOutputs(routes), sent, ...matrices);
  const back = await tape.apply(combine(comm, routes), found);
  const weighed = (outputs: tf.Tensor, shares: tf.Tensor) => weigh(outputs, shares, routes, options.topK);
  const out = tape.local('weigh', (a, b) => weighed(a!, b!), back, weights!);
  return tape.local('shape', (a) => tf.reshape(a!, shape), out);
}

/** Rows of this rank's experts, each piece through its own. Gradients are zeros, not absent, where an expert has no token. */
function ownOutputs({ coming }: Routes): Operator {
  const counts = [...coming[0]!.keys()].map((expert) => coming.reduce((sum, from) => sum + from[expert]!, 0));
  const local = localOperator('experts', (rows, ...matrices) => {
    const C = rows!.shape[1]!;
    let at = 0;
    const pieces = counts.flatMap((count, expert) => {
      if (count === 0) return [];
      const [wGate, wUp, wDown] = matrices.slice(3 * expert, 3 * expert + 3);
      const piece = tf.slice(rows!, [at, 0], [count, C]);
      at += count;
      return [swiGluFfn(piece, { wGate: wGate!, wUp: wUp!, wDown: wDown! })];
    });
    return pieces.length > 0 ? tf.concat(pieces, 0) : tf.zeros([0, C]);
  });
  return {
    ...local,
    async backward(inputs, gradients, wanted, outputs) {
      const none = counts.every((count) => count === 0);
      const found = none ? [] : await local.backward(inputs, gradients, wanted, outputs);
      return inputs.map((input, n) => found[n] ?? (wanted[n] ? tf.zerosLike(input) : undefined));
    },
  };
}

/** Outputs [N topK,C] and weights [N,E] -> [N,C], summed in the order of the experts. */
function weigh(outputs: tf.Tensor, weights: tf.Tensor, { pairs, experts }: Routes, topK: number): tf.Tensor {
  const [N, E] = weights.shape as [number, number];
  const flat = tf.reshape(weights, [N * E]);
  const shares = Array.from({ length: topK }, (_, k) => {
    const own = Int32Array.from(pairs, (ofToken) => ofToken[k]!);
    const places = own.map((pair, token) => token * E + experts[pair]!);
    const share = tf.reshape(tf.gather(flat, tf.tensor1d(places, 'int32')), [N, 1]);
    return tf.mul(tf.gather(outputs, tf.tensor1d(own, 'int32')), share);
  });
  return tf.addN(shares);
}
