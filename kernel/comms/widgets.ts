/**
 * All widgets of the kernel. A page that is opened again asks for the state of all of them at once, over a comm to
 * `jupyter.widget.control` (Jupyter widgets messaging protocol 2.1).
 */
import { type BufferPath, splitBuffers } from './buffers.js';
import type { Comm } from './comm.js';
import type { CommRegistry } from './registry.js';
import { Widget, type WidgetOptions } from './widget.js';

export class Widgets {
  readonly #live = new Map<string, Widget>();

  constructor(readonly registry: CommRegistry) {
    registry.register('jupyter.widget.control', (comm) => {
      comm.onMessage(({ data }) => {
        if ((data as { method?: unknown } | null)?.method === 'request_states') this.#answer(comm);
      });
    });
  }

  make(options: WidgetOptions): Widget {
    const widget = new Widget(this.registry, options, () => this.#live.delete(widget.id));
    this.#live.set(widget.id, widget);
    return widget;
  }

  #answer(comm: Comm): void {
    const models = [...this.#live].map(([id, widget]) => [id, widget.model] as const);
    const { state: states, buffer_paths, buffers } = splitBuffers(Object.fromEntries(models));
    comm.send({ method: 'update_states', states, buffer_paths } satisfies UpdateStates, { buffers });
  }
}

interface UpdateStates {
  method: 'update_states';
  states: Record<string, unknown>;
  buffer_paths: BufferPath[];
}
