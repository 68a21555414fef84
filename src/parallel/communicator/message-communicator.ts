/** A communicator made of messages: the algorithms of rings and trees over a transport. */
import { disseminationBarrier, pairwiseAllToAll } from './algorithms/direct.js';
import { partBounds, ringAllGather, ringAllReduce, ringReduceScatter } from './algorithms/ring.js';
import { treeBroadcast, treeReduce } from './algorithms/tree.js';
import { combineFor, finish, unreducible } from './arithmetic.js';
import type { Channel } from './channel.js';
import type { Communicator, Handle, Numbers, Operations, ReduceOptions } from './communicator.js';
import type { OperationKind, Traffic } from './traffic.js';
import type { Transport } from './transport.js';

interface Place {
  name: string;
  /** Ranks of the world, by rank of this communicator. */
  members: readonly number[];
  rank: number;
}

export class MessageCommunicator implements Communicator {
  readonly rank: number;
  readonly size: number;
  readonly name: string;
  readonly start: Operations<'started'>;
  readonly #members: readonly number[];
  #calls = 0;
  #splits = 0;

  constructor(
    private readonly transport: Transport,
    { name, members, rank }: Place,
    readonly traffic: Traffic,
  ) {
    this.name = name;
    this.rank = rank;
    this.size = members.length;
    this.#members = members;
    this.start = this.#operations();
  }

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
    if (!Number.isInteger(colour))
      throw new RangeError(`split: the colour must be a whole number, got ${colour}`);
    const count = this.#splits++;
    const handle = this.#begin('split', label, async (channel) => {
      const colours = new Int32Array(channel.size);
      colours[channel.rank] = colour;
      await ringAllGather(channel, colours, partBounds(channel.size, channel.size));
      return colours;
    });
    const colours = await handle.wait();
    const same = [...colours.keys()].filter((rank) => colours[rank] === colour);
    const place = {
      name: `${this.name}/${label} ${colour}${count > 0 ? ` (${count + 1})` : ''}`,
      members: same.map((rank) => this.#members[rank]!),
      rank: same.indexOf(this.rank),
    };
    return new MessageCommunicator(this.transport, place, this.traffic);
  }

  #operations(): Operations<'started'> {
    return {
      barrier: () => this.#begin('barrier', '', disseminationBarrier),
      broadcast: (data, root = 0) => {
        this.#checkRank('broadcast', root);
        return this.#begin('broadcast', `${shapeOf(data)}, root ${root}`, async (channel) => {
          await treeBroadcast(channel, data, root);
          return data;
        });
      },
      reduce: (data, root = 0, options = {}) => {
        this.#checkRank('reduce', root);
        this.#checkReduction('reduce', data, options);
        return this.#begin(
          'reduce',
          `${shapeOf(data)}, ${reductionText(options)}, root ${root}`,
          async (channel) => {
            const sum = channel.rank === root ? data : data.slice();
            await treeReduce(channel, sum, root, combineFor(options));
            if (channel.rank === root) finish(data, options, channel.size);
            return data;
          },
        );
      },
      allReduce: (data, options = {}) => {
        this.#checkReduction('allReduce', data, options);
        return this.#begin('allReduce', `${shapeOf(data)}, ${reductionText(options)}`, async (channel) => {
          await ringAllReduce(channel, data, combineFor(options));
          finish(data, options, channel.size);
          return data;
        });
      },
      reduceScatter: <T extends Numbers>(data: T, options: ReduceOptions = {}) => {
        this.#checkReduction('reduceScatter', data, options);
        if (data.length % this.size !== 0)
          throw new RangeError(
            `reduceScatter of ${this.name}: ${data.length} numbers cannot be divided over ${this.size} ranks; pad them to ${Math.ceil(data.length / this.size) * this.size}`,
          );
        return this.#begin(
          'reduceScatter',
          `${shapeOf(data)}, ${reductionText(options)}`,
          async (channel) => {
            const sum = data.slice() as T;
            const bounds = partBounds(sum.length, channel.size);
            await ringReduceScatter(channel, sum, bounds, combineFor(options));
            const own = sum.slice(bounds[channel.rank], bounds[channel.rank + 1]) as T;
            finish(own, options, channel.size);
            return own;
          },
        );
      },
      allGather: <T extends Numbers>(part: T) =>
        this.#begin('allGather', shapeOf(part), async (channel) => {
          const all = emptyLike(part, part.length * channel.size);
          all.set(part, channel.rank * part.length);
          await ringAllGather(channel, all, partBounds(all.length, channel.size));
          return all;
        }),
      allToAll: <T extends Numbers>(parts: readonly T[]) => {
        if (parts.length !== this.size)
          throw new RangeError(
            `allToAll of ${this.name}: ${parts.length} parts for ${this.size} ranks; give one for each, an empty one where there is nothing`,
          );
        return this.#begin(
          'allToAll',
          typeOf(parts[0]!),
          (channel) => pairwiseAllToAll(channel, parts) as Promise<T[]>,
        );
      },
      send: (data, to, tag = 0) => {
        this.#checkRank('send', to);
        const counted = this.traffic.begin('send', this.name);
        counted.sent(data.byteLength);
        this.transport.post(this.#members[to]!, `${this.name}:${tag}`, data);
        counted.ended();
        return { wait: () => Promise.resolve() };
      },
      receive: (from, tag = 0) => {
        this.#checkRank('receive', from);
        const counted = this.traffic.begin('receive', this.name);
        const what = () => `receive(from ${from}, tag ${tag}) of ${this.name}`;
        const taken = this.transport.take(this.#members[from]!, `${this.name}:${tag}`).then((data) => {
          counted.ended();
          return data;
        });
        return this.#handle(what, taken);
      },
    };
  }

  #begin<T>(kind: OperationKind, details: string, run: (channel: Channel) => Promise<T>): Handle<T> {
    const call = `${kind}(${details})`;
    const count = ++this.#calls;
    const key = `${this.name}#${count}`;
    this.transport.agree(key, call, this.#members);
    const counted = this.traffic.begin(kind, this.name);
    let from: number | undefined;
    const channel: Channel = {
      rank: this.rank,
      size: this.size,
      send: (to, data) => {
        counted.sent(data.byteLength);
        this.transport.post(this.#members[to]!, key, data);
      },
      receive: (rank) => {
        from = rank;
        return this.transport.take(this.#members[rank]!, key);
      },
    };
    const what = () =>
      `${call}, call ${count} of ${this.name}${from === undefined ? '' : `, for rank ${from}`}`;
    return this.#handle(
      what,
      run(channel).then((result) => {
        counted.ended();
        return result;
      }),
    );
  }

  #handle<T>(what: () => string, promise: Promise<T>): Handle<T> {
    // A failure is told where the handle is waited for, and to the program by its engine.
    promise.catch(() => {});
    return { wait: () => this.transport.blocked(what, promise) };
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

function emptyLike<T extends Numbers>(data: T, length: number): T {
  return (data instanceof Float32Array ? new Float32Array(length) : new Int32Array(length)) as T;
}
