/** What the kernel tests share: our kernel (or another) started from `dist/`, and a cell run to its end. */
import { afterAll, afterEach, beforeAll } from 'vitest';
import { Dealer, Subscriber } from 'zeromq';
import { findKernelSpec, ownName } from '../../kernel/kernelspec.js';
import {
  type ExecuteOptions,
  type KernelClient,
  type LaunchOptions,
  launchKernel,
} from '../../kernel/protocol/client.js';
import { type ConnectionInfo, endpoint } from '../../kernel/protocol/connection-file.js';
import {
  type ExecuteReply,
  type Message,
  type OutputMessage,
  type OutputType,
  parentId,
  type RawMessage,
} from '../../kernel/protocol/messages.js';
import { Session } from '../../kernel/protocol/wire.js';
import { patienceMs } from '../support/patience.js';

export async function startKernel(name = ownName, options: LaunchOptions = {}): Promise<KernelClient> {
  return launchKernel(findKernelSpec(name), options);
}

/**
 * One kernel for all tests of a file. A test that fails may leave cells behind that wait for ever: the tests after it
 * get another kernel.
 *
 * @param use is handed each kernel, to keep it and to prepare it
 */
export function shareKernel(
  use: (kernel: KernelClient) => unknown,
  start: () => Promise<KernelClient> = startKernel,
): void {
  let kernel: KernelClient | undefined;
  const begin = async () => {
    kernel = await start();
    await use(kernel);
  };
  beforeAll(begin);
  afterEach(async ({ task }) => {
    if (task.result?.state !== 'fail') return;
    await kernel?.kill();
    await begin();
  });
  afterAll(() => kernel?.shutdown());
}

export interface CellRun {
  reply: ExecuteReply;
  outputs: OutputMessage[];
  /** All that went to one stream. */
  stdout: string;
  stderr: string;
  /** The text/plain form of the result; undefined where the cell had none. */
  result: unknown;
}

export async function runCell(
  kernel: KernelClient,
  code: string,
  options: ExecuteOptions = {},
): Promise<CellRun> {
  const outputs: OutputMessage[] = [];
  const reply = await kernel.execute(code, {
    timeoutMs: patienceMs,
    ...options,
    onOutput: (message) => outputs.push(message),
  });
  const text = (name: string) =>
    ofType(outputs, 'stream')
      .filter((message) => message.content.name === name)
      .map((message) => message.content.text)
      .join('');
  const [result] = ofType(outputs, 'execute_result');
  return {
    reply,
    outputs,
    stdout: text('stdout'),
    stderr: text('stderr'),
    result: result?.content.data['text/plain'],
  };
}

/**
 * Sends a cell and waits until the kernel has taken it up (it may still be checking it), or, where `until` is 'stream',
 * until it has printed.
 */
export async function begin(
  kernel: KernelClient,
  code: string,
  { until = 'execute_input', ...options }: ExecuteOptions & { until?: 'execute_input' | 'stream' } = {},
): Promise<{ end: Promise<CellRun> }> {
  let off = () => {};
  const begun = new Promise<void>((resolve) => {
    off = kernel.onMessage(({ type }) => {
      if (type === until) resolve();
    });
  });
  const end = runCell(kernel, code, options);
  await Promise.race([begun, end]);
  off();
  return { end };
}

export function ofType<T extends OutputType>(outputs: readonly OutputMessage[], type: T): Message<T>[] {
  return outputs.filter((message) => message.type === type) as unknown as Message<T>[];
}

/** What a kernel published of one type, under one request where `parent` names it. */
export function publishedAs(messages: readonly RawMessage[], type: string, parent?: string): RawMessage[] {
  return messages.filter(
    (message) => message.type === type && (parent === undefined || parentId(message) === parent),
  );
}

/** Whether the kernel has said that it is done with a request. */
export function saidIdle(messages: readonly RawMessage[], parent: string): boolean {
  return publishedAs(messages, 'status', parent).some(
    (message) => (message.content as { execution_state: string }).execution_state === 'idle',
  );
}

/** Waits until `condition` holds; fails with `what` after `timeoutMs`. */
export async function eventually(
  what: string,
  condition: () => boolean,
  timeoutMs = patienceMs,
): Promise<void> {
  for (const until = Date.now() + timeoutMs; !condition(); ) {
    if (Date.now() > until) throw new Error(`not within ${timeoutMs / 1000} s: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** A second connection to a running kernel that sees and sends whole messages. */
export class Wiretap {
  readonly session: Session;
  readonly received: {
    channel: 'shell' | 'control' | 'stdin' | 'iopub';
    topic: string;
    message: RawMessage;
  }[] = [];
  readonly #shell = new Dealer({ linger: 0 });
  readonly #control = new Dealer({ linger: 0 });
  readonly #stdin = new Dealer({ linger: 0 });
  readonly #iopub = new Subscriber({ linger: 0, receiveHighWaterMark: 0 });

  constructor({ process: { connection } }: { process: { connection: ConnectionInfo } }) {
    this.session = new Session(connection.key);
    for (const [channel, socket] of [
      ['shell', this.#shell],
      ['control', this.#control],
      ['stdin', this.#stdin],
    ] as const) {
      socket.routingId = this.session.id;
      socket.connect(endpoint(connection, `${channel}_port`));
      void this.#receive(channel, socket);
    }
    this.#iopub.subscribe('');
    this.#iopub.connect(endpoint(connection, 'iopub_port'));
    void this.#receive('iopub', this.#iopub);
  }

  /** Waits for the kernel's word that the subscription is in place. */
  welcomed(): Promise<void> {
    return eventually('iopub_welcome', () => this.find('iopub_welcome').length > 0);
  }

  async send(
    channel: 'shell' | 'control' | 'stdin',
    type: string,
    content: object,
    parent: object = {},
  ): Promise<string> {
    const message = this.session.make(type as 'execute_request', content as never, {
      parent: parent as never,
    });
    await this.sendFrames(channel, this.session.encode(message));
    return message.header.msg_id;
  }

  async sendFrames(channel: 'shell' | 'control' | 'stdin', frames: Buffer[]): Promise<void> {
    await { shell: this.#shell, control: this.#control, stdin: this.#stdin }[channel].send(frames);
  }

  find(type: string, parent?: string): RawMessage[] {
    return this.received
      .map(({ message }) => message)
      .filter(
        (message) => message.type === type && (parent === undefined || message.parent.msg_id === parent),
      );
  }

  /** Sends a request and waits for its reply and its idle. */
  async request(channel: 'shell' | 'control', name: string, content: object): Promise<RawMessage> {
    const id = await this.send(channel, `${name}_request`, content);
    await eventually(
      `${name}_reply and idle`,
      () => this.find(`${name}_reply`, id).length > 0 && this.idle(id),
    );
    return this.find(`${name}_reply`, id)[0]!;
  }

  idle(id: string): boolean {
    return this.find('status', id).some(
      (message) => (message.content as { execution_state: string }).execution_state === 'idle',
    );
  }

  close(): void {
    for (const socket of [this.#shell, this.#control, this.#stdin, this.#iopub]) socket.close();
  }

  async #receive(
    channel: 'shell' | 'control' | 'stdin' | 'iopub',
    socket: Dealer | Subscriber,
  ): Promise<void> {
    for await (const frames of socket) {
      const { identities, message } = this.session.decode(frames);
      this.received.push({ channel, topic: Buffer.from(identities[0] ?? '').toString(), message });
    }
  }
}
