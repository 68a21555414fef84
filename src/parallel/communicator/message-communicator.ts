/** A communicator made of messages: the algorithms of rings and trees over a transport. */
import { disseminationBarrier, pairwiseAllToAll } from './algorithms/direct.js';
import { partBounds, ringAllGather, ringAllReduce, ringReduceScatter } from './algorithms/ring.js';
import { treeBroadcast, treeReduce } from './algorithms/tree.js';
import { combineFor, finish } from './arithmetic.js';
import { BaseCommunicator, type Collective, emptyLike } from './base-communicator.js';
import type { Channel } from './channel.js';
import type { Communicator, Handle, Numbers } from './communicator.js';
import type { OperationKind, Traffic } from './traffic.js';
import type { Transport } from './transport.js';

interface Place {
  name: string;
  /** Ranks of the world, by rank of this communicator. */
  members: readonly number[];
  rank: number;
}

export class MessageCommunicator extends BaseCommunicator {
  readonly #members: readonly number[];
  readonly #transport: Transport;
  #calls = 0;

  constructor(transport: Transport, { name, members, rank }: Place, traffic: Traffic) {
    super({ name, rank, size: members.length }, traffic);
    this.#transport = transport;
    this.#members = members;
  }

  protected begin<T>(kind: OperationKind, call: string, run: (by: Collective) => Promise<T>): Handle<T> {
    const count = ++this.#calls;
    const key = `${this.name}#${count}`;
    this.#transport.agree(key, call, this.#members);
    const counted = this.traffic.begin(kind, this.name);
    let from: number | undefined;
    const channel: Channel = {
      rank: this.rank,
      size: this.size,
      send: (to, data) => {
        counted.sent(data.byteLength);
        this.#transport.post(this.#members[to]!, key, data);
      },
      receive: (rank) => {
        from = rank;
        return this.#transport.take(this.#members[rank]!, key);
      },
    };
    const what = () =>
      `${call}, call ${count} of ${this.name}${from === undefined ? '' : `, for rank ${from}`}`;
    const result = run(byMessages(channel)).then((value) => {
      counted.ended();
      return value;
    });
    return this.#handle(what, result);
  }

  protected post(data: Numbers, to: number, tag: number): Handle<void> {
    const counted = this.traffic.begin('send', this.name);
    counted.sent(data.byteLength);
    this.#transport.post(this.#members[to]!, `${this.name}:${tag}`, data);
    counted.ended();
    return { wait: () => Promise.resolve() };
  }

  protected take(from: number, tag: number): Handle<Numbers> {
    const counted = this.traffic.begin('receive', this.name);
    const taken = this.#transport.take(this.#members[from]!, `${this.name}:${tag}`).then((data) => {
      counted.ended();
      return data;
    });
    return this.#handle(() => `receive(from ${from}, tag ${tag}) of ${this.name}`, taken);
  }

  protected async part(colours: Int32Array, name: string): Promise<Communicator> {
    const same = [...colours.keys()].filter((rank) => colours[rank] === colours[this.rank]);
    const members = same.map((rank) => this.#members[rank]!);
    return new MessageCommunicator(
      this.#transport,
      { name, members, rank: same.indexOf(this.rank) },
      this.traffic,
    );
  }

  #handle<T>(what: () => string, promise: Promise<T>): Handle<T> {
    // A failure is told where the handle is waited for, and to the program by its engine.
    promise.catch(() => {});
    return { wait: () => this.#transport.blocked(what, promise) };
  }
}

function byMessages(channel: Channel): Collective {
  const { rank, size } = channel;
  return {
    barrier: () => disseminationBarrier(channel),
    broadcast: (data, root) => treeBroadcast(channel, data, root),
    reduce: async (data, root, options) => {
      await treeReduce(channel, rank === root ? data : data.slice(), root, combineFor(options));
      if (rank === root) finish(data, options, size);
    },
    allReduce: async (data, options) => {
      await ringAllReduce(channel, data, combineFor(options));
      finish(data, options, size);
    },
    reduceScatter: async (data, options) => {
      const sum = data.slice();
      const bounds = partBounds(sum.length, size);
      await ringReduceScatter(channel, sum, bounds, combineFor(options));
      const own = sum.slice(bounds[rank], bounds[rank + 1]);
      finish(own, options, size);
      return own;
    },
    allGather: async (part) => {
      const all = emptyLike(part, part.length * size);
      all.set(part, rank * part.length);
      await ringAllGather(channel, all, partBounds(all.length, size));
      return all;
    },
    allToAll: (parts) => pairwiseAllToAll(channel, parts),
  };
}
