/**
 * The client side of the protocol: starts a kernel from its kernelspec and talks to it over ZeroMQ on loopback.
 * Works with any Jupyter kernel. A request resolves when its reply and, for executions, its `idle` have arrived.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { Dealer, Subscriber } from 'zeromq';
import type { KernelSpec } from '../kernelspec.js';
import { endpoint } from './connection-file.js';
import { toCodePoints, toUtf16 } from './cursor.js';
import { describeExit, KernelDiedError, KernelStartError, KernelTimeoutError, lastLines } from './errors.js';
import { type KernelExit, KernelProcess } from './kernel-process.js';
import {
  type ContentMap,
  type ExecuteReply,
  isOutput,
  isType,
  type KernelInfo,
  type MessageType,
  type OutputMessage,
  parentId,
  type RawMessage,
} from './messages.js';
import { Session } from './wire.js';

export { KernelDiedError, KernelStartError, KernelTimeoutError } from './errors.js';

export interface LaunchOptions {
  /** Working folder of the kernel: for a notebook, its folder. */
  cwd?: string;
  /** The whole environment of the kernel; default this process's. */
  env?: NodeJS.ProcessEnv;
  /** How long the kernel may take until it answers kernel_info. */
  startTimeoutMs?: number;
}

export interface ExecuteOptions {
  silent?: boolean;
  storeHistory?: boolean;
  stopOnError?: boolean;
  userExpressions?: Record<string, string>;
  /** Called for each output of this cell, in order, until the kernel is idle again. */
  onOutput?: (message: OutputMessage) => void;
  /** Answers `input_request`; without it the kernel is told that there is no stdin. */
  onInput?: (prompt: string, password: boolean) => string | Promise<string>;
  /** After so long the cell is interrupted, and the kernel killed if that does not help. */
  timeoutMs?: number;
  /** Interrupts the cell; the promise rejects with the signal's reason once the kernel is idle again (or killed). */
  signal?: AbortSignal;
  /** How long an interrupted cell may take to end before the kernel is killed. */
  graceMs?: number;
}

type RequestName<T extends MessageType = MessageType> = T extends `${infer Name}_request`
  ? `${Name}_reply` extends MessageType
    ? Name
    : never
  : never;
type RequestContent<N extends RequestName> = ContentMap[`${N}_request` & MessageType];
type ReplyContent<N extends RequestName> = ContentMap[`${N}_reply` & MessageType];

interface Pending {
  options: Pick<ExecuteOptions, 'onOutput' | 'onInput'>;
  needsIdle: boolean;
  idle: boolean;
  reply?: RawMessage;
  resolve(reply: RawMessage): void;
  reject(error: Error): void;
}

const subscriptionPollMs = 100;

/** Starts a kernel and waits until it answers and its outputs reach us. */
export async function launchKernel(spec: KernelSpec, options: LaunchOptions = {}): Promise<KernelClient> {
  const kernel = await KernelProcess.start(spec, options);
  const client = new KernelClient(spec, kernel);
  try {
    await client.ready(options.startTimeoutMs ?? 60_000);
  } catch (error) {
    await client.kill();
    throw error;
  }
  return client;
}

export class KernelClient {
  readonly #session: Session;
  readonly #shell = new Dealer({ linger: 0, sendHighWaterMark: 0, receiveHighWaterMark: 0 });
  readonly #control = new Dealer({ linger: 0, sendHighWaterMark: 0, receiveHighWaterMark: 0 });
  readonly #stdin = new Dealer({ linger: 0, sendHighWaterMark: 0, receiveHighWaterMark: 0 });
  readonly #iopub = new Subscriber({ linger: 0, receiveHighWaterMark: 0 });
  readonly #pending = new Map<string, Pending>();
  readonly #messageListeners = new Set<(message: RawMessage) => void>();
  readonly #deathListeners = new Set<(error: KernelDiedError) => void>();
  #subscribed: () => void = () => {};
  #ending = false;
  #closed = false;
  #info: KernelInfo | undefined;

  constructor(
    readonly spec: KernelSpec,
    readonly process: KernelProcess,
  ) {
    this.#session = new Session(process.connection.key);
    // Shell, control and stdin share one identity: the kernel sends input_request to the one that executed.
    for (const socket of [this.#shell, this.#control, this.#stdin]) socket.routingId = this.#session.id;
    this.#shell.connect(endpoint(process.connection, 'shell_port'));
    this.#control.connect(endpoint(process.connection, 'control_port'));
    this.#stdin.connect(endpoint(process.connection, 'stdin_port'));
    this.#iopub.subscribe('');
    this.#iopub.connect(endpoint(process.connection, 'iopub_port'));
    void this.#receive(this.#shell, (message) => this.#onReply(message));
    void this.#receive(this.#control, (message) => this.#onReply(message));
    void this.#receive(this.#stdin, (message) => this.#onStdin(message));
    void this.#receive(this.#iopub, (message) => this.#onIopub(message));
    void process.exited.then((exit) => this.#onExit(exit));
  }

  /** What the kernel said about itself when it started. */
  get info(): KernelInfo {
    if (!this.#info) throw new Error('KernelClient.info: the kernel has not answered kernel_info yet');
    return this.#info;
  }

  get pid(): number | undefined {
    return this.process.pid;
  }

  /** Waits for kernel_info and for the first message on iopub: only then no output can be missed. */
  async ready(timeoutMs: number): Promise<void> {
    const failed = new Promise<never>((_, reject) => {
      setTimeout(() => {
        reject(
          new KernelStartError(
            `the kernel ${this.spec.name} did not answer within ${timeoutMs / 1000} s (${this.spec.argv.join(' ')})`,
          ),
        );
      }, timeoutMs).unref();
      void this.process.exited.then((exit) => {
        reject(
          new KernelStartError(
            `the kernel ${this.spec.name} did not start (${describeExit(exit)}; ${this.spec.argv.join(' ')})${lastLines(exit.log)}`,
          ),
        );
      });
    });
    failed.catch(() => {});
    const subscribed = new Promise<true>((resolve) => {
      this.#subscribed = () => resolve(true);
    });
    for (;;) {
      const request = this.request('kernel_info', {});
      request.catch(() => {}); // a death is reported by `failed`
      const reply = await Promise.race([request, failed]);
      if (reply.status === 'ok') this.#info = reply;
      if (await Promise.race([subscribed, failed, delay(subscriptionPollMs)])) return;
    }
  }

  /** Runs code; resolves with the reply once the kernel is idle again. Errors of the code are in the reply. */
  async execute(code: string, options: ExecuteOptions = {}): Promise<ExecuteReply> {
    options.signal?.throwIfAborted();
    const { timeoutMs, signal, graceMs = 5_000, silent = false } = options;
    const request = this.#send(
      'execute_request',
      {
        code,
        silent,
        store_history: options.storeHistory ?? !silent,
        user_expressions: options.userExpressions ?? {},
        allow_stdin: options.onInput !== undefined,
        stop_on_error: options.stopOnError ?? true,
      },
      options,
      true,
    );
    let stopReason: ((killed: boolean) => unknown) | undefined;
    let killed = false;
    let grace: NodeJS.Timeout | undefined;
    const stop = (reason: (killed: boolean) => unknown) => {
      if (stopReason) return;
      stopReason = reason;
      this.interrupt().catch(() => {}); // a death meanwhile is reported by the request itself
      grace = setTimeout(() => {
        killed = true;
        void this.kill();
      }, graceMs);
    };
    const timer =
      timeoutMs === undefined
        ? undefined
        : setTimeout(stop, timeoutMs, (wasKilled: boolean) => new KernelTimeoutError(timeoutMs, wasKilled));
    const onAbort = () => stop(() => signal?.reason);
    signal?.addEventListener('abort', onAbort);
    try {
      const reply = await request;
      if (stopReason) throw stopReason(false);
      return reply.content as unknown as ExecuteReply;
    } catch (error) {
      throw killed && stopReason ? stopReason(true) : error;
    } finally {
      clearTimeout(timer);
      clearTimeout(grace);
      signal?.removeEventListener('abort', onAbort);
    }
  }

  /** Any request that has a reply, by its name without `_request`. */
  async request<N extends RequestName>(
    name: N,
    content: RequestContent<N>,
    channel: 'shell' | 'control' = 'shell',
  ): Promise<ReplyContent<N>> {
    const type = `${name}_request` as MessageType;
    const reply = await this.#send(type, content as never, {}, false, channel);
    return reply.content as unknown as ReplyContent<N>;
  }

  /** Completions at `cursor` (UTF-16 units, default the end); `start` and `end` are UTF-16 units too. */
  async complete(
    code: string,
    cursor = code.length,
  ): Promise<{ matches: string[]; start: number; end: number }> {
    const reply = await this.request('complete', { code, cursor_pos: toCodePoints(code, cursor) });
    if (reply.status !== 'ok') return { matches: [], start: cursor, end: cursor };
    return {
      matches: reply.matches,
      start: toUtf16(code, reply.cursor_start),
      end: toUtf16(code, reply.cursor_end),
    };
  }

  inspect(code: string, cursor = code.length, detailLevel: 0 | 1 = 0): Promise<ContentMap['inspect_reply']> {
    return this.request('inspect', {
      code,
      cursor_pos: toCodePoints(code, cursor),
      detail_level: detailLevel,
    });
  }

  isComplete(code: string): Promise<ContentMap['is_complete_reply']> {
    return this.request('is_complete', { code });
  }

  /** Stops the running cell, by message or by signal as the kernelspec says. */
  async interrupt(): Promise<void> {
    if (this.spec.interruptMode === 'message') await this.request('interrupt', {}, 'control');
    else this.process.signal('SIGINT');
  }

  /** Asks the kernel to end, and kills it if it has not after `timeoutMs`. */
  async shutdown(timeoutMs = 5_000): Promise<void> {
    if (!this.process.running) return this.#close(new Error('the kernel was shut down'));
    this.#ending = true;
    this.request('shutdown', { restart: false }, 'control').catch(() => {});
    if (!(await Promise.race([this.process.exited, delay(timeoutMs)]))) this.process.kill();
    else this.process.signal('SIGKILL'); // helpers it may have left in its process group
    await this.process.exited;
    this.#close(new Error('the kernel was shut down'));
  }

  async kill(): Promise<void> {
    this.#ending = true;
    this.process.kill();
    await this.process.exited;
    this.#close(new Error('the kernel was killed'));
  }

  /** Calls `listener` when the kernel dies unasked. Returns what takes the listener off again. */
  onDeath(listener: (error: KernelDiedError) => void): () => void {
    this.#deathListeners.add(listener);
    return () => this.#deathListeners.delete(listener);
  }

  /** Calls `listener` for every message the kernel publishes, also late ones. Returns what takes it off again. */
  onMessage(listener: (message: RawMessage) => void): () => void {
    this.#messageListeners.add(listener);
    return () => this.#messageListeners.delete(listener);
  }

  async #send<T extends MessageType>(
    type: T,
    content: ContentMap[T],
    options: Pending['options'],
    needsIdle: boolean,
    channel: 'shell' | 'control' = 'shell',
  ): Promise<RawMessage> {
    if (this.#closed) throw new Error(`KernelClient: ${type} after the kernel ${this.spec.name} has ended`);
    const message = this.#session.make(type, content);
    const reply = new Promise<RawMessage>((resolve, reject) => {
      this.#pending.set(message.header.msg_id, { options, needsIdle, idle: false, resolve, reject });
    });
    reply.catch(() => {}); // the caller gets it by the returned promise
    await (channel === 'shell' ? this.#shell : this.#control).send(this.#session.encode(message));
    return reply;
  }

  async #receive(socket: Dealer | Subscriber, handle: (message: RawMessage) => void): Promise<void> {
    for await (const frames of socket) {
      try {
        handle(this.#session.decode(frames).message);
      } catch (error) {
        // One bad message or one failing listener must not silence the channel.
        process.emitWarning(`message of the kernel ${this.spec.name} dropped: ${(error as Error).message}`);
      }
    }
  }

  #onReply(message: RawMessage): void {
    const pending = this.#pending.get(parentId(message) ?? '');
    if (!pending || !message.type.endsWith('_reply')) return;
    pending.reply = message;
    this.#settle(parentId(message)!, pending);
  }

  #onIopub(message: RawMessage): void {
    this.#subscribed();
    const id = parentId(message) ?? '';
    const pending = this.#pending.get(id);
    try {
      if (pending && isOutput(message)) pending.options.onOutput?.(message);
    } finally {
      if (pending && isType(message, 'status') && message.content.execution_state === 'idle') {
        pending.idle = true;
        this.#settle(id, pending);
      }
      for (const listener of this.#messageListeners) listener(message);
    }
  }

  #settle(id: string, pending: Pending): void {
    const { reply } = pending;
    if (
      !reply ||
      (pending.needsIdle && !pending.idle && (reply.content as { status?: unknown }).status !== 'aborted')
    )
      return;
    this.#pending.delete(id);
    pending.resolve(reply);
  }

  #onStdin(message: RawMessage): void {
    if (!isType(message, 'input_request')) return;
    const answer = this.#pending.get(parentId(message) ?? '')?.options.onInput;
    const { prompt, password } = message.content;
    void Promise.resolve(answer ? answer(prompt, password) : '').then((value) =>
      this.#stdin.send(
        this.#session.encode(this.#session.make('input_reply', { value }, { parent: message.header })),
      ),
    );
  }

  #onExit(exit: KernelExit): void {
    if (this.#ending) {
      this.#close(new Error('the kernel was shut down'));
      return;
    }
    const error = new KernelDiedError(this.spec.name, exit);
    this.#close(error);
    for (const listener of this.#deathListeners) listener(error);
  }

  #close(error: Error): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const socket of [this.#shell, this.#control, this.#stdin, this.#iopub]) socket.close();
    this.process.release();
    for (const pending of this.#pending.values()) pending.reject(error);
    this.#pending.clear();
  }
}

function delay(ms: number): Promise<void> {
  return sleep(ms, undefined, { ref: false });
}
