/**
 * The kernel's five ZeroMQ sockets on loopback. Messages that are malformed or badly signed are dropped with one log
 * line; what is far too big for its socket never gets into memory, and its sender is disconnected. Clients that do not
 * read: see `publisher.ts` for iopub; of their replies the last 10,000 wait.
 */
import { rmSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { Router, type XPublisher } from 'zeromq';
import { log } from '../log.js';
import { type ConnectionInfo, endpoint, isPublic, socketPaths } from './connection-file.js';
import type { RawMessage } from './messages.js';
import { lingerMs, Publisher } from './publisher.js';
import type { Decoded, Session } from './wire.js';

export type RequestChannel = 'shell' | 'control' | 'stdin';
const channels = ['shell', 'control', 'stdin'] as const;

const mebibyte = 1024 * 1024;
/** Of one frame. Widgets send big buffers, JSON cannot be longer than the longest string of V8. */
const maxRequestSize = 512 * mebibyte;
const maxHeartbeatSize = 64 * 1024;
const waitingReplies = 10_000;
const waitingRequests = 1_000;
/** At the end of the kernel, for a client that does not read. */
const sentPatienceMs = 2_000;
const bindPatienceMs = 2_000;
const bindRetryMs = 100;

/** Any message, however narrowly typed. */
type Sendable = Pick<RawMessage, 'type' | 'header' | 'parent' | 'metadata' | 'content' | 'buffers'>;

export class KernelSockets {
  readonly #routers: Record<RequestChannel, Router>;
  readonly #heartbeat = newRouter(maxHeartbeatSize);
  readonly #iopub: Publisher;
  #closed = false;

  constructor(
    readonly connection: ConnectionInfo,
    readonly session: Session,
    readonly onMessage: (channel: RequestChannel, received: Decoded) => void,
    readonly onSubscriber: () => void,
  ) {
    this.#routers = {
      shell: newRouter(maxRequestSize),
      control: newRouter(maxRequestSize),
      stdin: newRouter(maxRequestSize),
    };
    this.#iopub = new Publisher({
      // Each new subscriber is told that it is one (JEP 65), so that clients need not guess.
      onSubscribe: (subscription) => {
        this.#publish(session.make('iopub_welcome', { subscription }), subscription);
        this.onSubscriber();
      },
      onStall: () => log('the client does not read what is published: output is dropped'),
      onResume: (missed, parent) =>
        this.#tell(`${(missed / mebibyte).toFixed(1)} MiB of output were dropped: no client read it`, parent),
      onSkip: (parent) => {
        log('a client does not read what is published and misses it');
        this.#tell('a client that does not read has held up the output; it is waited for no longer', parent);
      },
      onError: onSendError,
    });
  }

  async bind(): Promise<void> {
    if (isPublic(this.connection))
      log(
        `as the connection file says, the kernel listens on ${this.connection.ip}: other machines may reach it, and what cells print is not encrypted`,
      );
    await bindPatiently(this.#heartbeat, endpoint(this.connection, 'hb_port'));
    await bindPatiently(this.#iopub.socket, endpoint(this.connection, 'iopub_port'));
    for (const channel of channels)
      await bindPatiently(this.#routers[channel], endpoint(this.connection, `${channel}_port`));
    void this.#echo();
    void this.#iopub.listen();
    for (const channel of channels) void this.#receive(channel);
  }

  send(channel: RequestChannel, message: Sendable, identities: readonly Uint8Array[]): void {
    if (this.#closed) return;
    this.#routers[channel].send(this.session.encode(message, identities)).catch(onSendError);
  }

  publish(message: Sendable): void {
    if (!this.#closed) this.#publish(message, message.type);
  }

  /** What to wait for before more is published; undefined: nothing. */
  room(): Promise<void> | undefined {
    return this.#iopub.room();
  }

  /** Resolves when ZeroMQ has taken every message sent so far, or a client has not read for too long. */
  async sent(): Promise<void> {
    await Promise.race([this.#iopub.sent(), sleep(sentPatienceMs)]);
  }

  /** Must come before the end of the process: ZeroMQ aborts it otherwise. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const socket of [this.#heartbeat, this.#iopub.socket, ...Object.values(this.#routers)])
      socket.close();
    for (const path of socketPaths(this.connection)) rmSync(path, { force: true });
  }

  async #echo(): Promise<void> {
    for await (const frames of this.#heartbeat) {
      if (this.#closed) return;
      this.#heartbeat.send(frames).catch(onSendError);
    }
  }

  #publish(message: Sendable, topic: string): void {
    const { type, parent } = message;
    this.#iopub.send({ type, parent, frames: this.session.encode(message, [topic]) });
  }

  /** One line under a cell whose output did not get through. */
  #tell(what: string, parent: RawMessage['parent']): void {
    this.publish(this.session.make('stream', { name: 'stderr', text: `[kernelbook] ${what}\n` }, { parent }));
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

/** `sendTimeout: 0`: a message is taken or dropped at once, so that there is never a send under way. */
function newRouter(maxMessageSize: number): Router {
  return new Router({
    linger: lingerMs,
    maxMessageSize,
    sendTimeout: 0,
    sendHighWaterMark: waitingReplies,
    receiveHighWaterMark: waitingRequests,
  });
}

function onSendError(error: Error): void {
  log(`a message could not be sent: ${error.message}`);
}
