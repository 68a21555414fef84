/** What a rank sends: calls, messages and bytes by kind of operation, and, where asked for, every event with its time. */

export const operationKinds = [
  'barrier',
  'broadcast',
  'reduce',
  'allReduce',
  'reduceScatter',
  'allGather',
  'allToAll',
  'send',
  'receive',
  'split',
] as const;
export type OperationKind = (typeof operationKinds)[number];

export interface Counts {
  calls: number;
  messages: number;
  bytes: number;
}

/** One operation of one rank, for timelines. Times in ms, from the start of the program. */
export interface TrafficEvent {
  rank: number;
  communicator: string;
  kind: OperationKind;
  /** Bytes this rank sent for it. */
  bytes: number;
  start: number;
  end: number;
}

export class Traffic {
  readonly #counts = new Map<OperationKind, Counts>();
  readonly events: TrafficEvent[] = [];

  /** @param keepsEvents whether `events` is filled; it grows with every operation @param now the clock of the events, in ms */
  constructor(
    readonly rank: number,
    readonly keepsEvents = false,
    readonly now: () => number = () => performance.now(),
  ) {}

  /** Of one kind of operation, or of all of them. */
  of(kind?: OperationKind): Counts {
    const of = (one: OperationKind) => this.#counts.get(one) ?? { calls: 0, messages: 0, bytes: 0 };
    if (kind !== undefined) return { ...of(kind) };
    const sum = { calls: 0, messages: 0, bytes: 0 };
    for (const one of operationKinds) {
      const { calls, messages, bytes } = of(one);
      sum.calls += calls;
      sum.messages += messages;
      sum.bytes += bytes;
    }
    return sum;
  }

  reset(): void {
    this.#counts.clear();
    this.events.length = 0;
  }

  /** Counts a call; `sent` is called for each message of it, `ended` when it is over. */
  begin(kind: OperationKind, communicator: string): { sent(bytes: number): void; ended(): void } {
    const counts = this.#counts.get(kind) ?? { calls: 0, messages: 0, bytes: 0 };
    this.#counts.set(kind, counts);
    counts.calls++;
    const start = this.keepsEvents ? this.now() : 0;
    let own = 0;
    return {
      sent: (bytes) => {
        counts.messages++;
        counts.bytes += bytes;
        own += bytes;
      },
      ended: () => {
        if (!this.keepsEvents) return;
        this.events.push({ rank: this.rank, communicator, kind, bytes: own, start, end: this.now() });
      },
    };
  }
}
