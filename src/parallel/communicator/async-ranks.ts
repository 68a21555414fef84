/**
 * Ranks as functions in one thread: every collective is an await, at which another rank goes on. The ranks take turns in the same order in
 * every run, closures of the cell work, and when all of them wait, nobody can ever go on: that is told at once.
 */
import { CommunicationError, type Communicator, type Numbers } from './communicator.js';
import { MessageCommunicator } from './message-communicator.js';
import { Traffic } from './traffic.js';
import type { Transport } from './transport.js';

export interface RanksOptions {
  /** Whether `comm.traffic.events` is filled. */
  trace?: boolean;
}

/**
 * Runs a program on `size` ranks and returns what it returned on each.
 * @throws CommunicationError when a rank fails (its error is the `cause`), when ranks call different collectives, or when all wait
 */
export async function ranks<T>(
  size: number,
  program: (comm: Communicator) => Promise<T>,
  { trace = false }: RanksOptions = {},
): Promise<T[]> {
  if (!Number.isInteger(size) || size < 1)
    throw new RangeError(`ranks: the number of ranks must be a whole number from 1, got ${size}`);
  const world = new AsyncWorld(size);
  const started = performance.now();
  const members = Array.from({ length: size }, (_, rank) => rank);
  const results = members.map(async (rank) => {
    const traffic = new Traffic(rank, trace, () => performance.now() - started);
    try {
      return await program(
        new MessageCommunicator(world.transportOf(rank), { name: 'world', members, rank }, traffic),
      );
    } catch (error) {
      world.fail(failureOf(rank, error));
      throw world.failure!;
    } finally {
      world.ended(rank);
    }
  });
  // All of them: no rank goes on behind the back of who called.
  await Promise.allSettled(results);
  if (world.failure) throw world.failure;
  return Promise.all(results);
}

function failureOf(rank: number, error: unknown): CommunicationError {
  if (error instanceof CommunicationError) return error;
  const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return new CommunicationError(`rank ${rank} failed: ${text}`, { cause: error });
}

type Waiter = { resolve(data: Numbers): void; reject(error: Error): void };

class AsyncWorld {
  failure: CommunicationError | undefined;
  readonly #messages = new Map<string, Numbers[]>();
  readonly #waiters = new Map<string, Waiter[]>();
  /** What the first rank called, and how many have called it. */
  readonly #calls = new Map<string, { rank: number; call: string; count: number }>();
  /** What each rank waits in; several where it waits for several handles. */
  readonly #blocked: Set<() => string>[];
  readonly #over = new Set<number>();
  /** Grows with everything that happens, so that a look can tell whether something did. */
  #happened = 0;

  constructor(readonly size: number) {
    this.#blocked = Array.from({ length: size }, () => new Set());
  }

  transportOf(rank: number): Transport {
    return {
      post: (to, key, data) => {
        this.#assertWell();
        this.#happened++;
        const place = `${rank}>${to} ${key}`;
        const copy = data.slice();
        const waiter = this.#waiters.get(place)?.shift();
        if (waiter) waiter.resolve(copy);
        else this.#messages.set(place, [...(this.#messages.get(place) ?? []), copy]);
      },
      take: (from, key) => this.#take(`${from}>${rank} ${key}`),
      agree: (key, call, members) => this.#agree(rank, key, call, members.length),
      blocked: async (what, promise) => {
        const own = this.#blocked[rank]!;
        own.add(what);
        this.#lookForStandstill();
        try {
          return await promise;
        } finally {
          own.delete(what);
          this.#happened++;
        }
      },
    };
  }

  fail(failure: CommunicationError): void {
    if (this.failure) return;
    this.failure = failure;
    for (const waiters of this.#waiters.values()) for (const { reject } of waiters) reject(failure);
    this.#waiters.clear();
  }

  ended(rank: number): void {
    this.#over.add(rank);
    this.#lookForStandstill();
  }

  #take(place: string): Promise<Numbers> {
    if (this.failure) return Promise.reject(this.failure);
    const queue = this.#messages.get(place);
    const data = queue?.shift();
    if (queue?.length === 0) this.#messages.delete(place);
    if (data) return Promise.resolve(data);
    return new Promise((resolve, reject) => {
      this.#waiters.set(place, [...(this.#waiters.get(place) ?? []), { resolve, reject }]);
    });
  }

  #agree(rank: number, key: string, call: string, members: number): void {
    this.#assertWell();
    this.#happened++;
    const first = this.#calls.get(key);
    if (!first) {
      if (members > 1) this.#calls.set(key, { rank, call, count: 1 });
      return;
    }
    if (first.call !== call) {
      const [name, count] = key.split('#');
      this.fail(
        new CommunicationError(
          `the ranks of ${name} disagree on call ${count}: rank ${first.rank} called ${first.call}, rank ${rank} called ${call}`,
        ),
      );
      throw this.failure!;
    }
    if (++first.count === members) this.#calls.delete(key);
  }

  #assertWell(): void {
    if (this.failure) throw this.failure;
  }

  /** After everything that is ready has run: if all ranks still wait for each other, they will for ever. */
  #lookForStandstill(): void {
    if (this.failure || !this.#allStand()) return;
    const before = this.#happened;
    setImmediate(() => {
      if (this.failure || this.#happened !== before || !this.#allStand()) return;
      const states = this.#blocked.map((waits, rank) =>
        this.#over.has(rank)
          ? `rank ${rank} has ended`
          : `rank ${rank} waits in ${[...waits].map((what) => what()).join(' and ')}`,
      );
      this.fail(new CommunicationError(`nobody can go on: ${states.join('; ')}`));
    });
  }

  #allStand(): boolean {
    if (this.#over.size === this.size) return false;
    return this.#blocked.every((waits, rank) => waits.size > 0 || this.#over.has(rank));
  }
}
