/**
 * One comm as a cell sees it: a line between the cell and code in the front end. Messages that arrive before anybody
 * listens are kept for the first listener, so a handler may be attached after an await.
 */
import { AsyncResource } from 'node:async_hooks';
import { randomUUID } from 'node:crypto';
import type { CommMessage } from './messages.js';

export interface ReceivedMessage {
  data: unknown;
  metadata: Record<string, unknown>;
  buffers: Uint8Array[];
}

export interface SendOptions {
  metadata?: Record<string, unknown>;
  buffers?: readonly (ArrayBuffer | ArrayBufferView)[];
}

/** What listeners return is awaited only to report its failure. */
export type Listener = (message: ReceivedMessage) => unknown;

/** What a comm needs of its surroundings. */
export interface CommHost {
  send(message: CommMessage): void;
  /** Calls a listener; its errors are shown to the user. */
  call(listener: Listener, message: ReceivedMessage): void;
  /** The comm was closed, by either side. */
  closed(comm: Comm): void;
}

export class Comm {
  readonly #host: CommHost;
  readonly #messageListeners = new Set<Listener>();
  readonly #closeListeners = new Set<Listener>();
  #waiting: ((listener: Listener) => void)[] = [];
  #closed = false;

  constructor(
    host: CommHost,
    readonly target: string,
    readonly id: string = randomUUID(),
  ) {
    this.#host = host;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Sends data (whatever JSON can hold) and binary buffers to the front end. @throws TypeError, or Error once closed */
  send(data: unknown, options: SendOptions = {}): void {
    if (this.#closed) throw new Error(`comm.send: the comm ${this.id} (${this.target}) is closed`);
    this.#host.send(outgoing('msg', this.id, data, options, 'comm.send'));
  }

  /** Ends the comm on both sides. A second call does nothing. */
  close(data: unknown = {}, options: SendOptions = {}): void {
    if (this.#closed) return;
    this.#host.send(outgoing('close', this.id, data, options, 'comm.close'));
    this.#end();
  }

  /** Calls `listener` for every message from the front end. Returns what takes it off again. */
  onMessage(listener: Listener): () => void {
    this.#messageListeners.add(listener);
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const deliver of waiting) deliver(listener);
    return () => this.#messageListeners.delete(listener);
  }

  /** Calls `listener` when the front end closes the comm. Returns what takes it off again. */
  onClose(listener: Listener): () => void {
    this.#closeListeners.add(listener);
    return () => this.#closeListeners.delete(listener);
  }

  /** The registry's side: a message came from the front end. */
  static receive(comm: Comm, kind: 'msg' | 'close', message: ReceivedMessage): void {
    if (kind === 'close') {
      comm.#end();
      for (const listener of [...comm.#closeListeners]) comm.#host.call(listener, message);
      return;
    }
    const deliver = (listener: Listener) => comm.#host.call(listener, message);
    // Bound to the message's own context: what the listener shows later belongs to it all the same.
    if (comm.#messageListeners.size === 0) comm.#waiting.push(AsyncResource.bind(deliver));
    else for (const listener of [...comm.#messageListeners]) deliver(listener);
  }

  #end(): void {
    this.#closed = true;
    this.#waiting = [];
    this.#host.closed(this);
  }
}

/** @throws TypeError if `data` is not JSON: it is better known here than after the cell */
export function outgoing(
  kind: CommMessage['kind'],
  commId: string,
  data: unknown,
  { metadata = {}, buffers = [] }: SendOptions,
  caller: string,
): CommMessage {
  return {
    kind,
    commId,
    data: asJson(data, caller),
    metadata: asJson(metadata, caller) as Record<string, unknown>,
    buffers: buffers.map(bytesOf),
  };
}

function asJson(value: unknown, caller: string): unknown {
  try {
    return JSON.parse(JSON.stringify(value ?? {}));
  } catch (error) {
    throw new TypeError(`${caller}: the data cannot be sent as JSON: ${(error as Error).message}`);
  }
}

export function bytesOf(buffer: ArrayBuffer | ArrayBufferView): Uint8Array {
  return ArrayBuffer.isView(buffer)
    ? new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength)
    : new Uint8Array(buffer);
}
