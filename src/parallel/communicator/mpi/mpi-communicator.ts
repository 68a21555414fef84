/** A communicator of MPI: its own collectives, non-blocking, each after the ranks have agreed on what they call. */
import { combineFor, finish } from '../arithmetic.js';
import {
  BaseCommunicator,
  type Collective,
  type CommunicatorPlace,
  emptyLike,
} from '../base-communicator.js';
import type { CommunicationError, Communicator, Handle, Numbers, ReduceOptions } from '../communicator.js';
import { barrierMessages, ringSends, treeBroadcastMessages } from '../sends.js';
import type { OperationKind, Traffic } from '../traffic.js';
import type { FunctionName, MpiLibrary } from './library.js';
import type { Progress } from './progress.js';
import type { Standstill } from './standstill.js';

export interface MpiParts {
  libmpi: MpiLibrary;
  progress: Progress;
  standstill: Standstill;
  traffic: Traffic;
  /** Ends everything under way. */
  fail(reason: string): CommunicationError;
}

interface Place extends CommunicatorPlace {
  /** Data travels here, agreement on a copy. */
  comm: unknown;
  agreement: unknown;
}

type Counted = ReturnType<Traffic['begin']>;

const callBytes = 256;

export class MpiCommunicator extends BaseCommunicator {
  readonly #parts: MpiParts;
  readonly #place: Place;
  #calls = 0;
  /** Collectives are begun in the order of the calls. */
  #begun: Promise<unknown> = Promise.resolve();
  /** Of a collective that is several of MPI's: on no rank may another begin between them. */
  #phases: Promise<unknown> = Promise.resolve();
  /** Messages between two ranks with one tag keep their order. */
  readonly #queues = new Map<string, Promise<unknown>>();

  constructor(parts: MpiParts, place: Place) {
    super(place, parts.traffic);
    this.#parts = parts;
    this.#place = place;
  }

  protected begin<T>(kind: OperationKind, call: string, run: (by: Collective) => Promise<T>): Handle<T> {
    const count = ++this.#calls;
    const agreed = this.#agree(call, count);
    const counted = this.traffic.begin(kind, this.name);
    const begun = Promise.all([this.#begun, agreed])
      .then(() => this.#phases)
      .then(() => ({ result: run(this.#byMpi(counted)) }));
    this.#begun = begun.catch(() => {});
    const result = begun.then(async (started) => {
      const value = await started.result;
      counted.ended();
      return value;
    });
    return this.#handle(() => `${call}, call ${count} of ${this.name}`, result);
  }

  protected post(data: Numbers, to: number, tag: number): Handle<void> {
    const counted = this.traffic.begin('send', this.name);
    counted.sent(data.byteLength);
    const copy = data.slice();
    const head = Int32Array.of(data instanceof Float32Array ? 0 : 1, data.length);
    const { int32 } = this.#parts.libmpi.handles;
    const sent = Promise.all([
      this.#request('MPI_Isend', [head, 2, int32, to, 2 * tag, this.#place.comm]),
      this.#request('MPI_Isend', [copy, copy.length, this.#typeOf(copy), to, 2 * tag + 1, this.#place.comm]),
    ]).then(() => counted.ended());
    sent.catch(() => {});
    // As with the other engines, a send does not wait for whom it is for.
    return { wait: () => Promise.resolve() };
  }

  protected take(from: number, tag: number): Handle<Numbers> {
    const counted = this.traffic.begin('receive', this.name);
    const key = `${from} ${tag}`;
    const { int32 } = this.#parts.libmpi.handles;
    const taken = (this.#queues.get(key) ?? Promise.resolve()).then(async () => {
      const head = new Int32Array(2);
      await this.#request('MPI_Irecv', [head, 2, int32, from, 2 * tag, this.#place.comm]);
      const data = head[0] === 0 ? new Float32Array(head[1]!) : new Int32Array(head[1]!);
      await this.#request('MPI_Irecv', [
        data,
        data.length,
        this.#typeOf(data),
        from,
        2 * tag + 1,
        this.#place.comm,
      ]);
      counted.ended();
      return data;
    });
    this.#queues.set(
      key,
      taken.catch(() => {}),
    );
    return this.#handle(() => `receive(from ${from}, tag ${tag}) of ${this.name}`, taken);
  }

  protected async part(colours: Int32Array, name: string): Promise<Communicator> {
    const { libmpi } = this.#parts;
    const same = [...colours.keys()].filter((rank) => colours[rank] === colours[this.rank]);
    const split = (comm: unknown) => {
      const made = libmpi.handlePlace();
      libmpi.call('MPI_Comm_split', comm, colours[this.rank], this.rank, made);
      return made[0];
    };
    return new MpiCommunicator(this.#parts, {
      name,
      rank: same.indexOf(this.rank),
      size: same.length,
      comm: split(this.#place.comm),
      agreement: split(this.#place.agreement),
    });
  }

  /** Two numbers tell whether all call the same; only where they do not, texts travel. */
  async #agree(call: string, count: number): Promise<void> {
    if (this.size === 1) return;
    const hash = hashOf(`${count} ${call}`);
    const extremes = Int32Array.of(hash, -hash);
    const { inPlace } = this.#parts.libmpi.abi;
    const { int32, max, byte } = this.#parts.libmpi.handles;
    await this.#request('MPI_Iallreduce', [inPlace, extremes, 2, int32, max, this.#place.agreement]);
    if (extremes[0] === -extremes[1]!) return;
    const own = Buffer.alloc(callBytes);
    own.write(call.slice(0, callBytes / 4));
    const all = Buffer.alloc(callBytes * this.size);
    await this.#request('MPI_Iallgather', [
      own,
      callBytes,
      byte,
      all,
      callBytes,
      byte,
      this.#place.agreement,
    ]);
    const calls = Array.from({ length: this.size }, (_, rank) =>
      all.toString('utf8', rank * callBytes, (rank + 1) * callBytes).replace(/\0+$/, ''),
    );
    const other = calls.findIndex((one) => one !== calls[0]);
    throw this.#parts.fail(
      `the ranks of ${this.name} disagree on call ${count}: rank 0 called ${calls[0]}, rank ${other} called ${calls[other]}`,
    );
  }

  #byMpi(counted: Counted): Collective {
    const { rank, size } = this;
    const { inPlace } = this.#parts.libmpi.abi;
    const { comm } = this.#place;
    const count = (messages: number, bytes: number) => {
      for (let n = 0; n < messages; n++) counted.sent(n === 0 ? bytes : 0);
    };
    const ring = (kind: Parameters<typeof ringSends>[0], length: number) => {
      const { messages, bytes } = ringSends(kind, rank, size, length);
      count(messages, bytes);
    };
    const op = ({ reduction }: ReduceOptions) =>
      this.#parts.libmpi.handles[reduction === 'max' ? 'max' : 'sum'];
    const allToAll = (parts: readonly Numbers[]) => this.#inPhases(this.#allToAll(parts));
    const reduceHalves = async (data: Numbers, options: ReduceOptions) => {
      // MPI has no such type: every rank adds the parts that are its own, in the order of the ring.
      const each = data.length / size;
      const parts = Array.from({ length: size }, (_, n) => data.slice(n * each, (n + 1) * each));
      const received = await allToAll(parts);
      const combine = combineFor(options);
      const sum = received[(rank + 1) % size]!;
      for (let step = 2; step <= size; step++) {
        const next = received[(rank + step) % size]!.slice();
        combine(next, sum);
        sum.set(next);
      }
      finish(sum, options, size);
      return sum;
    };
    const gather = async (part: Numbers) => {
      const all = emptyLike(part, part.length * size);
      const type = this.#typeOf(part);
      await this.#request('MPI_Iallgather', [part, part.length, type, all, part.length, type, comm]);
      return all;
    };
    const allReduceHalves = (data: Numbers, options: ReduceOptions) =>
      this.#inPhases(this.#allReduceHalves(data, options, reduceHalves, gather));
    return {
      barrier: () => {
        count(barrierMessages(size), 0);
        return this.#request('MPI_Ibarrier', [comm]);
      },
      broadcast: (data, root) => {
        const messages = treeBroadcastMessages(rank, size, root);
        count(messages, messages * data.byteLength);
        return this.#request('MPI_Ibcast', [data, data.length, this.#typeOf(data), root, comm]);
      },
      reduce: async (data, root, options) => {
        if (rank !== root) count(1, data.byteLength);
        if (options.half) {
          const sum = await allReduceHalves(data.slice(), options);
          if (rank === root) data.set(sum);
          return;
        }
        const [from, into] = rank === root ? [inPlace, data] : [data, 0n];
        await this.#request('MPI_Ireduce', [
          from,
          into,
          data.length,
          this.#typeOf(data),
          op(options),
          root,
          comm,
        ]);
        if (rank === root) finish(data, options, size);
      },
      allReduce: async (data, options) => {
        ring('allReduce', data.length);
        if (options.half) {
          data.set(await allReduceHalves(data, options));
          return;
        }
        await this.#request('MPI_Iallreduce', [
          inPlace,
          data,
          data.length,
          this.#typeOf(data),
          op(options),
          comm,
        ]);
        finish(data, options, size);
      },
      reduceScatter: async (data, options) => {
        ring('reduceScatter', data.length);
        if (options.half) return reduceHalves(data, options);
        const own = emptyLike(data, data.length / size);
        await this.#request('MPI_Ireduce_scatter_block', [
          data,
          own,
          own.length,
          this.#typeOf(data),
          op(options),
          comm,
        ]);
        finish(own, options, size);
        return own;
      },
      allGather: (part) => {
        ring('allGather', part.length * size);
        return gather(part);
      },
      allToAll: (parts) => {
        const bytes = parts.reduce((sum, part, to) => sum + (to === rank ? 0 : part.byteLength), 0);
        count(size - 1, bytes);
        return allToAll(parts);
      },
    };
  }

  async #allReduceHalves(
    data: Numbers,
    options: ReduceOptions,
    reduceHalves: (data: Numbers, options: ReduceOptions) => Promise<Numbers>,
    gather: (part: Numbers) => Promise<Numbers>,
  ): Promise<Numbers> {
    const padded = emptyLike(data, Math.ceil(data.length / this.size) * this.size);
    padded.set(data);
    return (await gather(await reduceHalves(padded, options))).subarray(0, data.length);
  }

  async #allToAll(parts: readonly Numbers[]): Promise<Numbers[]> {
    const { comm } = this.#place;
    const { int32 } = this.#parts.libmpi.handles;
    const lengths = Int32Array.from(parts, (part) => part.length);
    const incoming = new Int32Array(this.size);
    await this.#request('MPI_Ialltoall', [lengths, 1, int32, incoming, 1, int32, comm]);
    const sent = emptyLike(parts[0]!, sum(lengths));
    const [from, into] = [offsets(lengths), offsets(incoming)];
    for (const [to, part] of parts.entries()) sent.set(part, from[to]);
    const received = emptyLike(sent, sum(incoming));
    const type = this.#typeOf(sent);
    await this.#request('MPI_Ialltoallv', [sent, lengths, from, type, received, incoming, into, type, comm]);
    return Array.from(incoming, (length, rank) => received.slice(into[rank], into[rank]! + length));
  }

  #inPhases<T>(result: Promise<T>): Promise<T> {
    this.#phases = result.catch(() => {});
    return result;
  }

  #request(name: FunctionName, args: readonly unknown[]): Promise<void> {
    return this.#parts.progress.request((place) => this.#parts.libmpi.call(name, ...args, place), args);
  }

  #handle<T>(what: () => string, promise: Promise<T>): Handle<T> {
    promise.catch(() => {});
    return { wait: () => this.#parts.standstill.during(what, promise) };
  }

  #typeOf(data: Numbers): unknown {
    return this.#parts.libmpi.handles[data instanceof Float32Array ? 'float32' : 'int32'];
  }
}

const sum = (lengths: Int32Array) => lengths.reduce((total, length) => total + length, 0);

function offsets(lengths: Int32Array): Int32Array {
  let offset = 0;
  return lengths.map((length) => {
    const start = offset;
    offset += length;
    return start;
  });
}

/** 31 bits, so that its negative is an int32 too (FNV-1a). */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash >>> 1;
}
