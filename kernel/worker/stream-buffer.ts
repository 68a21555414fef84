/**
 * Joins what a cell prints into few stream messages: one per pause of the printer, per change between stdout and
 * stderr, per other output in between, or per `maxSize` characters. Nothing is lost. Order is kept; only between
 * stdout and stderr it is given up where they alternate more often than anyone could read. What is longer is cut:
 * queues of ZeroMQ are bounded by number of messages.
 */
import type { CellId } from '../link.js';

type Name = 'stdout' | 'stderr';

/** What was printed to one stream by one cell without a change. */
interface Run {
  id: CellId | undefined;
  name: Name;
  parts: string[];
}

const delayMs = 25;
const maxSize = 256 * 1024;
/** Changes between two pauses up to which order is kept between the streams too. */
const maxRuns = 100;

export class StreamBuffer {
  #runs: Run[] = [];
  #size = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(readonly emit: (id: CellId | undefined, name: Name, text: string) => void) {}

  add(id: CellId | undefined, name: Name, text: string): void {
    this.#runFor(id, name).parts.push(text);
    this.#size += text.length;
    if (this.#size >= maxSize) this.flush();
    else this.#timer ??= setTimeout(() => this.flush(), delayMs);
  }

  /** Sends what is held back; to be called before anything else of a cell is published. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const runs = this.#runs;
    this.#runs = [];
    this.#size = 0;
    for (const { id, name, parts } of runs)
      for (const piece of pieces(parts.join(''))) this.emit(id, name, piece);
  }

  #runFor(id: CellId | undefined, name: Name): Run {
    const fits = (run: Run | undefined) => run?.id === id && run?.name === name;
    const last = this.#runs.at(-1);
    const found = fits(last) ? last : this.#runs.length < maxRuns ? undefined : this.#runs.findLast(fits);
    if (found) return found;
    const run = { id, name, parts: [] };
    this.#runs.push(run);
    return run;
  }
}

/** Cuts a text at `maxSize`, never through a character beyond U+FFFF. */
function* pieces(text: string): Generator<string> {
  for (let start = 0, end = 0; start < text.length; start = end) {
    end = Math.min(start + maxSize, text.length);
    if (end < text.length && isHighSurrogate(text.charCodeAt(end - 1))) end--;
    yield text.slice(start, end);
  }
}

function isHighSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit < 0xdc00;
}
