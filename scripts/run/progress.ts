/**
 * Progress on the terminal: one live line for what is running, and a line that stays for each finished notebook.
 * Where the output is no terminal, only the lines that stay.
 */

import { describeResult, duration } from './report.js';
import type { NotebookResult } from './result.js';

export interface Progress {
  start(names: string[]): void;
  begin(name: string): void;
  cell(name: string, done: number, total: number): void;
  end(result: NotebookResult): void;
  /** A line of another matter, without disturbing the live one. */
  note(line: string): void;
  stop(): void;
}

interface Stream {
  isTTY?: boolean;
  columns?: number;
  write(text: string): unknown;
}

const refreshMs = 250;
const separator = '  |  ';
/** Characters of a name that are always shown. */
const leastName = 8;

export function terminalProgress(stream: Stream = process.stdout): Progress {
  return stream.isTTY ? new LiveProgress(stream) : new PlainProgress(stream);
}

class PlainProgress implements Progress {
  protected total = 0;
  protected finished = 0;

  constructor(protected readonly stream: Stream) {}

  start(names: string[]): void {
    this.total = names.length;
  }

  begin(_name: string): void {}

  cell(_name: string, _done: number, _total: number): void {}

  end(result: NotebookResult): void {
    this.finished++;
    this.note(`[${this.finished}/${this.total}] ${describeResult(result)}`);
  }

  note(line: string): void {
    this.stream.write(`${line}\n`);
  }

  stop(): void {}
}

class LiveProgress extends PlainProgress {
  readonly #running = new Map<string, { since: number; done: number; total: number }>();
  #timer: NodeJS.Timeout | undefined;

  override start(names: string[]): void {
    super.start(names);
    this.#timer = setInterval(() => this.#draw(), refreshMs);
    this.#timer.unref();
  }

  override begin(name: string): void {
    this.#running.set(name, { since: performance.now(), done: 0, total: 0 });
    this.#draw();
  }

  override cell(name: string, done: number, total: number): void {
    const entry = this.#running.get(name);
    if (entry) Object.assign(entry, { done, total });
    this.#draw();
  }

  override end(result: NotebookResult): void {
    this.#running.delete(result.name);
    super.end(result);
  }

  override note(line: string): void {
    this.stream.write('\r\u001b[K');
    super.note(line);
    this.#draw();
  }

  override stop(): void {
    clearInterval(this.#timer);
    this.stream.write('\r\u001b[K');
  }

  /** Names give way where there is not room for all: what each notebook is at stays readable. */
  #draw(): void {
    const states = [...this.#running].map(([name, { since, done, total }]) => {
      const cells = total === 0 ? 'starting its kernel' : `cell ${Math.min(done + 1, total)}/${total}`;
      return { name, state: `${cells} ${duration((performance.now() - since) / 1000)}` };
    });
    const width = (this.stream.columns ?? 80) - 1;
    const line = (longest: number) =>
      [
        `[${this.finished}/${this.total}]`,
        states.map(({ name, state }) => `${shortened(name, longest)} ${state}`).join(separator),
      ].join(' ');
    const excess = line(Number.POSITIVE_INFINITY).length - width;
    const names = states.reduce((sum, { name }) => sum + name.length, 0);
    const room = excess <= 0 ? Number.POSITIVE_INFINITY : Math.floor((names - excess) / states.length);
    this.stream.write(`\r\u001b[K${line(Math.max(room, leastName)).slice(0, width)}`);
  }
}

/** The end of a path tells more than its beginning. */
function shortened(name: string, longest: number): string {
  return name.length <= longest ? name : `…${name.slice(1 - longest)}`;
}
