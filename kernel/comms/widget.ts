/**
 * A widget whose front end is a JavaScript module in the notebook page, spoken to as anywidget's own kernel side does:
 * a comm to `jupyter.widget` with the model of the module `anywidget`, its code in `_esm` and `_css`, and the methods
 * update, request_state, custom and echo_update (Jupyter widgets messaging protocol 2.1).
 */
import { createHash } from 'node:crypto';
import type { MimeBundle } from '../../src/display/display.js';
import { type BufferPath, joinBuffers, likeBefore, splitBuffers } from './buffers.js';
import type { Comm, ReceivedMessage } from './comm.js';
import type { CommRegistry } from './registry.js';
import { checkWidgetModule } from './widget-module.js';

type State = Record<string, unknown>;
type Bytes = ArrayBuffer | ArrayBufferView;
type EventListener = (...values: unknown[]) => unknown;

export interface WidgetOptions {
  esm: string;
  css?: string;
  state?: State;
}

const protocolVersion = '2.1.0';
/** A range, as pages read it: what a widget needs of the page is part of every anywidget 0.x so far. */
const frontEndVersion = '0';

export class Widget {
  readonly #comm: Comm;
  readonly #registry: CommRegistry;
  readonly #values: State;
  readonly #fixed: State;
  readonly #listeners = new Map<string, Set<EventListener>>();
  readonly state: State;

  constructor(
    registry: CommRegistry,
    options: WidgetOptions,
    readonly onClosed: () => void,
  ) {
    const { esm, css, state = {} } = options ?? {};
    if (typeof esm !== 'string')
      throw new TypeError(
        'widget: esm must be the text of a JavaScript module, as in widget({ esm: "export default …" })',
      );
    const reserved = Object.keys(state).find((key) => key.startsWith('_'));
    if (reserved !== undefined)
      throw new TypeError(
        `widget: the state key ${JSON.stringify(reserved)} is not free, rename it without the underscore`,
      );
    checkWidgetModule(esm);
    this.#registry = registry;
    this.#values = { ...state };
    this.#fixed = {
      _model_module: 'anywidget',
      _model_module_version: frontEndVersion,
      _model_name: 'AnyModel',
      _view_module: 'anywidget',
      _view_module_version: frontEndVersion,
      _view_name: 'AnyView',
      _view_count: null,
      // The page keeps one style sheet for each id: widgets of other code must not take each other's.
      _anywidget_id: `kernelbook.${createHash('sha256').update(esm).digest('hex').slice(0, 16)}`,
      _esm: esm,
      ...(css === undefined ? {} : { _css: css }),
    };
    const { buffers, ...data } = splitBuffers({ ...this.#fixed, ...this.#values });
    this.#comm = registry.open('jupyter.widget', data, { buffers, metadata: { version: protocolVersion } });
    this.#comm.onMessage((message) => this.#receive(message));
    this.#comm.onClose(onClosed);
    this.state = new Proxy(this.#values, {
      set: (_, key, value) => {
        this.set({ [String(key)]: value });
        return true;
      },
    });
  }

  get id(): string {
    return this.#comm.id;
  }

  /** What a page needs to make the widget anew. */
  get model(): Record<string, unknown> {
    const { _model_name: model_name, _model_module: model_module } = this.#fixed;
    const state = { ...this.#fixed, ...this.#values };
    return { model_name, model_module, model_module_version: frontEndVersion, state };
  }

  set(changes: State): void {
    for (const key of Object.keys(changes)) this.#requireKey(key);
    // An object may have been changed in place: it is sent even if it is the same one.
    const changed = Object.fromEntries(
      Object.entries(changes).filter(
        ([key, value]) => typeof value === 'object' || !Object.is(value, this.#values[key]),
      ),
    );
    if (Object.keys(changed).length === 0) return;
    this.#update('update', changed);
    this.#apply(changed);
  }

  on(event: string, listener: EventListener): () => void {
    if (event.startsWith('change:')) this.#requireKey(event.slice('change:'.length));
    else if (event !== 'change' && event !== 'msg:custom')
      throw new TypeError(
        `widget.on: there is no event ${JSON.stringify(event)}; use change, change:KEY or msg:custom`,
      );
    const listeners = this.#listeners.get(event) ?? new Set();
    this.#listeners.set(event, listeners.add(listener));
    return () => listeners.delete(listener);
  }

  send(content: unknown, buffers: readonly Bytes[] = []): void {
    this.#comm.send({ method: 'custom', content }, { buffers });
  }

  close(): void {
    this.#comm.close();
    this.onClosed();
  }

  toMimeBundle(): MimeBundle {
    return {
      'text/plain': 'a widget: JupyterLab shows it where anywidget is installed (pip install anywidget)',
      'application/vnd.jupyter.widget-view+json': {
        version_major: 2,
        version_minor: 0,
        model_id: this.id,
      },
    };
  }

  #receive({ data, buffers }: ReceivedMessage): void {
    const {
      method,
      state,
      buffer_paths: paths = [],
      content,
    } = data as {
      method?: unknown;
      state?: State;
      buffer_paths?: BufferPath[];
      content?: unknown;
    };
    if (method === 'request_state') this.#update('update', { ...this.#fixed, ...this.#values });
    else if (method === 'custom') this.#emit('msg:custom', content, buffers);
    else if (method === 'update' && typeof state === 'object' && state !== null) {
      joinBuffers(state, paths, buffers);
      // What the cell did not name is the page's own business.
      const known = Object.entries(state).filter(([key]) => Object.hasOwn(this.#values, key));
      const changes = Object.fromEntries(
        known.map(([key, value]) => [
          key,
          value instanceof Uint8Array ? likeBefore(value, this.#values[key]) : value,
        ]),
      );
      // Other pages that show the same notebook learn of it by the echo.
      this.#update('echo_update', changes);
      this.#apply(changes);
    }
  }

  #apply(changes: State): void {
    const before = { ...this.#values };
    Object.assign(this.#values, changes);
    for (const [key, value] of Object.entries(changes)) this.#emit(`change:${key}`, value, before[key]);
    this.#emit('change', changes);
  }

  #emit(event: string, ...values: unknown[]): void {
    // A listener that fails must not keep the others from being called.
    for (const listener of [...(this.#listeners.get(event) ?? [])])
      this.#registry.guard(() => listener(...values));
  }

  #update(method: 'update' | 'echo_update', changes: State): void {
    const { buffers, ...data } = splitBuffers(changes);
    this.#comm.send({ method, ...data }, { buffers });
  }

  #requireKey(key: string): void {
    if (!Object.hasOwn(this.#values, key))
      throw new TypeError(
        `widget: the state has no key ${JSON.stringify(key)}; it has ${Object.keys(this.#values).join(', ') || 'none'}`,
      );
  }
}
