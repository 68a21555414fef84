/** What the communicators of all engines share: checks of what they are given, names of calls, counts, handles. */
import { unreducible } from './arithmetic.js';
import type { Communicator, Handle, Numbers, Operations, ReduceOptions } from './communicator.js';
import type { OperationKind, Traffic } from './traffic.js';

/** How an engine carries out one call. */
export interface Collective {
  barrier(): Promise<void>;
  /** In place. */
  broadcast(data: Numbers, root: number): Promise<void>;
  /** In place at the root. */
  reduce(data: Numbers, root: number, options: ReduceOptions): Promise<void>;
  /** In place. */
  allReduce(data: Numbers, options: ReduceOptions): Promise<void>;
  reduceScatter(data: Numbers, options: ReduceOptions): Promise<Numbers>;
  allGather(part: Numbers): Promise<Numbers>;
  allToAll(parts: readonly Numbers[]): Promise<Numbers[]>;
}

export interface CommunicatorPlace {
  name: string;
  rank: number;
  size: number;
}

export abstract class BaseCommunicator implements Communicator {
  readonly rank: number;
  readonly size: number;
  readonly name: string;
  readonly start: Operations<'started'>;
  #splits = 0;

  protected constructor(
    { name, rank, size }: CommunicatorPlace,
    readonly traffic: Traffic,
  ) {
    this.name = name;
    this.rank = rank;
    this.size = size;
    this.start = this.#operations();
  }

  /** @param call as all ranks must call it, e.g. `allReduce(float32[4], sum)` */
  protected abstract begin<T>(
    kind: OperationKind,
    call: string,
    run: (by: Collective) => Promise<T>,
  ): Handle<T>;
  protected abstract post(data: Numbers, to: number, tag: number): Handle<void>;
  protected abstract take(from: number, tag: number): Handle<Numbers>;
  /** @param colours of all ranks @param name of the part this rank is in */
  protected abstract part(colours: Int32Array, name: string): Promise<Communicator>;

  barrier(): Promise<void> {
    return this.start.barrier().wait();
  }

  broadcast<T extends Numbers>(data: T, root?: number): Promise<T> {
    return this.start.broadcast(data, root).wait();
  }

  reduce<T extends Numbers>(data: T, root?: number, options?: ReduceOptions): Promise<T> {
    return this.start.reduce(data, root, options).wait();
  }

  allReduce<T extends Numbers>(data: T, options?: ReduceOptions): Promise<T> {
    return this.start.allReduce(data, options).wait();
  }

  reduceScatter<T extends Numbers>(data: T, options?: ReduceOptions): Promise<T> {
    return this.start.reduceScatter(data, options).wait();
  }

  allGather<T extends Numbers>(part: T): Promise<T> {
    return this.start.allGather(part).wait();
  }

  allToAll<T extends Numbers>(parts: readonly T[]): Promise<T[]> {
    return this.start.allToAll(parts).wait();
  }

  send(data: Numbers, to: number, tag?: number): Promise<void> {
    return this.start.send(data, to, tag).wait();
  }

  receive(from: number, tag?: number): Promise<Numbers> {
    return this.start.receive(from, tag).wait();
  }

  async split(colour: number, label = 'part'): Promise<Communicator> {
    if (!(Number.isInteger(colour) && colour >= 0))
      throw new RangeError(`split: the colour must be a whole number from 0, got ${colour}`);
    const count = this.#splits++;
    const own = Int32Array.of(colour);
    const colours = await this.begin('split', `split(${label})`, (by) => by.allGather(own)).wait();
    const name = `${this.name}/${label} ${colour}${count > 0 ? ` (${count + 1})` : ''}`;
    return this.part(colours as Int32Array, name);
  }

  #operations(): Operations<'started'> {
    return {
      barrier: () => this.begin('barrier', 'barrier()', (by) => by.barrier()),
      broadcast: (data, root = 0) => {
        this.#checkRank('broadcast', root);
        return this.begin('broadcast', `broadcast(${shapeOf(data)}, root ${root})`, async (by) => {
          await by.broadcast(data, root);
          return data;
        });
      },
      reduce: (data, root = 0, options = {}) => {
        this.#checkRank('reduce', root);
        this.#checkReduction('reduce', data, options);
        const call = `reduce(${shapeOf(data)}, ${reductionText(options)}, root ${root})`;
        return this.begin('reduce', call, async (by) => {
          await by.reduce(data, root, options);
          return data;
        });
      },
      allReduce: (data, options = {}) => {
        this.#checkReduction('allReduce', data, options);
        return this.begin(
          'allReduce',
          `allReduce(${shapeOf(data)}, ${reductionText(options)})`,
          async (by) => {
            await by.allReduce(data, options);
            return data;
          },
        );
      },
      reduceScatter: <T extends Numbers>(data: T, options: ReduceOptions = {}) => {
        this.#checkReduction('reduceScatter', data, options);
        if (data.length % this.size !== 0) {
          const padded = Math.ceil(data.length / this.size) * this.size;
          throw new RangeError(
            `reduceScatter of ${this.name}: ${data.length} numbers cannot be divided over ${this.size} ranks; pad them to ${padded}`,
          );
        }
        const call = `reduceScatter(${shapeOf(data)}, ${reductionText(options)})`;
        return this.begin('reduceScatter', call, (by) => by.reduceScatter(data, options) as Promise<T>);
      },
      allGather: <T extends Numbers>(part: T) =>
        this.begin('allGather', `allGather(${shapeOf(part)})`, (by) => by.allGather(part) as Promise<T>),
      allToAll: <T extends Numbers>(parts: readonly T[]) => {
        if (parts.length !== this.size)
          throw new RangeError(
            `allToAll of ${this.name}: ${parts.length} parts for ${this.size} ranks; give one for each, an empty one where there is nothing`,
          );
        const call = `allToAll(${typeOf(parts[0]!)})`;
        return this.begin('allToAll', call, (by) => by.allToAll(parts) as Promise<T[]>);
      },
      send: (data, to, tag = 0) => {
        this.#checkRank('send', to);
        return this.post(data, to, tag);
      },
      receive: (from, tag = 0) => {
        this.#checkRank('receive', from);
        return this.take(from, tag);
      },
    };
  }

  #checkRank(caller: string, rank: number): void {
    if (!Number.isInteger(rank) || rank < 0 || rank >= this.size)
      throw new RangeError(`${caller} of ${this.name}: there is no rank ${rank}, only 0 to ${this.size - 1}`);
  }

  #checkReduction(caller: string, data: Numbers, options: ReduceOptions): void {
    const why = unreducible(data, options);
    if (why !== undefined) throw new TypeError(`${caller} of ${this.name}: ${why}`);
  }
}

const typeOf = (data: Numbers) => (data instanceof Float32Array ? 'float32' : 'int32');
const shapeOf = (data: Numbers) => `${typeOf(data)}[${data.length}]`;
const reductionText = ({ reduction = 'sum', half }: ReduceOptions) =>
  `${reduction}${half ? ' of halves' : ''}`;

/** An array of the same type. */
export function emptyLike<T extends Numbers>(data: T, length: number): T {
  return (data instanceof Float32Array ? new Float32Array(length) : new Int32Array(length)) as T;
}
