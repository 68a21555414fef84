/**
 * Joins what a cell prints into few stream messages: one per pause of the printer, per change between stdout and
 * stderr, per other output in between, or per `maxSize` characters. Order is kept; only between stdout and stderr it is
 * given up where they alternate more often than anyone could read. What is longer is cut: queues of ZeroMQ are bounded by
 * number of messages.
 *
 * A flood, more than anyone can read and a front end can draw, goes out at a steady pace; what is ahead of it is held back, up
 * to `mostHeld`, and follows when the cell ends or shows something else. Nothing is lost, but where the cell is interrupted:
 * then `discard` leaves the last lines of it.
 */
import type { CellId } from '../link.js';

type Name = 'stdout' | 'stderr';

/** What was printed to one stream by one cell without a change. */
interface Run {
  id: CellId | undefined;
  name: Name;
  text: string;
}

const firstDelayMs = 25;
/** After so many doublings as it takes without a pause; ipykernel always waits 200 ms. */
const longestDelayMs = 250;
const maxSize = 256 * 1024;
/** Changes between two pauses up to which order is kept between the streams too. */
const maxRuns = 100;
/** Characters that go out at once, and those that go out in a second of a flood. */
const burst = 256 * 1024;
const perSecond = 256 * 1024;
const mostHeld = 8 * 1024 * 1024;
/** A discarded flood leaves so many characters; less than `worthDiscarding` is shown whole. */
const tail = 2_000;
const worthDiscarding = 64 * 1024;

export class StreamBuffer {
  #runs: Run[] = [];
  #size = 0;
  #timer: NodeJS.Timeout | undefined;
  #delayMs = firstDelayMs;
  #allowance = burst;
  #allowedAt = performance.now();

  constructor(readonly emit: (id: CellId | undefined, name: Name, text: string) => void) {}

  add(id: CellId | undefined, name: Name, text: string): void {
    this.#runFor(id, name).text += text;
    this.#size += text.length;
    if (this.#size >= mostHeld + maxSize) this.#send(this.#size - mostHeld);
    this.#timer ??= setTimeout(() => this.#paced(), this.#delayMs);
  }

  /** Sends what is held back; to be called before anything else of a cell is published. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#delayMs = firstDelayMs;
    this.#send(this.#size);
  }

  /** Drops the flood of a cell that is held back, but for its end. Returns how many characters that were. */
  discard(id: CellId): number {
    let dropped = 0;
    for (const name of ['stdout', 'stderr'] as const) {
      const runs = this.#runs.filter((run) => run.id === id && run.name === name);
      const size = runs.reduce((sum, { text }) => sum + text.length, 0);
      if (size < worthDiscarding) continue;
      const text = lastLines(runs.map((run) => run.text).join(''));
      this.#runs = [...this.#runs.filter((run) => !runs.includes(run)), { id, name, text }];
      dropped += size - text.length;
    }
    this.#size -= dropped;
    return dropped;
  }

  /** As much as the pace allows. */
  #paced(): void {
    this.#timer = undefined;
    const now = performance.now();
    this.#allowance = Math.min(burst, this.#allowance + ((now - this.#allowedAt) / 1000) * perSecond);
    this.#allowedAt = now;
    const size = Math.min(this.#size, Math.floor(this.#allowance));
    this.#allowance -= size;
    this.#send(size);
    // What comes within the delay comes without a pause: the next message waits longer, and takes more.
    this.#delayMs = Math.min(this.#delayMs * 2, longestDelayMs);
    this.#timer = setTimeout(() => {
      if (this.#size > 0) this.#paced();
      else {
        this.#timer = undefined;
        this.#delayMs = firstDelayMs;
      }
    }, this.#delayMs);
  }

  /** Sends the first characters: about so many, as no character beyond U+FFFF is cut. */
  #send(size: number): void {
    for (let left = size; left > 0 && this.#runs.length > 0; ) {
      const [run] = this.#runs as [Run];
      const end = endOfPiece(run.text, Math.min(left, maxSize));
      const text = run.text.slice(0, end);
      run.text = run.text.slice(end);
      if (run.text === '') this.#runs.shift();
      this.#size -= end;
      left -= end;
      this.emit(run.id, run.name, text);
    }
  }

  #runFor(id: CellId | undefined, name: Name): Run {
    const fits = (run: Run | undefined) => run?.id === id && run?.name === name;
    const last = this.#runs.at(-1);
    const found = fits(last) ? last : this.#runs.length < maxRuns ? undefined : this.#runs.findLast(fits);
    if (found) return found;
    const run = { id, name, text: '' };
    this.#runs.push(run);
    return run;
  }
}

/** At most `size`, or one more where that would cut the first character in two. */
function endOfPiece(text: string, size: number): number {
  const end = Math.min(size, text.length);
  if (end === text.length || !isHighSurrogate(text.charCodeAt(end - 1))) return end;
  return end > 1 ? end - 1 : 2;
}

function lastLines(text: string): string {
  const end = text.slice(-tail);
  const line = end.indexOf('\n') + 1;
  return line > 0 && line < end.length ? end.slice(line) : end;
}

function isHighSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit < 0xdc00;
}
