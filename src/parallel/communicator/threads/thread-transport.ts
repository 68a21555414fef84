/** Messages between worker threads, over rings of bytes in shared memory. */
import { CommunicationError, type Numbers } from '../communicator.js';
import type { Transport } from '../transport.js';
import { Decoder, encode, type Message } from './frames.js';
import { rankState, type SharedWorld } from './shared-world.js';

interface Waiter {
  resolve(data: Numbers): void;
  reject(error: Error): void;
}

export class ThreadTransport implements Transport {
  readonly #outgoing: Uint8Array[][];
  readonly #decoders: Decoder[];
  readonly #messages = new Map<string, Message[]>();
  readonly #waiters = new Map<string, Waiter[]>();
  /** What this rank called, by key, while messages of it may come. */
  readonly #calls = new Map<string, string>();
  readonly #waits = new Set<() => string>();
  #failure: CommunicationError | undefined;
  #over = false;
  #closed = false;

  constructor(
    private readonly world: SharedWorld,
    private readonly rank: number,
  ) {
    this.#outgoing = Array.from({ length: world.size }, () => []);
    this.#decoders = Array.from({ length: world.size }, () => new Decoder());
  }

  /** Moves bytes until `close`; wakes when another rank has written or read. */
  async run(): Promise<void> {
    while (!this.#closed) {
      const { words, index, value } = this.world.bell(this.rank);
      const reason = this.world.ended;
      if (reason !== undefined) this.#fail(reason);
      else if (this.#moveAll()) continue;
      const { async, value: woken } = Atomics.waitAsync(words, index, value);
      if (async) await woken;
      else await new Promise((done) => setImmediate(done));
    }
  }

  /** The rank's program has ended. */
  over(): void {
    this.#over = true;
    this.world.set(this.rank, rankState.over);
    this.world.happened(this.rank);
  }

  /** What was sent is delivered first. */
  async close(): Promise<void> {
    while (!this.#failure && this.#outgoing.some((queue) => queue.length > 0)) {
      this.#moveAll();
      await new Promise((done) => setImmediate(done));
    }
    this.#closed = true;
    this.world.call(this.rank);
  }

  post(to: number, key: string, data: Numbers): void {
    if (this.#failure) throw this.#failure;
    const message = { key, call: this.#calls.get(key) ?? '', data: data.slice() };
    if (to === this.rank) this.#deliver(this.rank, message);
    else {
      this.world.underWay(to, 1);
      this.#outgoing[to]!.push(...encode(message).filter(({ length }) => length > 0));
      this.#flush(to);
    }
  }

  take(from: number, key: string): Promise<Numbers> {
    if (this.#failure) return Promise.reject(this.#failure);
    const place = `${from} ${key}`;
    const queue = this.#messages.get(place);
    const message = queue?.shift();
    if (queue?.length === 0) this.#messages.delete(place);
    if (message) {
      this.#compare(from, message);
      return this.#failure ? Promise.reject(this.#failure) : Promise.resolve(message.data);
    }
    return new Promise((resolve, reject) => {
      this.#waiters.set(place, [...(this.#waiters.get(place) ?? []), { resolve, reject }]);
    });
  }

  /** Each message of the operation carries the sender's call; who gets one with another call than its own tells. */
  agree(key: string, call: string): void {
    if (this.#failure) throw this.#failure;
    this.#calls.set(key, call);
    // A communicator's calls are many: only late messages need those long past.
    if (this.#calls.size > mostCalls) this.#calls.delete(this.#calls.keys().next().value!);
  }

  async blocked<T>(what: () => string, promise: Promise<T>): Promise<T> {
    this.#waits.add(what);
    this.#show();
    try {
      return await promise;
    } finally {
      this.#waits.delete(what);
      this.world.happened(this.rank);
      this.#show();
    }
  }

  #show(): void {
    if (this.#over) return;
    if (this.#waits.size === 0) this.world.set(this.rank, rankState.running);
    else this.world.set(this.rank, rankState.waiting, [...this.#waits].map((what) => what()).join(' and '));
  }

  /** @returns whether anything moved */
  #moveAll(): boolean {
    let moved = false;
    for (let other = 0; other < this.world.size; other++) {
      if (other === this.rank) continue;
      moved = this.#flush(other) || moved;
      const ring = this.world.ring(other, this.rank);
      const took = this.#decoders[other]!.take(
        (target) => ring.read(target),
        (message) => this.#deliver(other, message),
      );
      if (!took) continue;
      moved = true;
      this.world.call(other);
    }
    return moved;
  }

  #flush(to: number): boolean {
    const queue = this.#outgoing[to]!;
    const ring = this.world.ring(this.rank, to);
    let moved = false;
    while (queue.length > 0) {
      const count = ring.write(queue[0]!);
      if (count === 0) break;
      moved = true;
      if (count === queue[0]!.length) queue.shift();
      else queue[0] = queue[0]!.subarray(count);
    }
    if (moved) {
      this.world.happened(this.rank);
      this.world.call(to);
    }
    return moved;
  }

  /** Until the code that this lets go on has gone on, the rank does not count as waiting. */
  #deliver(from: number, message: Message): void {
    this.world.set(this.rank, rankState.running);
    setImmediate(() => this.#show());
    this.world.happened(this.rank);
    if (from !== this.rank) this.world.underWay(this.rank, -1);
    const place = `${from} ${message.key}`;
    const waiter = this.#waiters.get(place)?.shift();
    if (!waiter) {
      this.#messages.set(place, [...(this.#messages.get(place) ?? []), message]);
      return;
    }
    this.#compare(from, message);
    if (this.#failure) waiter.reject(this.#failure);
    else waiter.resolve(message.data);
  }

  #compare(from: number, { key, call }: Message): void {
    const own = this.#calls.get(key) ?? '';
    if (call === own) return;
    const [name, count] = key.split('#');
    const [[first, firstCall], [second, secondCall]] = (
      from < this.rank
        ? [
            [from, call],
            [this.rank, own],
          ]
        : [
            [this.rank, own],
            [from, call],
          ]
    ) as [[number, string], [number, string]];
    this.world.end(
      `the ranks of ${name} disagree on call ${count}: rank ${first} called ${firstCall}, rank ${second} called ${secondCall}`,
    );
    this.#fail(this.world.ended!);
  }

  #fail(reason: string): void {
    if (this.#failure) return;
    this.#failure = new CommunicationError(reason);
    for (const waiters of this.#waiters.values()) for (const { reject } of waiters) reject(this.#failure);
    this.#waiters.clear();
  }
}

const mostCalls = 4096;
