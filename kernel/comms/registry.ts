/**
 * The user thread's comms: targets that cells registered, comms that either side opened, and the way of each message
 * to the listeners of its comm. Cells have it as the global `comms`.
 */
import {
  Comm,
  type CommHost,
  type Listener,
  outgoing,
  type ReceivedMessage,
  type SendOptions,
} from './comm.js';
import type { CommMessage } from './messages.js';

export type TargetHandler = (comm: Comm, opening: ReceivedMessage) => unknown;

export interface RegistryHost {
  send(message: CommMessage): void;
  /** An error of the user's handler. */
  report(error: unknown): void;
}

export class CommRegistry {
  readonly #targets = new Map<string, TargetHandler>();
  readonly #comms = new Map<string, Comm>();
  readonly #commHost: CommHost;

  constructor(readonly host: RegistryHost) {
    this.#commHost = {
      send: (message) => host.send(message),
      call: (listener: Listener, message) => this.guard(() => listener(message)),
      closed: (comm) => this.#comms.delete(comm.id),
    };
  }

  /**
   * Says what happens when the front end opens a comm for `target`; a second handler replaces the first.
   * Returns what takes the handler off again.
   */
  register(target: string, handler: TargetHandler): () => void {
    if (typeof target !== 'string' || target === '')
      throw new TypeError('comms.register: the target must be a name');
    if (typeof handler !== 'function')
      throw new TypeError(`comms.register: the handler of ${JSON.stringify(target)} must be a function`);
    this.#targets.set(target, handler);
    return () => {
      if (this.#targets.get(target) === handler) this.#targets.delete(target);
    };
  }

  /** Opens a comm to code that the front end has registered under `target`. */
  open(target: string, data: unknown = {}, options: SendOptions = {}): Comm {
    if (typeof target !== 'string' || target === '')
      throw new TypeError('comms.open: the target must be a name');
    const comm = new Comm(this.#commHost, target);
    this.host.send({ ...outgoing('open', comm.id, data, options, 'comms.open'), target });
    this.#comms.set(comm.id, comm);
    return comm;
  }

  /** A message from the front end. One to a comm that is closed already is nobody's. */
  receive({ kind, commId, target = '', data, metadata, buffers }: CommMessage): void {
    const message = { data, metadata, buffers };
    if (kind === 'open') this.#opened(commId, target, message);
    else {
      const comm = this.#comms.get(commId);
      if (comm) Comm.receive(comm, kind, message);
    }
  }

  /** A target that nobody registered, or whose handler fails, is answered by closing the comm. */
  #opened(commId: string, target: string, message: ReceivedMessage): void {
    if (this.#comms.has(commId)) return;
    const comm = new Comm(this.#commHost, target, commId);
    const handler = this.#targets.get(target);
    if (!handler) {
      comm.close();
      return;
    }
    this.#comms.set(commId, comm);
    this.guard(
      () => handler(comm, message),
      () => comm.close(),
    );
  }

  /** Calls code of the user; its errors, also later ones of a promise, are reported. */
  guard(call: () => unknown, failed = () => {}): void {
    const fail = (error: unknown) => {
      this.host.report(error);
      failed();
    };
    try {
      const result = call();
      if (result instanceof Promise) result.catch(fail);
    } catch (error) {
      fail(error);
    }
  }
}
