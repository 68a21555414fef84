/**
 * Turns the output messages of a kernel into the outputs a notebook file keeps: streams merged, displays updated
 * by their display id in whichever cell they stand, `clear_output` at once or when the next output comes.
 */
import type { OutputMessage } from '../../kernel/protocol/messages.js';
import type { CodeCell, DisplayOutput, Output, ResultOutput } from '../notebook/format.js';

/** The outputs of one run of a notebook; displays are known across cells. */
export class OutputCollector {
  readonly #displays = new Map<string, (DisplayOutput | ResultOutput)[]>();
  readonly #clearNext = new WeakSet<CodeCell>();

  /** Applies one message to the outputs of the cell that caused it. */
  receive(cell: CodeCell, message: OutputMessage): void {
    switch (message.type) {
      case 'stream':
        this.#addText(cell, message.content.name, message.content.text);
        break;
      case 'display_data': {
        const { data, metadata, transient } = message.content;
        const output: DisplayOutput = { output_type: 'display_data', data, metadata };
        this.#remember(transient?.display_id, output);
        this.#add(cell, output);
        break;
      }
      case 'execute_result': {
        const { data, metadata, execution_count, transient } = message.content;
        const output: ResultOutput = { output_type: 'execute_result', data, metadata, execution_count };
        this.#remember(transient?.display_id, output);
        this.#add(cell, output);
        break;
      }
      case 'update_display_data': {
        const { data, metadata, transient } = message.content;
        for (const output of this.#displays.get(transient.display_id) ?? []) {
          output.data = data;
          output.metadata = metadata;
        }
        break;
      }
      case 'error': {
        const { ename, evalue, traceback } = message.content;
        this.#add(cell, { output_type: 'error', ename, evalue, traceback });
        break;
      }
      case 'clear_output':
        if (message.content.wait) this.#clearNext.add(cell);
        else cell.outputs = [];
        break;
    }
  }

  #addText(cell: CodeCell, name: string, text: string): void {
    const last = cell.outputs.at(-1);
    if (last?.output_type === 'stream' && last.name === name && !this.#clearNext.has(cell)) last.text += text;
    else this.#add(cell, { output_type: 'stream', name, text });
  }

  #add(cell: CodeCell, output: Output): void {
    if (this.#clearNext.delete(cell)) cell.outputs = [];
    cell.outputs.push(output);
  }

  #remember(id: unknown, output: DisplayOutput | ResultOutput): void {
    if (typeof id !== 'string') return;
    const known = this.#displays.get(id);
    if (known) known.push(output);
    else this.#displays.set(id, [output]);
  }
}
