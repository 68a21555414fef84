/**
 * The kernel's side of the protocol: takes requests from shell, control and stdin, answers the quick ones at once,
 * also while a cell runs, and queues executions.
 */

import type { LanguageEngine } from '../language/engine.js';
import { log } from '../log.js';
import { toCodePoints, toUtf16 } from '../protocol/cursor.js';
import type { ContentMap, ErrorStatus, MessageType, RawMessage } from '../protocol/messages.js';
import {
  commInfoRequest,
  completeRequest,
  deleteSubshellRequest,
  executeRequest,
  historyRequest,
  inspectRequest,
  isCompleteRequest,
  RequestError,
  shutdownRequest,
} from '../protocol/request.js';
import type { KernelSockets, RequestChannel } from '../protocol/sockets.js';
import type { Decoded } from '../protocol/wire.js';
import type { CommDesk } from './comm-desk.js';
import { debugRefusal } from './debug-refusal.js';
import type { Executions } from './execution.js';
import type { History } from './history.js';
import type { InputDesk } from './input.js';
import { kernelInfo } from './kernel-info.js';
import type { Outlet } from './outlet.js';
import { pagerQuery } from './pager.js';
import type { Shells } from './shells.js';

export interface SessionParts {
  sockets: KernelSockets;
  outlet: Outlet;
  engine: LanguageEngine;
  shells: Shells;
  history: History;
  inputs: InputDesk;
  comms: CommDesk;
  /** The user thread could not be freed by an interrupt. */
  stuck(): void;
  /** Ends the kernel. */
  shutdown(): void;
}

type Answer<T extends MessageType> = Promise<ContentMap[T]> | ContentMap[T];

/** An interrupt is usually over in milliseconds; one that takes longer is acknowledged before its end. */
const interruptReplyMs = 1_000;

export class KernelSession {
  constructor(readonly parts: SessionParts) {}

  receive(channel: RequestChannel, { message, identities }: Decoded): void {
    if (channel === 'stdin') {
      if (message.type === 'input_reply') this.parts.inputs.onReply(message);
      return;
    }
    void this.#dispatch(channel, message, identities).catch((error: unknown) => {
      if (error instanceof RequestError) log(`dropped a message on ${channel}: ${error.message}`);
      else log(`${message.type}: ${error instanceof Error ? error.stack : error}`);
    });
  }

  async #dispatch(
    channel: RequestChannel,
    message: RawMessage,
    identities: readonly Uint8Array[],
  ): Promise<void> {
    const { shells, history, sockets } = this.parts;
    const answer = <T extends MessageType>(type: T, handle: () => Answer<T>) =>
      this.#answer(channel, message, identities, type, handle);
    let shell: Executions;
    try {
      shell = shells.find(channel === 'shell' ? message.header.subshell_id : null);
    } catch (error) {
      return this.#refuse(channel, message, identities, error as RequestError);
    }
    switch (message.type) {
      case 'execute_request':
        return this.#execute(shell, channel, message, identities);
      case 'kernel_info_request':
        return answer('kernel_info_reply', () => ({ status: 'ok', ...kernelInfo() }));
      case 'complete_request':
        return answer('complete_reply', () => this.#complete(message));
      case 'inspect_request':
        return answer('inspect_reply', () => this.#inspect(message));
      case 'is_complete_request':
        return answer('is_complete_reply', () => this.#isComplete(message));
      case 'history_request':
        return answer('history_reply', () => ({
          status: 'ok',
          history: history.query(historyRequest(message)),
        }));
      case 'comm_info_request':
        return answer('comm_info_reply', () => ({
          status: 'ok',
          comms: this.parts.comms.list(commInfoRequest(message).target_name),
        }));
      case 'connect_request': {
        const { shell_port, iopub_port, stdin_port, hb_port, control_port } = sockets.connection;
        const ports = { shell_port, iopub_port, stdin_port, hb_port, control_port };
        return answer('connect_reply', () => ({ status: 'ok', ...ports }));
      }
      case 'interrupt_request':
        return answer('interrupt_reply', async () => {
          const freed = shells.interrupt().then((free) => {
            this.parts.inputs.cancel();
            void this.parts.comms.settle();
            if (!free) this.parts.stuck();
          });
          await Promise.race([freed, new Promise((resolve) => setTimeout(resolve, interruptReplyMs))]);
          return { status: 'ok' };
        });
      case 'shutdown_request': {
        const content = shutdownRequest(message);
        await answer('shutdown_reply', () => ({ status: 'ok', ...content }));
        // Other clients of this kernel learn of it on iopub.
        this.parts.outlet.publish('shutdown_reply', { status: 'ok', ...content }, message.header);
        return this.parts.shutdown();
      }
      case 'create_subshell_request':
        return answer('create_subshell_reply', () => ({ status: 'ok', subshell_id: shells.create() }));
      case 'delete_subshell_request':
        return answer('delete_subshell_reply', () => {
          shells.delete(deleteSubshellRequest(message).subshell_id);
          return { status: 'ok' };
        });
      case 'list_subshell_request':
        return answer('list_subshell_reply', () => ({ status: 'ok', subshell_id: shells.list() }));
      case 'debug_request':
        return answer('debug_reply', () => debugRefusal(message));
      case 'comm_open':
      case 'comm_msg':
      case 'comm_close':
        return this.parts.comms.receive(message, identities);
      default:
        return this.#refuse(channel, message, identities, new RequestError('this kernel does not know it'));
    }
  }

  #execute(
    shell: Executions,
    channel: RequestChannel,
    message: RawMessage,
    identities: readonly Uint8Array[],
  ): Promise<void> {
    const reply = (content: ContentMap['execute_reply'], started: Date) =>
      this.#reply(channel, message, identities, 'execute_reply', content, started);
    let content: ContentMap['execute_request'];
    try {
      content = executeRequest(message);
    } catch (error) {
      return this.#answer(channel, message, identities, 'execute_reply', () => {
        throw error;
      });
    }
    shell.enqueue({ message, content, identities, received: performance.now(), reply });
    return Promise.resolve();
  }

  async #complete(message: RawMessage): Promise<ContentMap['complete_reply']> {
    const { code, cursor_pos: cursor } = completeRequest(message);
    const found = await this.parts.engine.complete(code, toUtf16(code, cursor));
    return {
      status: 'ok',
      matches: found.matches,
      cursor_start: toCodePoints(code, found.start),
      cursor_end: toCodePoints(code, found.end),
      metadata: {
        _jupyter_types_experimental: found.types.map(({ text, type, start, end, signature }) => ({
          text,
          type,
          start: toCodePoints(code, start),
          end: toCodePoints(code, end),
          ...(signature === undefined ? {} : { signature }),
        })),
      },
    };
  }

  async #inspect(message: RawMessage): Promise<ContentMap['inspect_reply']> {
    const { code, cursor_pos: cursor, detail_level: level } = inspectRequest(message);
    const { found, text, html } = await this.parts.engine.inspect(code, toUtf16(code, cursor), level);
    const data: Record<string, string> = {};
    if (found) data['text/plain'] = text;
    if (found && html !== undefined) data['text/html'] = html;
    return { status: 'ok', found, data, metadata: {} };
  }

  async #isComplete(message: RawMessage): Promise<ContentMap['is_complete_reply']> {
    const { code } = isCompleteRequest(message);
    if (pagerQuery(code)) return { status: 'complete' };
    const { status, indent } = await this.parts.engine.isComplete(code);
    return status === 'incomplete' ? { status, indent } : { status };
  }

  /** Busy, reply, idle; an exception becomes an error reply. */
  async #answer<T extends MessageType>(
    channel: RequestChannel,
    message: RawMessage,
    identities: readonly Uint8Array[],
    type: T,
    handle: () => Answer<T>,
  ): Promise<void> {
    const { outlet } = this.parts;
    const started = new Date();
    outlet.busy(message.header);
    let content: ContentMap[T] | ErrorStatus;
    try {
      content = await handle();
    } catch (error) {
      content = this.#failure(message, error instanceof Error ? error : new Error(String(error)));
      if (!(error instanceof RequestError)) log(`${message.type}: ${content.evalue}`);
    }
    this.#reply(channel, message, identities, type, content as ContentMap[T], started);
    outlet.idle(message.header);
  }

  /** An error reply to a request that cannot be served at all. A message without a reply gets its busy and idle. */
  #refuse(
    channel: RequestChannel,
    message: RawMessage,
    identities: readonly Uint8Array[],
    error: RequestError,
  ): void {
    const { outlet } = this.parts;
    log(`${message.type} on ${channel} is refused: ${error.message}`);
    outlet.busy(message.header);
    if (message.type.endsWith('_request')) {
      // Of an unknown request too the name of the reply is plain. Error replies are the same in all of them.
      const type = message.type.replace(/_request$/, '_reply') as 'interrupt_reply';
      this.#reply(channel, message, identities, type, this.#failure(message, error), new Date());
    }
    outlet.idle(message.header);
  }

  #failure(message: RawMessage, { name: ename, message: evalue }: Error): ErrorStatus {
    const failure: ErrorStatus = { status: 'error', ename, evalue, traceback: [`${ename}: ${evalue}`] };
    const count = { execution_count: this.parts.shells.count };
    return message.type === 'execute_request' ? { ...failure, ...count } : failure;
  }

  #reply<T extends MessageType>(
    channel: RequestChannel,
    message: RawMessage,
    identities: readonly Uint8Array[],
    type: T,
    content: ContentMap[T],
    started: Date,
  ): void {
    const { sockets } = this.parts;
    const metadata = { started: started.toISOString() };
    sockets.send(
      channel,
      sockets.session.make(type, content, { parent: message.header, metadata }),
      identities,
    );
  }
}
