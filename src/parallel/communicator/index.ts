/** Ranks and what they say to each other. */

export { ringAllGather, ringAllReduce, ringReduceScatter } from './algorithms/ring.js';
export { treeBroadcast, treeReduce } from './algorithms/tree.js';
export { type RanksOptions, ranks } from './async-ranks.js';
export type { Channel } from './channel.js';
export {
  CommunicationError,
  type Communicator,
  type Handle,
  type Numbers,
  type ReduceOptions,
  type Reduction,
} from './communicator.js';
export { MpiError } from './mpi/library.js';
export { type MpiOptions, mpi, mpiVersion } from './mpi/world.js';
export type { RankProgram } from './threads/thread-worker.js';
export { type ThreadsOptions, threads } from './threads/threads.js';
export { type Counts, type OperationKind, Traffic, type TrafficEvent } from './traffic.js';
