/** Collectives on tensors: values are read, travel as plain numbers, and are a new tensor again. */
import { read } from '../compute/read.js';
import { tf } from '../compute/tf.js';
import type { Communicator, Reduction } from './communicator/index.js';

/** The values of a tensor, the caller's to change: `read` may give a backend's own array. */
export async function numbersOf(tensor: tf.Tensor): Promise<Float32Array> {
  return Float32Array.from(await read(tensor));
}

/** The sum (or maximum) over the ranks, in the shape of the part. */
export async function allReduced(
  comm: Communicator,
  tensor: tf.Tensor,
  reduction: Reduction = 'sum',
): Promise<tf.Tensor> {
  return tf.tensor(await comm.allReduce(await numbersOf(tensor), { reduction }), tensor.shape);
}

/** The parts of all ranks joined along an axis. */
export async function allGathered(comm: Communicator, part: tf.Tensor, axis: number): Promise<tf.Tensor> {
  const all = await comm.allGather(await numbersOf(part));
  return tf.tidy(() => tf.concat(tf.unstack(tf.tensor(all, [comm.size, ...part.shape])), axis));
}

/** This rank's part, along an axis, of the sum over the ranks. */
export async function reduceScattered(
  comm: Communicator,
  tensor: tf.Tensor,
  axis: number,
): Promise<tf.Tensor> {
  requireParts(comm, tensor, axis);
  const stacked = tf.tidy(() => tf.stack(tf.split(tensor, comm.size, axis)));
  const shape = [...tensor.shape];
  shape[axis]! /= comm.size;
  try {
    return tf.tensor(await comm.reduceScatter(await numbersOf(stacked)), shape);
  } finally {
    stacked.dispose();
  }
}

/** This rank's part of what all ranks have, along an axis; nothing is sent. */
export function ownPart(comm: Communicator, tensor: tf.Tensor, axis: number): tf.Tensor {
  requireParts(comm, tensor, axis);
  const [begin, size] = [tensor.shape.map(() => 0), [...tensor.shape]];
  size[axis]! /= comm.size;
  begin[axis] = comm.rank * size[axis]!;
  return tf.slice(tensor, begin, size);
}

function requireParts(comm: Communicator, { shape }: tf.Tensor, axis: number): void {
  const extent = shape[axis]!;
  if (extent % comm.size === 0) return;
  const below = Math.floor(extent / comm.size) * comm.size;
  throw new RangeError(
    `axis ${axis} of shape [${shape}] does not divide over the ${comm.size} ranks of ${comm.name}; ` +
      `${below > 0 ? `${below} or ` : ''}${below + comm.size} would`,
  );
}
