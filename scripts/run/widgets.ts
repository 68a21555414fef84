/**
 * The state of Jupyter widgets, as the kernel's comm messages tell it, in the form front ends save in a notebook's
 * metadata: JupyterLab and nbconvert show the widgets of an executed notebook from it. Output widgets take the
 * outputs of the requests they capture, as they do in a front end.
 */
import type { RawMessage } from '../../kernel/protocol/messages.js';
import { isObject, type Output } from '../notebook/format.js';

export const widgetStateMime = 'application/vnd.jupyter.widget-state+json';

type State = Record<string, unknown>;

/** Binary parts are taken out of the state; `path` is where they belong. */
interface Buffer64 {
  data: string;
  encoding: 'base64';
  path: (string | number)[];
}

/** Where outputs go: a cell, or an output widget. */
export interface OutputSink {
  outputs: Output[];
}

class Model implements OutputSink {
  readonly state: State = {};
  buffers: Buffer64[] = [];

  get outputs(): Output[] {
    return Array.isArray(this.state.outputs) ? (this.state.outputs as Output[]) : [];
  }

  set outputs(outputs: Output[]) {
    this.state.outputs = outputs;
  }

  update(state: State, paths: unknown, buffers: Uint8Array[]): void {
    Object.assign(this.state, state);
    this.buffers = this.buffers.filter(({ path }) => !Object.hasOwn(state, String(path[0])));
    if (!Array.isArray(paths)) return;
    paths.forEach((path: unknown, index) => {
      const bytes = buffers[index];
      if (Array.isArray(path) && bytes)
        this.buffers.push({ data: Buffer.from(bytes).toString('base64'), encoding: 'base64', path });
    });
  }
}

export class WidgetStates {
  readonly #models = new Map<string, Model>();
  /** By request, the output widgets that capture its outputs, the innermost last. */
  readonly #capturing = new Map<string, string[]>();
  readonly #unsent = new Set<string>();

  /** Takes a message of any type; true when it changed a widget. */
  receive(message: RawMessage): boolean {
    const { type, buffers } = message;
    // The content of other messages is left unparsed here: half a gigabyte of output would be taken apart in vain.
    if (!type.startsWith('comm_')) return false;
    const { comm_id: id, target_name: target, data } = message.content as Record<string, unknown>;
    if (typeof id !== 'string') return false;
    if (type === 'comm_close') return this.#models.delete(id);
    if (type === 'comm_open' && target === 'jupyter.widget') this.#models.set(id, new Model());
    else if (type !== 'comm_msg') return false;
    const model = this.#models.get(id);
    if (!model || !isObject(data) || !isObject(data.state)) return false;
    this.#capture(id, model, data.state.msg_id);
    model.update(data.state, data.buffer_paths, buffers);
    return true;
  }

  /** The output widget that takes the outputs of this request; undefined: they go to the cell. */
  sinkOf(request: string): OutputSink | undefined {
    const id = this.#capturing.get(request)?.at(-1);
    const model = id === undefined ? undefined : this.#models.get(id);
    if (id !== undefined && model) this.#unsent.add(id);
    return model;
  }

  /** The output widgets whose outputs the kernel does not know yet, with what it is to be told. */
  unsent(): { comm_id: string; data: unknown }[] {
    const messages = [...this.#unsent].flatMap((id) => {
      const outputs = this.#models.get(id)?.outputs;
      return outputs
        ? [{ comm_id: id, data: { method: 'update', state: { outputs }, buffer_paths: [] } }]
        : [];
    });
    this.#unsent.clear();
    return messages;
  }

  /** For the notebook's metadata; undefined where there are no widgets. */
  metadata(): Record<string, unknown> | undefined {
    const state = Object.fromEntries(
      [...this.#models].flatMap(([id, model]) => {
        const { _model_name: name, _model_module: module, _model_module_version: version } = model.state;
        if (typeof name !== 'string') return [];
        const saved = { model_name: name, model_module: module, model_module_version: version };
        const buffers = model.buffers.length > 0 ? { buffers: model.buffers } : {};
        return [[id, { ...saved, state: model.state, ...buffers }]];
      }),
    );
    if (Object.keys(state).length === 0) return undefined;
    return { [widgetStateMime]: { state, version_major: 2, version_minor: 0 } };
  }

  /** `with output:` sets the widget's msg_id to the request, its end sets it to ''. */
  #capture(id: string, model: Model, request: unknown): void {
    if (request === undefined) return;
    const before = model.state.msg_id;
    if (typeof before === 'string' && before !== '') {
      const stack = (this.#capturing.get(before) ?? []).filter((one) => one !== id);
      if (stack.length > 0) this.#capturing.set(before, stack);
      else this.#capturing.delete(before);
    }
    if (typeof request === 'string' && request !== '')
      this.#capturing.set(request, [...(this.#capturing.get(request) ?? []), id]);
  }
}
