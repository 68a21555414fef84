/**
 * The kernel's five ZeroMQ sockets on loopback. Messages that are malformed or badly signed are dropped with one log
 * line. Nothing is dropped on our side when a client is slow: the queues have no high-water mark.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { Router, XPublisher } from 'zeromq';
import { log } from '../log.js';
import { type ConnectionInfo, endpoint } from './connection-file.js';
import type { RawMessage } from './messages.js';
import { SendQueue } from './send-queue.js';
import type { Decoded, Session } from './wire.js';

export type RequestChannel = 'shell' | 'control' | 'stdin';
const channels = ['shell', 'control', 'stdin'] as const;

const subscribeByte = 1;
const bindPatienceMs = 2_000;
const bindRetryMs = 100;

/** Any message, however narrowly typed. */
type Sendable = Pick<RawMessage, 'type' | 'header' | 'parent' | 'metadata' | 'content' | 'buffers'>;

export class KernelSockets {
  readonly #routers: Record<RequestChannel, Router>;
  readonly #heartbeat = newRouter();
  readonly #iopub = new XPublisher({ linger: 1_000, sendHighWaterMark: 0, verbosity: 'allSubs' });
  readonly #queues: Record<RequestChannel | 'iopub', SendQueue>;
  #closed = false;

  constructor(
    readonly connection: ConnectionInfo,
    readonly session: Session,
    readonly onMessage: (channel: RequestChannel, received: Decoded) => void,
    readonly onSubscriber: () => void,
  ) {
    this.#routers = { shell: newRouter(), control: newRouter(), stdin: newRouter() };
    const queue = (socket: Router | XPublisher) => new SendQueue(socket, onSendError);
    const { shell, control, stdin } = this.#routers;
    this.#queues = {
      shell: queue(shell),
      control: queue(control),
      stdin: queue(stdin),
      iopub: queue(this.#iopub),
    };
  }

  async bind(): Promise<void> {
    await bindPatiently(this.#heartbeat, endpoint(this.connection, 'hb_port'));
    await bindPatiently(this.#iopub, endpoint(this.connection, 'iopub_port'));
    for (const channel of channels)
      await bindPatiently(this.#routers[channel], endpoint(this.connection, `${channel}_port`));
    void this.#echo();
    void this.#welcome();
    for (const channel of channels) void this.#receive(channel);
  }

  send(channel: RequestChannel, message: Sendable, identities: readonly Uint8Array[]): void {
    if (this.#closed) return;
    this.#queues[channel].send(this.session.encode(message, identities));
  }

  publish(message: Sendable): void {
    if (this.#closed) return;
    this.#queues.iopub.send(this.session.encode(message, [message.type]));
  }

  /** Resolves when ZeroMQ has taken every message sent so far. */
  async sent(): Promise<void> {
    await Promise.all(Object.values(this.#queues).map((queue) => queue.sent()));
  }

  /** Must come before the end of the process: ZeroMQ aborts it otherwise. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const socket of [this.#heartbeat, this.#iopub, ...Object.values(this.#routers)]) socket.close();
  }

  async #echo(): Promise<void> {
    for await (const frames of this.#heartbeat) {
      if (this.#closed) return;
      this.#heartbeat.send(frames).catch(onSendError);
    }
  }

  /** Tells each new subscriber that it is one (JEP 65), so that clients need not guess. */
  async #welcome(): Promise<void> {
    for await (const [frame] of this.#iopub) {
      if (this.#closed) return;
      if (frame?.[0] !== subscribeByte) continue;
      const subscription = frame.subarray(1).toString('utf8');
      const message = this.session.make('iopub_welcome', { subscription });
      this.#queues.iopub.send(this.session.encode(message, [subscription]));
      this.onSubscriber();
    }
  }

  async #receive(channel: RequestChannel): Promise<void> {
    for await (const frames of this.#routers[channel]) {
      let received: Decoded;
      try {
        received = this.session.decode(frames);
      } catch (error) {
        log(`dropped a message on ${channel}: ${(error as Error).message}`);
        continue;
      }
      this.onMessage(channel, received);
    }
  }
}

/** A port may still be held for a moment, by the kernel that this one replaces or by a passing connection. */
async function bindPatiently(socket: Router | XPublisher, address: string): Promise<void> {
  for (const until = Date.now() + bindPatienceMs; ; await sleep(bindRetryMs)) {
    try {
      await socket.bind(address);
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE' || Date.now() > until) throw error;
    }
  }
}

function newRouter(): Router {
  return new Router({ linger: 1_000, sendHighWaterMark: 0, receiveHighWaterMark: 0 });
}

function onSendError(error: Error): void {
  log(`a message could not be sent: ${error.message}`);
}
