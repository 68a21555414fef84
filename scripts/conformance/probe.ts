/**
 * A connection to a running kernel that sees and sends whole messages and keeps all it received: what a client for
 * users hides (order, channel, parent, frames) is what the checks look at.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { Dealer, Subscriber } from 'zeromq';
import type { KernelClient } from '../../kernel/protocol/client.js';
import { endpoint } from '../../kernel/protocol/connection-file.js';
import { parentId, type RawMessage } from '../../kernel/protocol/messages.js';
import type { RequestChannel } from '../../kernel/protocol/sockets.js';
import { type MessageOptions, Session } from '../../kernel/protocol/wire.js';
import { ConformanceFailure } from './failure.js';

export type Content = Record<string, unknown>;

/** A message as it came, or why its frames are none. */
export interface Received {
  channel: RequestChannel | 'iopub';
  message?: RawMessage;
  broken?: string;
}

/** A request with all that came of it. */
export interface Answered {
  id: string;
  reply: RawMessage;
  content: Content;
}

const defaultWaitMs = 8_000;
const pollMs = 10;

export class Probe {
  readonly session: Session;
  readonly #byParent = new Map<string, Received[]>();
  readonly #counts = new Map<Received['channel'], number>();
  readonly #sockets: Record<RequestChannel, Dealer>;
  readonly #iopub = new Subscriber({ linger: 0, receiveHighWaterMark: 0 });
  #published = false;
  #stdinReady = false;
  #closed = false;

  private constructor(
    readonly client: KernelClient,
    readonly transcript: Received[],
  ) {
    const { connection } = client.process;
    this.session = new Session(connection.key);
    const dealer = (channel: RequestChannel) => {
      const socket = new Dealer({ linger: 0, receiveHighWaterMark: 0, routingId: this.session.id });
      if (channel === 'stdin')
        socket.events.on('handshake', () => {
          this.#stdinReady = true;
        });
      socket.connect(endpoint(connection, `${channel}_port`));
      this.#listen(channel, socket);
      return socket;
    };
    this.#sockets = { shell: dealer('shell'), control: dealer('control'), stdin: dealer('stdin') };
    this.#iopub.subscribe('');
    this.#iopub.connect(endpoint(connection, 'iopub_port'));
    this.#listen('iopub', this.#iopub);
  }

  /** Connects, and waits until outputs and questions of the kernel reach us. */
  static async connect(client: KernelClient, transcript: Received[]): Promise<Probe> {
    const probe = new Probe(client, transcript);
    try {
      for (let tries = 0; !probe.#published && tries < 50; tries++) {
        const id = await probe.send('shell', 'kernel_info_request', {});
        await probe.until('kernel_info_reply', () => probe.reply(id));
        await sleep(100);
      }
      for (let waited = 0; !probe.#stdinReady && waited < 2_000; waited += 50) await sleep(50);
      return probe;
    } catch (error) {
      probe.close();
      throw error;
    }
  }

  /** Sends one message; returns its id. */
  async send(
    channel: RequestChannel,
    type: string,
    content: Content,
    options: MessageOptions = {},
  ): Promise<string> {
    const message = this.session.make(type as 'execute_request', content as never, options);
    await this.sendFrames(channel, this.session.encode(message));
    return message.header.msg_id;
  }

  async sendFrames(channel: RequestChannel, frames: Buffer[]): Promise<void> {
    await this.#sockets[channel].send(frames);
  }

  /** Sends a request, waits for its reply, and for its idle as long as a kernel that sends one may need. */
  async request(channel: 'shell' | 'control', name: string, content: Content): Promise<Answered> {
    return this.answer(await this.send(channel, `${name}_request`, content), `${name}_reply`);
  }

  /** The answer to a request sent before. */
  async answer(id: string, type: string, waitMs = defaultWaitMs): Promise<Answered> {
    const reply = await this.until(type, () => this.reply(id), waitMs);
    const content = reply.content as Content;
    const patience = content.status === 'aborted' ? 0 : type === 'execute_reply' ? waitMs : 1_000;
    for (const end = Date.now() + patience; !this.idle(id) && Date.now() < end; ) await sleep(pollMs);
    return { id, reply, content };
  }

  /** Sends a cell without waiting for anything. */
  start(code: string, extra: Content = {}, subshell?: string): Promise<string> {
    const content = { code, silent: false, store_history: true, user_expressions: {}, allow_stdin: false };
    const request = { ...content, stop_on_error: true, ...extra };
    return this.send('shell', 'execute_request', request, subshell === undefined ? {} : { subshell });
  }

  async execute(code: string, extra: Content = {}): Promise<Answered> {
    return this.answer(await this.start(code, extra), 'execute_reply');
  }

  /** All that came with this parent on one channel, in order. */
  messages(id: string, channel: Received['channel'] = 'iopub'): RawMessage[] {
    return (this.#byParent.get(id) ?? [])
      .filter((received) => received.channel === channel)
      .flatMap(({ message }) => message ?? []);
  }

  /** How many messages came on one channel. */
  received(channel: Received['channel']): number {
    return this.#counts.get(channel) ?? 0;
  }

  /** Contents of the messages of one type on iopub. */
  published(id: string, type: string): Content[] {
    return this.messages(id)
      .filter((message) => message.type === type)
      .map(({ content }) => content as Content);
  }

  /** The results of a cell. Waits for one: that it comes before idle is a check of its own. */
  async results(id: string): Promise<Content[]> {
    await this.until('execute_result', () => this.published(id, 'execute_result').length > 0, 5_000);
    return this.published(id, 'execute_result');
  }

  /** Waits until any output of the cell has `text`; that it is the right kind of output is a check of its own. */
  async shows(id: string, text: string): Promise<void> {
    const has = () => this.messages(id).some(({ type, content }) => isShown(type, content, text));
    await this.until(`output ${text}`, has, 5_000);
  }

  /** All text of one stream. */
  text(id: string, stream: 'stdout' | 'stderr'): string {
    return this.published(id, 'stream')
      .filter(({ name }) => name === stream)
      .map(({ text }) => text)
      .join('');
  }

  reply(id: string): RawMessage | undefined {
    return (['shell', 'control'] as const)
      .flatMap((channel) => this.messages(id, channel))
      .find(({ type }) => type.endsWith('_reply'));
  }

  states(id: string): unknown[] {
    return this.published(id, 'status').map(({ execution_state }) => execution_state);
  }

  idle(id: string): boolean {
    return this.states(id).includes('idle');
  }

  /** Waits until `find` gives something. @throws ConformanceFailure when it does not, or the kernel has died */
  async until<T>(what: string, find: () => T | undefined | false, waitMs = defaultWaitMs): Promise<T> {
    for (const end = Date.now() + waitMs; ; await sleep(pollMs)) {
      const found = find();
      if (found !== undefined && found !== false) return found;
      if (!this.client.process.running) throw new ConformanceFailure(`the kernel died; no ${what}`);
      if (Date.now() > end) throw new ConformanceFailure(`no ${what} within ${waitMs / 1000} s`);
    }
  }

  close(): void {
    this.#closed = true;
    for (const socket of [...Object.values(this.#sockets), this.#iopub]) socket.close();
  }

  #listen(channel: Received['channel'], socket: Dealer | Subscriber): void {
    // A socket that is closed while messages stream in fails instead of ending.
    this.#receive(channel, socket).catch((error: unknown) => {
      if (!this.#closed) throw error;
    });
  }

  async #receive(channel: Received['channel'], socket: Dealer | Subscriber): Promise<void> {
    for await (const frames of socket) {
      let received: Received;
      try {
        received = { channel, message: this.session.decode(frames).message };
      } catch (error) {
        received = { channel, broken: (error as Error).message };
      }
      this.transcript.push(received);
      this.#counts.set(channel, this.received(channel) + 1);
      if (channel === 'iopub') this.#published = true;
      const parent = received.message && parentId(received.message);
      if (parent === undefined) continue;
      const list = this.#byParent.get(parent);
      if (list) list.push(received);
      else this.#byParent.set(parent, [received]);
    }
  }
}

function isShown(type: string, content: object, text: string): boolean {
  return (
    ['execute_result', 'stream', 'display_data'].includes(type) && JSON.stringify(content).includes(text)
  );
}
