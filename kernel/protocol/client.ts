/**
 * The client side of the protocol: starts a kernel from its kernelspec and talks to it over ZeroMQ on loopback.
 * Works with any Jupyter kernel. A request resolves when its reply and, for executions, its `idle` have arrived.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { KernelSpec } from '../kernelspec.js';
import { ClientChannels, type RequestHandlers } from './client-channels.js';
import type { ConnectionInfo } from './connection-file.js';
import { toCodePoints, toUtf16 } from './cursor.js';
import { describeExit, KernelDiedError, KernelStartError, KernelTimeoutError, lastLines } from './errors.js';
import { type KernelExit, KernelProcess } from './kernel-process.js';
import type {
  AbortedStatus,
  ContentMap,
  ErrorStatus,
  ExecuteReply,
  KernelInfo,
  MessageType,
  Metadata,
  RawMessage,
} from './messages.js';

export { KernelDiedError, KernelStartError, KernelTimeoutError } from './errors.js';

export interface LaunchOptions {
  /** Working folder of the kernel: for a notebook, its folder. */
  cwd?: string;
  /** The whole environment of the kernel; default this process's. */
  env?: NodeJS.ProcessEnv;
  /** How long the kernel may take until it answers kernel_info. */
  startTimeoutMs?: number;
  /** Gives the start up: the kernel is killed and the promise rejects with the signal's reason. */
  signal?: AbortSignal;
  /** For a restart: that of the kernel before. Default a new one. */
  connection?: ConnectionInfo;
}

/** `onInput` left out tells the kernel that there is no stdin. */
export interface ExecuteOptions extends RequestHandlers {
  silent?: boolean;
  storeHistory?: boolean;
  stopOnError?: boolean;
  userExpressions?: Record<string, string>;
  /** After so long the cell is interrupted, and the kernel killed if that does not help. */
  timeoutMs?: number;
  /** Runs the code in this subshell. */
  subshell?: string;
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

/** By now all other channels are connected; stdin is due within one reconnection. */
const stdinPatienceMs = 2_000;
const subscriptionPollMs = 20;

/** Starts a kernel and waits until it answers and its outputs reach us. */
export async function launchKernel(spec: KernelSpec, options: LaunchOptions = {}): Promise<KernelClient> {
  try {
    return await launchOnce(spec, options);
  } catch (error) {
    // Between our choice of the ports and the kernel's use of them another program may take one.
    if (error instanceof KernelStartError && /address already in use/i.test(error.message))
      return launchOnce(spec, options);
    throw error;
  }
}

async function launchOnce(spec: KernelSpec, options: LaunchOptions): Promise<KernelClient> {
  const { signal } = options;
  const client = new KernelClient(spec, await KernelProcess.start(spec, options));
  const onAbort = () => client.process.kill();
  signal?.addEventListener('abort', onAbort);
  try {
    signal?.throwIfAborted();
    await client.ready(options.startTimeoutMs ?? 60_000);
    client.process.started();
  } catch (error) {
    await client.kill();
    signal?.throwIfAborted();
    throw error;
  } finally {
    signal?.removeEventListener('abort', onAbort);
  }
  return client;
}

export class KernelClient {
  readonly #channels: ClientChannels;
  readonly #messageListeners = new Set<(message: RawMessage) => void>();
  readonly #deathListeners = new Set<(error: KernelDiedError) => void>();
  #subscribed: () => void = () => {};
  #ending = false;
  #info: KernelInfo | undefined;

  constructor(
    readonly spec: KernelSpec,
    readonly process: KernelProcess,
  ) {
    this.#channels = new ClientChannels(process.connection, spec.name, (message) => {
      this.#subscribed();
      for (const listener of this.#messageListeners) listener(message);
    });
    void process.exited.then((exit) => this.#onExit(exit));
  }

  /** What the kernel said about itself when it started. */
  get info(): KernelInfo {
    if (!this.#info) throw new Error('KernelClient.info: the kernel has not answered kernel_info yet');
    return this.#info;
  }

  get name(): string {
    return this.spec.name;
  }

  get pid(): number | undefined {
    return this.process.pid;
  }

  get running(): boolean {
    return this.process.running;
  }

  /**
   * Waits for kernel_info, for the first message on iopub and for the connection of stdin: only then no output and
   * no question can be missed.
   */
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
      if (reply.status !== 'error' && reply.status !== 'aborted') this.#info = reply;
      if (await Promise.race([subscribed, failed, delay(subscriptionPollMs)])) {
        if (this.#info) break;
        throw new KernelStartError(
          `the kernel ${this.spec.name} did not start (kernel_info was answered with ${JSON.stringify(reply).slice(0, 500)})`,
        );
      }
    }
    // A kernel without stdin is no reason to fail.
    await Promise.race([this.#channels.stdinConnected, failed, delay(stdinPatienceMs)]);
  }

  /** Runs code; resolves with the reply once the kernel is idle again. Errors of the code are in the reply. */
  async execute(code: string, options: ExecuteOptions = {}): Promise<ExecuteReply> {
    options.signal?.throwIfAborted();
    const { timeoutMs, signal, graceMs = 5_000, silent = false } = options;
    const request = this.#channels.send(
      'execute_request',
      {
        code,
        silent,
        store_history: options.storeHistory ?? !silent,
        user_expressions: options.userExpressions ?? {},
        allow_stdin: options.onInput !== undefined,
        stop_on_error: options.stopOnError ?? true,
      },
      {
        handlers: options,
        untilIdle: true,
        ...(options.subshell === undefined ? {} : { subshell: options.subshell }),
      },
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
    const reply = await this.#channels.send(type, content as never, { channel });
    return reply.content as unknown as ReplyContent<N>;
  }

  /** Opens a subshell, where the kernel has them; returns its id. */
  async createSubshell(): Promise<string> {
    const reply = await this.request('create_subshell', {}, 'control');
    if (reply.status !== 'ok') throw new Error(`createSubshell: ${failureOf(reply)}`);
    return reply.subshell_id;
  }

  /** What waits in the subshell is answered `aborted`. */
  async deleteSubshell(id: string): Promise<void> {
    const reply = await this.request('delete_subshell', { subshell_id: id }, 'control');
    if (reply.status !== 'ok') throw new Error(`deleteSubshell: ${failureOf(reply)}`);
  }

  async listSubshells(): Promise<string[]> {
    const reply = await this.request('list_subshell', {}, 'control');
    if (reply.status !== 'ok') throw new Error(`listSubshells: ${failureOf(reply)}`);
    return reply.subshell_id;
  }

  /** Sends a comm message; there is no reply. Returns its id, which is the parent of what it causes. */
  sendComm<T extends 'comm_open' | 'comm_msg' | 'comm_close'>(
    type: T,
    content: ContentMap[T],
    options: { metadata?: Metadata; buffers?: Uint8Array[] } = {},
  ): Promise<string> {
    return this.#channels.post(type, content, options);
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

  /** Resolves when all that the kernel has published so far has arrived: the answer to a request comes after it. */
  async drained(): Promise<void> {
    await this.#channels.send('kernel_info_request', {}, { channel: 'control', untilIdle: true });
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

  #onExit(exit: KernelExit): void {
    if (this.#ending) {
      this.#close(new Error('the kernel was shut down'));
      return;
    }
    const error = new KernelDiedError(this.spec.name, exit);
    this.#close(error);
    for (const listener of this.#deathListeners) listener(error);
  }

  #close(reason: Error): void {
    this.#channels.close(reason);
    this.process.release();
  }
}

function failureOf(reply: ErrorStatus | AbortedStatus): string {
  return reply.status === 'error' ? reply.evalue : 'the request was aborted';
}

function delay(ms: number): Promise<void> {
  return sleep(ms, undefined, { ref: false });
}
