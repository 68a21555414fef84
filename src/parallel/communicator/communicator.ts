/**
 * What ranks say to each other: one interface for ranks in one thread (`async-ranks.ts`), in worker threads and under MPI. All
 * ranks of a communicator call its collectives in the same order, as in MPI and torch.distributed.
 */
import type { Traffic } from './traffic.js';

export type Numbers = Float32Array | Int32Array;

export type Reduction = 'sum' | 'mean' | 'max';

export interface ReduceOptions {
  /** Default 'sum'. The mean of int32 is refused: it would be rounded. */
  reduction?: Reduction;
  /** The Int32Array holds two numbers of 16 bits in each element, as half tensors do; they are added as such. */
  half?: boolean;
}

/** An operation under way. What it was given belongs to it until it has ended. */
export interface Handle<T> {
  /** Its result. @throws what made it fail */
  wait(): Promise<T>;
}

/**
 * The operations; each returns when this rank's part is done. Lengths must be equal on all ranks where nothing else is said.
 * @throws CommunicationError when ranks call different things, one has failed, or nobody can go on
 */
export interface Operations<Kind extends 'blocking' | 'started'> {
  /** Returns when all ranks have called it. */
  barrier(): Result<Kind, void>;
  /** In place: everybody's `data` becomes that of `root` (default 0). */
  broadcast<T extends Numbers>(data: T, root?: number): Result<Kind, T>;
  /** In place at `root` (default 0); elsewhere `data` is left as it was. */
  reduce<T extends Numbers>(data: T, root?: number, options?: ReduceOptions): Result<Kind, T>;
  /** In place: everybody's `data` becomes the sum, mean or maximum over the ranks, the same bits on all of them. */
  allReduce<T extends Numbers>(data: T, options?: ReduceOptions): Result<Kind, T>;
  /** Rank r gets part r of the sum: `data` is divided into equal parts, one per rank. */
  reduceScatter<T extends Numbers>(data: T, options?: ReduceOptions): Result<Kind, T>;
  /** The parts of all ranks, one after the other. */
  allGather<T extends Numbers>(part: T): Result<Kind, T>;
  /** Part r goes to rank r; the result's part r came from rank r. Parts may differ in length, and be empty. */
  allToAll<T extends Numbers>(parts: readonly T[]): Result<Kind, T[]>;
  /** To another rank, where a `receive` with the same tag takes it. Messages between two ranks keep their order. */
  send(data: Numbers, to: number, tag?: number): Result<Kind, void>;
  receive(from: number, tag?: number): Result<Kind, Numbers>;
}

export type Result<Kind, T> = Kind extends 'blocking' ? Promise<T> : Handle<T>;

export interface Communicator extends Operations<'blocking'> {
  readonly rank: number;
  readonly size: number;
  /** 'world', or what `split` made of it, as in 'world/tensor 1'. */
  readonly name: string;
  /** What this rank has sent so far, through this communicator and those split from it. */
  readonly traffic: Traffic;
  /** The same operations without waiting: each gives a handle. They may overlap each other and computation. */
  readonly start: Operations<'started'>;
  /**
   * A communicator of the ranks that give the same colour, in the order of their ranks here. All ranks must call it.
   * @param label names it, for errors and traces
   */
  split(colour: number, label?: string): Promise<Communicator>;
}

/** Ranks disagree, one is gone, or nobody can go on. The message names ranks, calls and shapes. */
export class CommunicationError extends Error {
  override name = 'CommunicationError';
}
