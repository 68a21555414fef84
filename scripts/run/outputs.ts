/**
 * Turns the output messages of a kernel into the outputs a notebook file keeps: streams merged, displays updated
 * by their display id in whichever cell they stand, `clear_output` at once or when the next output comes. What one
 * cell may take is limited, so that endless output fills neither memory nor disk.
 */
import type { OutputMessage } from '../../kernel/protocol/messages.js';
import type { DisplayOutput, Output, ResultOutput, StreamOutput } from '../notebook/format.js';
import { formatBytes } from './bytes.js';
import { bundleOf, displayIdOf, errorOf, resultOf, streamOf } from './kernel-content.js';
import { sizeOfOutput, sizeOfText } from './output-size.js';
import { streamPrefix } from './stream-prefix.js';
import type { OutputSink } from './widgets.js';

type Display = DisplayOutput | ResultOutput;

/** What is known of the outputs of one sink. */
interface Account {
  used: number;
  dropped: number;
  /** Where output was dropped: the line that says so. */
  notice: StreamOutput | undefined;
  clearNext: boolean;
  displayIds: Set<string>;
}

/** The outputs of one run of a notebook; displays are known across cells. */
export class OutputCollector {
  readonly #displays = new Map<string, { output: Display; sink: OutputSink }[]>();
  readonly #accounts = new WeakMap<OutputSink, Account>();

  /**
   * @param limit bytes in the file, per cell
   * @param join two texts of one stream that follow each other
   */
  constructor(
    readonly limit = Number.POSITIVE_INFINITY,
    readonly join = (before: string, next: string) => before + next,
  ) {}

  /** Applies one message to the outputs of the cell, or the output widget, that it is for. */
  receive(sink: OutputSink, message: OutputMessage): void {
    if (this.#isCut(sink) && isDropped(message)) {
      // Not parsed any more: that is what keeps us faster than any kernel.
      this.#drop(sink, message.contentFrame?.length ?? 0);
      return;
    }
    switch (message.type) {
      case 'stream':
        this.#addStream(sink, message);
        break;
      case 'display_data': {
        const output: DisplayOutput = { output_type: 'display_data', ...bundleOf(message.content) };
        this.#addDisplay(sink, output, displayIdOf(message.content.transient));
        break;
      }
      case 'execute_result':
        this.#addDisplay(sink, resultOf(message.content), displayIdOf(message.content.transient));
        break;
      case 'update_display_data': {
        const id = displayIdOf(message.content.transient);
        if (id !== undefined) this.#update(id, bundleOf(message.content));
        break;
      }
      case 'error':
        // Always kept: it says why the cell ended.
        this.#push(sink, errorOf(message.content));
        break;
      case 'clear_output':
        if (message.content.wait) this.#account(sink).clearNext = true;
        else this.#clear(sink);
        break;
    }
  }

  #addStream(sink: OutputSink, message: OutputMessage & { type: 'stream' }): void {
    const size = message.contentFrame?.length ?? 0;
    const prefix = size > 2 * this.limit ? streamPrefix(message.contentFrame!, this.limit) : undefined;
    const { name, text } = streamOf(prefix ?? message.content);
    this.#addText(sink, name, text);
    if (prefix) this.#drop(sink, size - this.limit);
  }

  #addText(sink: OutputSink, name: string, text: string): void {
    const account = this.#prepare(sink);
    const last = sink.outputs.at(-1);
    const merged = last?.output_type === 'stream' && last.name === name;
    const size = merged ? sizeOfText(text) : sizeOfOutput({ output_type: 'stream', name, text });
    const room = Math.max(this.limit - account.used, 0);
    const kept = size <= room ? text : cut(text, Math.floor((text.length * room) / size));
    if (kept !== '') {
      account.used += Math.min(size, room);
      if (merged) last.text = this.join(last.text, kept);
      else sink.outputs.push({ output_type: 'stream', name, text: kept });
    }
    if (kept.length < text.length) this.#drop(sink, text.length - kept.length);
  }

  #addDisplay(sink: OutputSink, output: Display, id: string | undefined): void {
    const account = this.#prepare(sink);
    const size = sizeOfOutput(output);
    if (account.used + size > this.limit) {
      this.#drop(sink, size);
      return;
    }
    account.used += size;
    sink.outputs.push(output);
    if (id === undefined) return;
    account.displayIds.add(id);
    const known = this.#displays.get(id);
    if (known) known.push({ output, sink });
    else this.#displays.set(id, [{ output, sink }]);
  }

  #update(id: string, { data, metadata }: Pick<Display, 'data' | 'metadata'>): void {
    for (const { output, sink } of this.#displays.get(id) ?? []) {
      const account = this.#account(sink);
      const growth = sizeOfOutput({ ...output, data, metadata }) - sizeOfOutput(output);
      if (growth > 0 && account.used + growth > this.limit) {
        this.#drop(sink, growth);
        continue;
      }
      account.used += growth;
      output.data = data;
      output.metadata = metadata;
    }
  }

  #push(sink: OutputSink, output: Output): void {
    this.#prepare(sink).used += sizeOfOutput(output);
    sink.outputs.push(output);
  }

  /** The account of a sink that is about to get an output. */
  #prepare(sink: OutputSink): Account {
    if (this.#account(sink).clearNext) this.#clear(sink);
    return this.#account(sink);
  }

  #clear(sink: OutputSink): void {
    for (const id of this.#account(sink).displayIds) {
      const others = this.#displays.get(id)?.filter((display) => display.sink !== sink) ?? [];
      if (others.length > 0) this.#displays.set(id, others);
      else this.#displays.delete(id);
    }
    this.#accounts.delete(sink);
    sink.outputs = [];
  }

  #drop(sink: OutputSink, size: number): void {
    const account = this.#account(sink);
    account.dropped += size;
    if (!account.notice) {
      account.notice = { output_type: 'stream', name: 'stderr', text: '' };
      sink.outputs.push(account.notice);
    }
    account.notice.text = `[kernelbook run] The output of this cell was cut at ${formatBytes(this.limit)} (--max-output); ${formatBytes(account.dropped)} more were dropped.\n`;
  }

  #isCut(sink: OutputSink): boolean {
    const account = this.#accounts.get(sink);
    return account?.notice !== undefined && !account.clearNext;
  }

  #account(sink: OutputSink): Account {
    let account = this.#accounts.get(sink);
    if (!account) {
      account = { used: 0, dropped: 0, notice: undefined, clearNext: false, displayIds: new Set() };
      this.#accounts.set(sink, account);
    }
    return account;
  }
}

/** Errors are kept; updates and `clear_output` may give room. */
function isDropped({ type }: OutputMessage): boolean {
  return type === 'stream' || type === 'display_data' || type === 'execute_result';
}

/** The first `length` UTF-16 units, or one less: never half a character. */
function cut(text: string, length: number): string {
  const half = length > 0 && /[\uD800-\uDBFF]/.test(text[length - 1]!);
  return text.slice(0, half ? length - 1 : length);
}
