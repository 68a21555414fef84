/**
 * Publishes on iopub. A client that reads loses nothing, however much is printed: what it has not taken yet waits,
 * and the cell waits with it (`room`). A client that has taken nothing for `patienceMs` is waited for no longer. If it
 * is the only one, it misses streams and gets the rest when it reads again; if there are others, it misses everything
 * until then. ZeroMQ bounds the queue of a client by number of messages, so big streams are cut (`stream-buffer.ts`).
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { XPublisher } from 'zeromq';
import type { RawMessage } from './messages.js';

/** Messages ZeroMQ keeps per client: about 16 MiB of text. */
const highWaterMark = 64;
/** Subscriptions are short; the limit must leave room for the handshake. A client that exceeds it is disconnected. */
const maxSubscriptionSize = 1024;
/** Above this, who prints has to wait. */
const roomBytes = 4 * 1024 * 1024;
/** What waits for the only client while it does not read, apart from streams; the oldest goes first. */
const heldBytes = 64 * 1024 * 1024;
const retryMs = [1, 1, 2, 5, 10, 20];

/** At the end of the kernel what clients have not taken is waited for this long; after 500 ms the library warns on stderr. */
export const lingerMs = 400;

export interface Publication extends Pick<RawMessage, 'type' | 'parent'> {
  frames: Buffer[];
}

interface Waiting extends Publication {
  size: number;
}

export interface PublisherOptions {
  onSubscribe(topic: string): void;
  /** The only client does not read: streams are dropped from now on. */
  onStall(): void;
  /** It reads again and has missed so many bytes, the last of them of this parent. */
  onResume(missed: number, parent: RawMessage['parent']): void;
  /** One of several clients does not read: it misses what the others get, this message first. */
  onSkip(parent: RawMessage['parent']): void;
  onError(error: Error): void;
  patienceMs?: number;
}

export class Publisher {
  readonly socket = new XPublisher({
    linger: lingerMs,
    sendHighWaterMark: highWaterMark,
    sendTimeout: 0,
    noDrop: true,
    verbosity: 'allSubsUnsubs',
    maxMessageSize: maxSubscriptionSize,
  });
  #waiting: Waiting[] = [];
  #bytes = 0;
  #draining: Promise<void> | undefined;
  #subscriptions = 0;
  /** Set while the only client does not read. */
  #stalled: { missed: number; parent: RawMessage['parent'] } | undefined;
  #roomListeners: (() => void)[] = [];

  constructor(readonly options: PublisherOptions) {}

  send(publication: Publication): void {
    const size = publication.frames.reduce((sum, frame) => sum + frame.length, 0);
    const waiting = { ...publication, size };
    if (this.#stalled && publication.type === 'stream') {
      this.#miss(waiting);
      return;
    }
    this.#waiting.push(waiting);
    this.#bytes += size;
    while (this.#stalled && this.#bytes > heldBytes && this.#waiting.length > 2) {
      const [oldest] = this.#waiting.splice(1, 1) as [Waiting];
      this.#bytes -= oldest.size;
      this.#miss(oldest);
    }
    this.#draining ??= this.#drain();
  }

  /** What to wait for before more is printed; undefined: nothing. */
  room(): Promise<void> | undefined {
    if (this.#bytes <= roomBytes || this.#stalled) return undefined;
    return new Promise((resolve) => this.#roomListeners.push(resolve));
  }

  /** Resolves when ZeroMQ has taken everything sent so far. */
  async sent(): Promise<void> {
    await this.#draining;
  }

  /** Hears subscriptions until the socket is closed. */
  async listen(): Promise<void> {
    for await (const [frame] of this.socket) {
      if (frame?.[0] === 1) {
        this.#subscriptions++;
        this.options.onSubscribe(frame.subarray(1).toString('utf8'));
      } else if (frame?.[0] === 0) this.#subscriptions--;
    }
  }

  async #drain(): Promise<void> {
    const patienceMs = this.options.patienceMs ?? 10_000;
    for (let tries = 0, since = 0; this.#waiting.length > 0 && !this.socket.closed; ) {
      const [first] = this.#waiting as [Waiting];
      if (await this.#taken(first.frames)) {
        this.#shift();
        this.#resume();
        tries = 0;
        continue;
      }
      if (tries === 0) since = Date.now();
      await sleep(retryMs[tries++] ?? retryMs.at(-1));
      if (Date.now() - since < patienceMs) continue;
      if (this.#subscriptions > 1) await this.#skip(first);
      else if (!this.#stalled) this.#stall();
    }
    this.#draining = undefined;
    this.#announceRoom();
  }

  /** False if a client's queue is full; then nobody has got the message. */
  async #taken(frames: Buffer[]): Promise<boolean> {
    try {
      await this.socket.send(frames);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return false;
      if (!this.socket.closed) this.options.onError(error as Error);
    }
    return true;
  }

  /** ZeroMQ takes a client that it has dropped a message for out of the game until that client reads again. */
  async #skip({ frames, parent }: Waiting): Promise<void> {
    this.socket.noDrop = false;
    await this.#taken(frames);
    this.socket.noDrop = true;
    this.#shift();
    this.#resume();
    this.options.onSkip(parent);
  }

  #stall(): void {
    // The first stays, whatever it is: when it is taken, the client reads again.
    const [first, ...rest] = this.#waiting as [Waiting, ...Waiting[]];
    this.#stalled = { missed: 0, parent: first.parent };
    this.#waiting = [first, ...rest.filter((message) => message.type !== 'stream')];
    for (const message of rest) {
      if (message.type !== 'stream') continue;
      this.#bytes -= message.size;
      this.#miss(message);
    }
    this.options.onStall();
    this.#announceRoom();
  }

  #resume(): void {
    const stalled = this.#stalled;
    this.#stalled = undefined;
    if (stalled && stalled.missed > 0) this.options.onResume(stalled.missed, stalled.parent);
  }

  #miss({ size, parent }: Waiting): void {
    this.#stalled = { missed: (this.#stalled?.missed ?? 0) + size, parent };
  }

  #shift(): void {
    const first = this.#waiting.shift();
    this.#bytes -= first?.size ?? 0;
    if (this.#bytes <= roomBytes) this.#announceRoom();
  }

  #announceRoom(): void {
    for (const listener of this.#roomListeners.splice(0)) listener();
  }
}
