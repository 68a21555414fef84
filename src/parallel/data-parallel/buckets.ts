/**
 * Which parameters' gradients are reduced together: in reverse order of use, as the backward pass completes them (Li et al. 2020, PyTorch
 * Distributed, arXiv:2006.15704, section 3.2.3).
 */
import { sizeOf } from '../../compute/ndarray.js';
import type { FlatParameter } from './layout.js';

export interface BucketOptions {
  /** Bytes of float32 gradients after which a bucket is full. Default 25 MiB, as in PyTorch. */
  bucketBytes?: number;
  /** Of the first, which starts soonest. Default 1 MiB, or `bucketBytes` where that is less, as in PyTorch. */
  firstBucketBytes?: number;
}

const mebibyte = 2 ** 20;

/**
 * @param parameters in order of use
 * @returns the buckets in the order in which they are reduced; a parameter larger than the limit has one of its own
 * @throws RangeError when a limit is no positive number
 */
export function bucketsOf(
  parameters: readonly FlatParameter[],
  { bucketBytes = 25 * mebibyte, firstBucketBytes = Math.min(mebibyte, bucketBytes) }: BucketOptions = {},
): FlatParameter[][] {
  for (const [name, bytes] of Object.entries({ bucketBytes, firstBucketBytes }))
    if (!(bytes > 0))
      throw new RangeError(`buckets: ${name} must be a positive number of bytes, got ${bytes}`);
  const buckets: FlatParameter[][] = [];
  let room = 0;
  for (const parameter of parameters.toReversed()) {
    const bytes = 4 * sizeOf(parameter.shape);
    if (bytes > room || buckets.length === 0) {
      room = buckets.length === 0 ? firstBucketBytes : bucketBytes;
      buckets.push([]);
    }
    buckets.at(-1)!.push(parameter);
    room -= bytes;
  }
  return buckets;
}
