/**
 * A kernel behind a Jupyter server, as the notebook runner sees it. Connections break and come back: the server keeps
 * the kernel's outputs meanwhile and sends them then. What cannot come back is a kernel that the server lost, and
 * that ends the notebook with the cause named.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { KernelAPI, KernelMessage, ServerConnection } from '@jupyterlab/services';
import type { KernelSpec } from '../../kernel/kernelspec.js';
import { KernelDiedError, KernelStartError } from '../../kernel/protocol/client.js';
import type { ContentMap, ExecuteReply, KernelInfo, RawMessage } from '../../kernel/protocol/messages.js';
import type { NotebookKernel, RunCellOptions } from '../run/notebook-kernel.js';
import { QuietKernelConnection } from './kernel-connection.js';
import type { GatewayServer } from './server.js';

/** How long a server may be away before its kernel is given up. */
const patienceMs = 60_000;
export const pollMs = 1_000;
const reconnectLimitMs = 5_000;
/** An idle kernel whose reply has not come after so many looks lost it with the connection. */
const idleLooks = 5;
/** How long a request about a kernel that runs may take: the server may be gone, or hang. */
export const endLimitMs = 10_000;

/** The kernel, or the way to it, ended although nobody asked it to. */
class GatewayKernelLostError extends KernelDiedError {
  constructor(kernel: string, server: string, reason: string) {
    super(kernel, { code: null, signal: null, log: '' });
    this.message = `the kernel ${kernel} on ${server} is lost: ${reason}`;
  }
}

export class GatewayKernel implements NotebookKernel {
  readonly pid = undefined;
  readonly #connection: QuietKernelConnection;
  readonly #lost: Promise<never>;
  #lose: (error: GatewayKernelLostError) => void = () => {};
  #info: KernelInfo | undefined;
  #running = true;
  #watching = false;
  #executing = false;

  constructor(
    readonly server: GatewayServer,
    readonly spec: KernelSpec,
    private readonly model: KernelAPI.IModel,
    kernelInfoTimeout: number,
  ) {
    this.#lost = new Promise((_, reject) => {
      this.#lose = (error) => {
        this.#running = false;
        reject(error);
      };
    });
    this.#lost.catch(() => {});
    this.#connection = new QuietKernelConnection({
      model,
      serverSettings: server.settings,
      handleComms: false,
      kernelInfoTimeout,
    });
    this.#connection.statusChanged.connect((_, status) => this.#onStatus(status));
    this.#connection.connectionStatusChanged.connect((_, status) => {
      if (status !== 'connected' && this.#info && this.#running) this.#onBreak();
    });
  }

  get name(): string {
    return this.spec.name;
  }

  get info(): KernelInfo {
    if (!this.#info) throw new Error('GatewayKernel.info: the kernel has not answered kernel_info yet');
    return this.#info;
  }

  get running(): boolean {
    return this.#running;
  }

  async ready(limitMs: number, signal: AbortSignal): Promise<void> {
    const limit = sleep(Math.max(0, limitMs), undefined, { signal, ref: false }).then(() => {
      throw new KernelStartError(
        `the kernel ${this.name} on ${this.server.url} did not answer within its time to start${this.#whyNoSocket()}`,
      );
    });
    limit.catch(() => {});
    try {
      this.#info = (await Promise.race([this.#connection.info, this.#lost, limit])) as KernelInfo;
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof KernelDiedError)) throw error;
      throw new KernelStartError(error.message);
    }
  }

  async execute(code: string, { signal, graceMs, onUnexpectedInput }: RunCellOptions): Promise<ExecuteReply> {
    signal.throwIfAborted();
    if (!this.#running) await this.#lost;
    const future = this.#connection.requestExecute({ code, allow_stdin: false, store_history: true });
    future.onStdin = (message) => {
      if (message.header.msg_type === 'input_request')
        onUnexpectedInput((message as KernelMessage.IInputRequestMsg).content.prompt);
    };
    let grace: NodeJS.Timeout | undefined;
    const stop = () => {
      this.interrupt().catch(() => {});
      grace = setTimeout(() => void this.kill(), graceMs);
    };
    signal.addEventListener('abort', stop);
    this.#executing = true;
    try {
      const reply = await Promise.race([future.done, this.#lost]);
      signal.throwIfAborted();
      return reply!.content as unknown as ExecuteReply;
    } catch (error) {
      signal.throwIfAborted();
      throw error;
    } finally {
      this.#executing = false;
      clearTimeout(grace);
      signal.removeEventListener('abort', stop);
    }
  }

  isComplete(code: string): Promise<unknown> {
    return this.#connection.requestIsComplete({ code });
  }

  async sendComm(type: 'comm_msg', content: ContentMap['comm_msg']): Promise<unknown> {
    const { comm_id, data } = content;
    this.#connection.sendShellMessage(
      KernelMessage.createMessage({
        msgType: type,
        channel: 'shell',
        session: this.#connection.clientId,
        username: this.#connection.username,
        content: { comm_id, data } as KernelMessage.ICommMsgMsg['content'],
      }) as unknown as KernelMessage.IShellMessage,
      false,
    );
    return undefined;
  }

  onMessage(listener: (message: RawMessage) => void): () => void {
    const slot = (_: unknown, message: KernelMessage.IIOPubMessage) => listener(toRaw(message));
    this.#connection.iopubMessage.connect(slot);
    return () => this.#connection.iopubMessage.disconnect(slot);
  }

  drained(): Promise<unknown> {
    return this.#connection.requestKernelInfo();
  }

  interrupt(): Promise<void> {
    return KernelAPI.interruptKernel(this.model.id, this.server.within(endLimitMs));
  }

  /** Rejects where the server does not end it. */
  async shutdown(): Promise<void> {
    this.#running = false;
    const removed = await this.#remove();
    this.#connection.dispose();
    if (!removed) throw new Error(`it still runs on ${this.server.url}`);
  }

  async kill(): Promise<void> {
    await this.shutdown().catch((error: Error) => {
      process.emitWarning(`the kernel ${this.name} could not be ended: ${error.message}`);
    });
  }

  #onStatus(status: string): void {
    if (!this.#running) return;
    if (status === 'dead') this.#loseBecause('the server says that it is dead');
    // The server starts a new process in the place of one that died, without anything the cells computed.
    if (status === 'restarting' || status === 'autorestarting')
      this.#loseBecause('its process died (the server started a new one, in which nothing has run)');
  }

  #loseBecause(reason: string): void {
    this.#lose(new GatewayKernelLostError(this.name, this.server.url, reason));
  }

  #whyNoSocket(): string {
    const { socketFailure } = this.server;
    const isClosed = this.#connection.connectionStatus !== 'connected';
    return isClosed && socketFailure ? `; its web socket cannot be opened: ${socketFailure}` : '';
  }

  #onBreak(): void {
    if (this.#executing && !this.#watching)
      process.emitWarning(
        `the connection to ${this.server.url} broke while a cell ran: what was on its way then may be missing`,
      );
    void this.#watchReturn();
  }

  /**
   * Asks until it is so: a server that is just starting a dead kernel anew may forget the first request. False where the
   * server still has it.
   */
  async #remove(): Promise<boolean> {
    const deadline = performance.now() + endLimitMs;
    do {
      await KernelAPI.shutdownKernel(this.model.id, this.server.within(endLimitMs)).catch(() => {});
      const state = await this.#stateOnServer();
      if (state === 'gone' || state === 'away') return true;
      await sleep(pollMs, undefined, { ref: false });
    } while (performance.now() < deadline);
    return false;
  }

  /** After the connection broke: connects anew once the server is back, and finds out what is left there. */
  async #watchReturn(): Promise<void> {
    if (this.#watching) return;
    this.#watching = true;
    const deadline = performance.now() + patienceMs;
    let idle = 0;
    try {
      while (this.#running) {
        await sleep(pollMs, undefined, { ref: false });
        const state = await this.#stateOnServer();
        if (!this.#running) return;
        if (state === 'gone') return this.#loseBecause('the server came back without it');
        if (state === 'away') {
          if (performance.now() > deadline)
            return this.#loseBecause(`the server has been away for ${patienceMs / 1000} s`);
          continue;
        }
        if (this.#connection.connectionStatus !== 'connected') {
          await Promise.race([
            this.#connection.reconnect(),
            sleep(reconnectLimitMs, undefined, { ref: false }),
          ]);
          continue;
        }
        if (!this.#executing) return;
        idle = state === 'idle' ? idle + 1 : 0;
        if (idle === 0) continue;
        if (idle >= idleLooks)
          return this.#loseBecause('the connection broke, and the reply to the cell was lost with it');
      }
    } finally {
      this.#watching = false;
    }
  }

  async #stateOnServer(): Promise<'away' | 'gone' | 'idle' | 'other'> {
    try {
      const model = await KernelAPI.getKernelModel(this.model.id, this.server.within(endLimitMs));
      if (!model) return 'gone';
      return model.execution_state === 'idle' ? 'idle' : 'other';
    } catch (error) {
      const response = error instanceof ServerConnection.ResponseError ? error.response : undefined;
      return response?.status === 404 ? 'gone' : 'away';
    }
  }
}

function toRaw(message: KernelMessage.IIOPubMessage): RawMessage {
  const { header, parent_header, metadata, content, buffers = [] } = message;
  return {
    type: header.msg_type,
    header: header as RawMessage['header'],
    parent: parent_header as RawMessage['parent'],
    metadata: metadata as RawMessage['metadata'],
    content: content as object,
    buffers: buffers.map((buffer) =>
      buffer instanceof ArrayBuffer
        ? new Uint8Array(buffer)
        : new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength),
    ),
  };
}
