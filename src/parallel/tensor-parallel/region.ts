/**
 * The borders of a region in which every rank holds a slice of the activations or only a part of a sum: pairs of operators, each
 * the other's backward pass (Megatron: Shoeybi et al. 2019, arXiv:1909.08053, section 3; along the sequence: Korthikanti et al.
 * 2022, arXiv:2205.05198, section 4.2.2).
 */
import { tf } from '../../compute/tf.js';
import type { Communicator } from '../communicator/index.js';
import type { Operator, Tape, Value } from '../tape/index.js';
import { allGathered, allReduced, ownPart, reduceScattered } from '../tensor-collectives.js';

export interface TensorGroup {
  /** Absent: one rank. */
  comm?: Communicator | undefined;
  /** Between the regions each rank holds 1/n of the sequence instead of all of it. */
  sequenceParallel?: boolean;
}

/** f: the same on the way in; the sum over the ranks of the gradients, each of which is only its rank's part. */
export function copyTo(comm: Communicator): Operator {
  return {
    name: 'copyTo',
    forward: ([x]) => [tf.clone(x!)],
    backward: async (_inputs, [gradient]) => [await allReduced(comm, gradient!)],
  };
}

/** g: the sum over the ranks; its gradient is everybody's. */
export function reduceFrom(comm: Communicator): Operator {
  return {
    name: 'reduceFrom',
    forward: async ([x]) => [await allReduced(comm, x!)],
    backward: (_inputs, [gradient]) => [tf.clone(gradient!)],
  };
}

/** From the sequence's parts to all of it: all-gather; backward reduce-scatter. */
export function gatherSequence(comm: Communicator, axis = 1): Operator {
  return {
    name: 'gatherSequence',
    forward: async ([x]) => [await allGathered(comm, x!, axis)],
    backward: async (_inputs, [gradient]) => [await reduceScattered(comm, gradient!, axis)],
  };
}

/** The sum over the ranks, of which each keeps its part of the sequence: reduce-scatter; backward all-gather. */
export function scatterSequence(comm: Communicator, axis = 1): Operator {
  return {
    name: 'scatterSequence',
    forward: async ([x]) => [await reduceScattered(comm, x!, axis)],
    backward: async (_inputs, [gradient]) => [await allGathered(comm, gradient!, axis)],
  };
}

/** From slices of the last axis to all of it, for what all ranks then compute alike: all-gather; backward its own slice. */
export function gatherOutput(comm: Communicator): Operator {
  return {
    name: 'gatherOutput',
    forward: async ([x]) => [await allGathered(comm, x!, x!.rank - 1)],
    backward: (_inputs, [gradient]) => [ownPart(comm, gradient!, gradient!.rank - 1)],
  };
}

/** From what all ranks have to their slices of the last axis; backward all-gather. */
export function scatterInput(comm: Communicator): Operator {
  return {
    name: 'scatterInput',
    forward: ([x]) => [ownPart(comm, x!, x!.rank - 1)],
    backward: async (_inputs, [gradient]) => [await allGathered(comm, gradient!, gradient!.rank - 1)],
  };
}

export function isSplit({ comm }: TensorGroup): boolean {
  return comm !== undefined && comm.size > 1;
}

/** Into a region: x [B,T,C] on all ranks, or [B,T/n,C] under sequence parallelism -> [B,T,C]. */
export async function enterRegion(tape: Tape, x: Value, group: TensorGroup): Promise<Value> {
  if (!isSplit(group)) return x;
  return tape.apply((group.sequenceParallel ? gatherSequence : copyTo)(group.comm!), x);
}

/** Out of a region: parts of a sum [B,T,C] -> [B,T,C], or [B,T/n,C] under sequence parallelism. */
export async function leaveRegion(tape: Tape, x: Value, group: TensorGroup): Promise<Value> {
  if (!isSplit(group)) return x;
  return tape.apply((group.sequenceParallel ? scatterSequence : reduceFrom)(group.comm!), x);
}
