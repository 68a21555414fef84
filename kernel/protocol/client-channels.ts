/**
 * The four sockets by which a client talks to a kernel: sends requests, pairs them with their replies and, where
 * asked, their `idle`, hands out outputs and answers questions on stdin.
 */
import { Dealer, Subscriber } from 'zeromq';
import { type ConnectionInfo, endpoint } from './connection-file.js';
import { KernelDiedError } from './errors.js';
import {
  type ContentMap,
  isOutput,
  isType,
  type MessageType,
  type Metadata,
  type OutputMessage,
  parentId,
  type RawMessage,
} from './messages.js';
import { Session } from './wire.js';

export interface RequestHandlers {
  /** Called for each output of the request, in order, until the kernel is idle again. */
  onOutput?: (message: OutputMessage) => void;
  /** Answers `input_request`. */
  onInput?: (prompt: string, password: boolean) => string | Promise<string>;
  /** Without `onInput`: called with the prompt of a kernel that asks all the same. Default: it gets ''. */
  onUnexpectedInput?: (prompt: string) => void;
}

export interface SendOptions {
  channel?: 'shell' | 'control';
  handlers?: RequestHandlers;
  /** Resolve only when the kernel is idle again too: no output of the request is to come. */
  untilIdle?: boolean;
  subshell?: string;
}

interface Pending {
  handlers: RequestHandlers;
  untilIdle: boolean;
  idle: boolean;
  reply?: RawMessage;
  resolve(reply: RawMessage): void;
  reject(error: Error): void;
}

/** A kernel that starts is there soon after it has bound its sockets; ZeroMQ's own interval is 100 ms. */
const reconnectInterval = 10;
const unlimited = { linger: 0, sendHighWaterMark: 0, receiveHighWaterMark: 0, reconnectInterval };

export class ClientChannels {
  readonly #session: Session;
  readonly #shell = new Dealer(unlimited);
  readonly #control = new Dealer(unlimited);
  readonly #stdin = new Dealer(unlimited);
  readonly #iopub = new Subscriber({ linger: 0, receiveHighWaterMark: 0, reconnectInterval });
  readonly #pending = new Map<string, Pending>();
  #closed: Error | undefined;
  /** The kernel's stdin knows us. Before that it would drop the questions of a cell without a word. */
  readonly stdinConnected: Promise<void>;

  /** @param onPublished called for every message on iopub, after the handlers of its request */
  constructor(
    connection: ConnectionInfo,
    readonly kernelName: string,
    readonly onPublished: (message: RawMessage) => void,
  ) {
    this.#session = new Session(connection.key);
    this.stdinConnected = new Promise((resolve) => this.#stdin.events.on('handshake', () => resolve()));
    // Shell, control and stdin share one identity: the kernel sends input_request to the one that executed.
    for (const [socket, port] of [
      [this.#shell, 'shell_port'],
      [this.#control, 'control_port'],
      [this.#stdin, 'stdin_port'],
    ] as const) {
      socket.routingId = this.#session.id;
      socket.connect(endpoint(connection, port));
    }
    this.#iopub.subscribe('');
    this.#iopub.connect(endpoint(connection, 'iopub_port'));
    this.#listen(this.#shell, (message) => this.#onReply(message));
    this.#listen(this.#control, (message) => this.#onReply(message));
    this.#listen(this.#stdin, (message) => this.#onStdin(message));
    // A listener that has enough of a cell's output need not pay for parsing the rest of it.
    this.#listen(this.#iopub, (message) => this.#onIopub(message), { lazy: true });
  }

  /** Sends a request; resolves with its reply, rejects if the channels are closed before that. */
  async send<T extends MessageType>(
    type: T,
    content: ContentMap[T],
    { channel = 'shell', handlers = {}, untilIdle = false, subshell }: SendOptions = {},
  ): Promise<RawMessage> {
    this.#requireOpen(type);
    const message = this.#session.make(type, content, subshell === undefined ? {} : { subshell });
    const reply = new Promise<RawMessage>((resolve, reject) => {
      this.#pending.set(message.header.msg_id, { handlers, untilIdle, idle: false, resolve, reject });
    });
    reply.catch(() => {}); // the caller gets it by the returned promise
    await (channel === 'shell' ? this.#shell : this.#control).send(this.#session.encode(message));
    return reply;
  }

  /** Sends a message that has no reply; returns its id. */
  async post<T extends MessageType>(
    type: T,
    content: ContentMap[T],
    options: { metadata?: Metadata; buffers?: Uint8Array[] },
  ): Promise<string> {
    this.#requireOpen(type);
    const message = this.#session.make(type, content, options);
    await this.#shell.send(this.#session.encode(message));
    return message.header.msg_id;
  }

  /** Closes the sockets; what was under way is rejected with `reason`. */
  close(reason: Error): void {
    if (this.#closed) return;
    this.#closed = reason;
    for (const socket of [this.#shell, this.#control, this.#stdin, this.#iopub]) socket.close();
    for (const pending of this.#pending.values()) pending.reject(reason);
    this.#pending.clear();
  }

  #requireOpen(type: string): void {
    if (this.#closed instanceof KernelDiedError) throw this.#closed;
    if (this.#closed) throw new Error(`${type}: the kernel ${this.kernelName} has ended`);
  }

  #listen(
    socket: Dealer | Subscriber,
    handle: (message: RawMessage) => void,
    options = { lazy: false },
  ): void {
    // A socket that is closed while messages stream in fails instead of ending.
    this.#receive(socket, handle, options).catch((error: unknown) => {
      if (!this.#closed) throw error;
    });
  }

  async #receive(
    socket: Dealer | Subscriber,
    handle: (message: RawMessage) => void,
    options: { lazy: boolean },
  ): Promise<void> {
    for await (const frames of socket) {
      try {
        handle(this.#session.decode(frames, options).message);
      } catch (error) {
        // One bad message or one failing listener must not silence the channel.
        process.emitWarning(`message of the kernel ${this.kernelName} dropped: ${(error as Error).message}`);
      }
    }
  }

  #onReply(message: RawMessage): void {
    const id = parentId(message) ?? '';
    const pending = this.#pending.get(id);
    if (!pending || !message.type.endsWith('_reply')) return;
    pending.reply = message;
    this.#settle(id, pending);
  }

  #onIopub(message: RawMessage): void {
    const id = parentId(message) ?? '';
    const pending = this.#pending.get(id);
    try {
      if (pending && isOutput(message)) pending.handlers.onOutput?.(message);
    } finally {
      if (pending && isType(message, 'status') && message.content.execution_state === 'idle') {
        pending.idle = true;
        this.#settle(id, pending);
      }
      this.onPublished(message);
    }
  }

  #settle(id: string, pending: Pending): void {
    const { reply } = pending;
    if (!reply) return;
    // Some kernels publish nothing about requests they abort.
    const aborted = (reply.content as { status?: unknown }).status === 'aborted';
    if (pending.untilIdle && !pending.idle && !aborted) return;
    this.#pending.delete(id);
    pending.resolve(reply);
  }

  #onStdin(message: RawMessage): void {
    if (!isType(message, 'input_request')) return;
    const pending = this.#pending.get(parentId(message) ?? '');
    if (!pending) return; // another client's: some kernels ask all of them, and the first answer counts
    const { onInput: answer, onUnexpectedInput } = pending.handlers;
    const { prompt, password } = message.content;
    if (!answer && onUnexpectedInput) {
      onUnexpectedInput(prompt);
      return;
    }
    void Promise.resolve(answer ? answer(prompt, password) : '').then((value) => {
      if (this.#closed) return;
      const reply = this.#session.make('input_reply', { value }, { parent: message.header });
      return this.#stdin.send(this.#session.encode(reply));
    });
  }
}
