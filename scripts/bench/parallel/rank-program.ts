/** One rank of the measurement: all-reduces of so many bytes, as `all-reduce.c` does them. */
import type { Communicator } from '../../../src/parallel/communicator/index.js';

export interface RankArguments {
  bytes: number;
  repetitions: number;
}

/** @returns seconds of each repetition on the slowest rank */
export default async function measureRank(comm: Communicator, args: unknown): Promise<number[]> {
  const { bytes, repetitions } = args as RankArguments;
  const data = new Float32Array(bytes / 4);
  const seconds: number[] = [];
  // The first one touches memory and makes connections.
  for (let n = -1; n < repetitions; n++) {
    data.fill(1);
    await comm.barrier();
    const start = performance.now();
    await comm.allReduce(data);
    const slowest = Float32Array.of((performance.now() - start) / 1000);
    await comm.allReduce(slowest, { reduction: 'max' });
    if (data[0] !== comm.size || data.at(-1) !== comm.size)
      throw new Error(`the all-reduce of ones on ${comm.size} ranks gave ${data[0]} and ${data.at(-1)}`);
    if (n >= 0) seconds.push(slowest[0]!);
  }
  return seconds;
}
