/**
 * Watches a test run for silence. Vitest's own limits end a test that waits for ever, but not a process whose thread is
 * held by native code, nor a worker that does not end: such a run would say nothing until someone stops it. Here it says
 * what it is waiting for, and in the end it gives up and names it.
 */

/** What is running, by what is said of it; and when something last began or ended. */
export class Silence {
  readonly #running = new Map<string, number>();
  readonly #now: () => number;
  #lastSign: number;
  #lastSaid: number;

  /** `now` gives milliseconds. */
  constructor(now: () => number) {
    this.#now = now;
    this.#lastSign = now();
    this.#lastSaid = this.#lastSign;
  }

  began(what: string): void {
    this.#running.set(what, this.#sign());
  }

  ended(what: string): void {
    this.#running.delete(what);
    this.#sign();
  }

  /** How long nothing began or ended. */
  get milliseconds(): number {
    return this.#now() - this.#lastSign;
  }

  /** What runs, the oldest first, or undefined if something happened, or was said, within the last `milliseconds`. */
  worthSaying(milliseconds: number): string[] | undefined {
    const now = this.#now();
    if (now - Math.max(this.#lastSign, this.#lastSaid) < milliseconds) return undefined;
    this.#lastSaid = now;
    return this.running();
  }

  /** What runs, the oldest first, each with its minutes. */
  running(): string[] {
    const minutes = (since: number): string => ((this.#now() - since) / 60_000).toFixed(1);
    return [...this.#running].map(([what, since]) => `${what} (for ${minutes(since)} min)`);
  }

  #sign(): number {
    this.#lastSign = this.#now();
    return this.#lastSign;
  }
}
