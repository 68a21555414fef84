/**
 * Joins what a cell prints into few stream messages: one per pause of the printer, per change between stdout and
 * stderr, per other output in between, or per `maxSize` characters. Order is kept, nothing is lost.
 */
import type { CellId } from './link.js';

type Name = 'stdout' | 'stderr';

const delayMs = 25;
const maxSize = 1024 * 1024;

export class StreamBuffer {
  #id: CellId | undefined;
  #name: Name = 'stdout';
  #parts: string[] = [];
  #size = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(readonly emit: (id: CellId | undefined, name: Name, text: string) => void) {}

  add(id: CellId | undefined, name: Name, text: string): void {
    if (id !== this.#id || name !== this.#name) this.flush();
    this.#id = id;
    this.#name = name;
    this.#parts.push(text);
    this.#size += text.length;
    if (this.#size >= maxSize) this.flush();
    else this.#timer ??= setTimeout(() => this.flush(), delayMs);
  }

  /** Sends what is held back; to be called before anything else of a cell is published. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#parts.length === 0) return;
    const text = this.#parts.join('');
    this.#parts = [];
    this.#size = 0;
    this.emit(this.#id, this.#name, text);
  }
}
