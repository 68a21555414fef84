/**
 * What the kernel publishes: statuses, streams and outputs, each with the header of the request that caused it.
 * Late output of asynchronous work keeps the header of its own cell.
 */
import type { DisplayOutput } from '../evaluator/outcome.js';
import type { CellId } from '../link.js';
import { log } from '../log.js';
import type { ContentMap, Header, MessageType, Metadata, RawMessage } from '../protocol/messages.js';
import type { KernelSockets } from '../protocol/sockets.js';
import { StreamBuffer } from './stream-buffer.js';

/** The request behind a cell, and the client that sent it. */
export interface CellOrigin {
  request: RawMessage;
  identities: readonly Uint8Array[];
  silent: boolean;
}

/** Origins kept for late output; the oldest are forgotten first. */
const keptOrigins = 10_000;

export class Outlet {
  readonly #origins = new Map<CellId, CellOrigin>();
  readonly #streams = new StreamBuffer((id, name, text) => this.#output(id, 'stream', { name, text }));
  #count = 0;
  #latest: CellId = 0;
  /** The cells that run, oldest first: one, and one more per subshell. */
  readonly #executing = new Map<string, Header>();
  #status: { content: ContentMap['status']; parent: Header | Record<string, never> } | undefined;

  constructor(readonly sockets: KernelSockets) {}

  /** Gives a cell its number, or a message that is no cell but may cause output too. */
  open(origin: CellOrigin, isCell = true): CellId {
    const id = ++this.#count;
    if (isCell) this.#latest = id;
    this.#origins.set(id, origin);
    this.#origins.delete(id - keptOrigins);
    return id;
  }

  /** Output of no known cell belongs to the latest one. */
  origin(id: CellId | undefined): CellOrigin | undefined {
    return this.#origins.get(id ?? this.#latest);
  }

  publish<T extends MessageType>(
    type: T,
    content: ContentMap[T],
    parent: Header | Record<string, never>,
  ): void {
    if (type === 'status') this.#status = { content: content as ContentMap['status'], parent };
    this.#streams.flush();
    this.#send(type, content, parent);
  }

  /** Tells that a request is being handled. `executing`: it is a cell, the kernel stays busy beyond other requests. */
  busy(parent: Header, executing = false): void {
    if (executing) this.#executing.set(parent.msg_id, parent);
    this.publish('status', { execution_state: 'busy' }, parent);
  }

  idle(parent: Header): void {
    this.#executing.delete(parent.msg_id);
    this.publish('status', { execution_state: 'idle' }, parent);
    // A completion answered while a cell runs must not leave front ends showing an idle kernel.
    const [running] = this.#executing.values();
    if (running) this.publish('status', { execution_state: 'busy' }, running);
  }

  /** For a client that has just subscribed: one that reconnects and has missed the latest status would wait for the next. */
  repeatStatus(): void {
    if (this.#status) this.publish('status', this.#status.content, this.#status.parent);
  }

  stream(id: CellId | undefined, name: 'stdout' | 'stderr', text: string): void {
    this.#streams.add(id ?? this.#latest, name, text);
  }

  /** The cell was interrupted: what waits of a flood it printed is not worth the time of the front end. */
  interrupted(id: CellId): void {
    const dropped = this.#streams.discard(id);
    if (dropped === 0) return;
    const size = (dropped / (1024 * 1024)).toFixed(1);
    const text = `[kernelbook] ${size} MiB of output were held back when the cell was interrupted, and are not shown but for the last lines\n`;
    this.#streams.add(id, 'stderr', text);
  }

  display(id: CellId | undefined, { data, metadata, displayId, update }: DisplayOutput): void {
    this.#streams.flush();
    if (update && displayId !== undefined)
      this.#output(id, 'update_display_data', { data, metadata, transient: { display_id: displayId } });
    else
      this.#output(id, 'display_data', {
        data,
        metadata,
        transient: displayId === undefined ? {} : { display_id: displayId },
      });
  }

  clear(id: CellId | undefined, wait: boolean): void {
    this.#streams.flush();
    this.#output(id, 'clear_output', { wait });
  }

  /** Comm messages are sent from silent cells too: they are no output. */
  comm<T extends 'comm_open' | 'comm_msg' | 'comm_close'>(
    id: CellId | undefined,
    type: T,
    content: ContentMap[T],
    options: { metadata: Metadata; buffers: Uint8Array[] },
  ): void {
    this.#streams.flush();
    this.#send(type, content, this.origin(id)?.request.header ?? {}, options);
  }

  flush(): void {
    this.#streams.flush();
  }

  #output<T extends MessageType>(id: CellId | undefined, type: T, content: ContentMap[T]): void {
    const origin = this.origin(id);
    if (!origin?.silent) this.#send(type, content, origin?.request.header ?? {});
  }

  #send<T extends MessageType>(
    type: T,
    content: ContentMap[T],
    parent: Header | Record<string, never>,
    options: { metadata?: Metadata; buffers?: Uint8Array[] } = {},
  ): void {
    try {
      this.sockets.publish(this.sockets.session.make(type, content, { parent, ...options }));
    } catch (error) {
      const text = `an output of type ${type} could not be sent: ${(error as Error).message}`;
      log(text);
      if (type !== 'stream') this.#send('stream', { name: 'stderr', text: `${text}\n` }, parent);
    }
  }
}
