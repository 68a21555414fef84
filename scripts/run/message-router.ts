/**
 * Sends what a kernel publishes where it belongs: an output to the cell whose request caused it, also when it comes
 * late, from a timer of an earlier cell, or to the output widget that captures it; widget state to the notebook's metadata.
 */
import { isOutput, isType, parentId, type RawMessage } from '../../kernel/protocol/messages.js';
import type { CodeCell, Notebook } from '../notebook/format.js';
import { countOf } from './kernel-content.js';
import type { NotebookKernel } from './notebook-kernel.js';
import { OutputCollector } from './outputs.js';
import type { Secrets } from './parameters/secrets.js';
import { WidgetStates } from './widgets.js';

export class MessageRouter {
  /** The cell that runs. One request runs at a time, so a request not seen before is that of this cell. */
  current: CodeCell | undefined;
  readonly #collector: OutputCollector;
  readonly #widgets = new WidgetStates();
  readonly #owners = new Map<string, CodeCell>();
  /** What comes from now on belongs nowhere. */
  readonly close: () => void;

  /**
   * @param outputLimit bytes per cell
   * @param secrets what must not be kept of what the kernel publishes
   * @param onChange called when something of the notebook has changed
   */
  constructor(
    readonly kernel: NotebookKernel,
    outputLimit: number,
    secrets: Secrets,
    readonly onChange: () => void,
  ) {
    this.#collector = new OutputCollector(outputLimit, (before, next) => secrets.join(before, next));
    this.close = kernel.onMessage((message) =>
      this.#receive(secrets.none ? message : withoutSecrets(message, secrets)),
    );
  }

  /**
   * Tells the kernel what its output widgets have taken: code of the next cells may read it. A kernel that is gone is no
   * failure of the cell that has ended; the next one finds out.
   */
  async syncWidgets(): Promise<void> {
    for (const content of this.#widgets.unsent())
      await this.kernel.sendComm('comm_msg', content).catch(() => {});
  }

  /** Brings the widgets' state into the notebook's metadata. */
  recordWidgets(notebook: Notebook): void {
    const widgets = this.#widgets.metadata();
    if (widgets) notebook.metadata.widgets = widgets;
    else delete notebook.metadata.widgets;
  }

  #receive(message: RawMessage): void {
    if (this.#widgets.receive(message)) {
      this.onChange();
      return;
    }
    const request = parentId(message);
    if (request === undefined || (message.parent as { msg_type?: string }).msg_type !== 'execute_request')
      return;
    const owner = this.#owners.get(request) ?? this.current;
    if (!owner) return;
    this.#owners.set(request, owner);
    if (isType(message, 'execute_input')) owner.execution_count = countOf(message.content.execution_count);
    else if (isOutput(message)) this.#collector.receive(this.#widgets.sinkOf(request) ?? owner, message);
    else return;
    this.onChange();
  }
}

/** Without its frame too, which has them as they came. */
function withoutSecrets(
  { type, header, parent, metadata, content, buffers }: RawMessage,
  secrets: Secrets,
): RawMessage {
  return { type, header, parent, metadata, content: secrets.redact(content), buffers };
}
