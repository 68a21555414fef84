/**
 * The worker's side of comms: hands what the front end sends to the user thread, in order, publishes what the user
 * thread sends, and knows which comms are open, so that comm_info is answered while a cell runs. The front end is told
 * `idle` when a message has been handled: widgets hold back their next update until then.
 */
import { type CommMessage, forTransfer } from '../comms/messages.js';
import type { CellId } from '../link.js';
import type { Header, RawMessage } from '../protocol/messages.js';
import { commMessage, commOpen } from '../protocol/request.js';
import type { Outlet } from './outlet.js';
import type { UserThreadProxy } from './user-thread-proxy.js';

/** How long a thread that has just been freed may take to say so. */
const settleMs = 5_000;

export class CommDesk {
  readonly #open = new Map<string, string>();
  /** Messages under way to the user thread, oldest first. */
  readonly #underWay = new Map<CellId, Header>();

  constructor(
    readonly outlet: Outlet,
    readonly thread: () => UserThreadProxy,
  ) {}

  /** The open comms by id, of one target or of all. */
  list(target?: string): Record<string, { target_name: string }> {
    const chosen = [...this.#open].filter(([, name]) => target === undefined || name === target);
    return Object.fromEntries(chosen.map(([id, name]) => [id, { target_name: name }]));
  }

  /** A message of the front end. @throws RequestError if its content does not fit */
  receive(message: RawMessage, identities: readonly Uint8Array[]): void {
    const event = toEvent(message);
    const { header, metadata } = message;
    const known = this.#open.has(event.commId);
    if (known === (event.kind === 'open')) {
      // Opened twice, or closed meanwhile: nobody's, but the front end waits for idle all the same.
      this.outlet.busy(header);
      this.outlet.idle(header);
      return;
    }
    if (event.kind === 'open') this.#open.set(event.commId, event.target ?? '');
    if (event.kind === 'close') this.#open.delete(event.commId);
    // The origin outlives the message: it keeps none of its data.
    const request = { ...message, content: {}, buffers: [] };
    const id = this.outlet.open({ request, identities, silent: false }, false);
    this.outlet.busy(header);
    this.#underWay.set(id, header);
    const { buffers, transfer } = forTransfer(message.buffers);
    this.thread().post({ kind: 'comm', id, message: { ...event, metadata, buffers } }, transfer);
  }

  /** The user thread is done with a message, and so with all before it. */
  handled(id: CellId): void {
    this.outlet.flush();
    for (const [earlier, header] of this.#underWay) {
      if (earlier > id) break;
      this.#underWay.delete(earlier);
      this.outlet.idle(header);
    }
  }

  /** After an interrupt: the handler it ended will not say that it is done. */
  async settle(): Promise<void> {
    const latest = [...this.#underWay.keys()].at(-1);
    // The thread takes its messages in order: when it answers, those before the question are behind it.
    if (latest !== undefined && (await this.thread().ping(settleMs))) this.handled(latest);
  }

  /** A message of a cell. */
  send(id: CellId | undefined, message: CommMessage): void {
    const { kind, commId, target = '', data, metadata, buffers } = message;
    const options = { metadata, buffers };
    if (kind === 'open') {
      this.#open.set(commId, target);
      this.outlet.comm(id, 'comm_open', { comm_id: commId, target_name: target, data }, options);
    } else {
      if (kind === 'close') this.#open.delete(commId);
      this.outlet.comm(id, `comm_${kind}`, { comm_id: commId, data }, options);
    }
  }
}

function toEvent(message: RawMessage): Pick<CommMessage, 'kind' | 'commId' | 'target' | 'data'> {
  switch (message.type) {
    case 'comm_open': {
      const { comm_id: commId, target_name: target, data } = commOpen(message);
      return { kind: 'open', commId, target, data };
    }
    default: {
      const { comm_id: commId, data } = commMessage(message);
      return { kind: message.type === 'comm_close' ? 'close' : 'msg', commId, data };
    }
  }
}
