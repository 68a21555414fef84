/**
 * The inputs (and text results) of cells, and the three ways history_request looks at them: this kernel's from memory,
 * those of other sessions from the store.
 */

import type { HistoryEntry, HistoryRequest } from '../protocol/messages.js';
import type { HistoryRecord, HistoryStore } from './history-store.js';

/** The session's number where nothing is stored. */
const onlySession = 1;

interface Entry extends HistoryRecord {
  session: number;
}

export class History {
  readonly #records: HistoryRecord[] = [];

  /** @param store left out: this kernel's cells are all there is, and they end with it */
  constructor(readonly store?: HistoryStore) {}

  add(line: number, input: string): void {
    this.#records.push({ line, input, output: null });
    this.store?.input(line, input);
  }

  /** Attaches the text of a result to the entry of its line. */
  setOutput(line: number, output: string): void {
    const record = this.#records.findLast((entry) => entry.line === line);
    if (!record) return;
    record.output = output;
    this.store?.output(line, output);
  }

  /** Writes to disk what is not there yet. */
  flush(): void {
    this.store?.flush();
  }

  query(request: HistoryRequest): HistoryEntry[] {
    this.flush();
    return this.#select(request).map(({ session, line, input, output }) => [
      session,
      line,
      request.output ? [input, output] : input,
    ]);
  }

  #select(request: HistoryRequest): Entry[] {
    switch (request.hist_access_type) {
      case 'tail':
        return this.#tail(request.n ?? Number.POSITIVE_INFINITY);
      case 'range': {
        const session = this.#resolve(request.session ?? 0);
        const { start = 1, stop } = request;
        return this.#entries(session).filter(
          ({ line }) => line >= start && (stop === undefined || stop === null || line < stop),
        );
      }
      case 'search': {
        const pattern = glob(request.pattern ?? '*');
        let found = this.#sessions()
          .flatMap((session) => this.#entries(session))
          .filter(({ input }) => pattern.test(input));
        if (request.unique) found = [...new Map(found.map((entry) => [entry.input, entry])).values()];
        return lastOf(found, request.n ?? Number.POSITIVE_INFINITY);
      }
    }
  }

  /** Reads no more sessions than it needs. */
  #tail(count: number): Entry[] {
    let found: Entry[] = [];
    for (const session of this.#sessions().reverse()) {
      if (found.length >= count) break;
      found = [...this.#entries(session), ...found];
    }
    return lastOf(found, count);
  }

  /** Session 0 is this one, -1 the latest before it, and so on; undefined where there is none. */
  #resolve(session: number): number | undefined {
    if (session > 0) return session;
    const own = this.#own;
    if (session === 0) return own;
    return this.#sessions()
      .filter((number) => number < own)
      .at(session);
  }

  /** All sessions in order. This one counts as the newest until its number is known. */
  #sessions(): number[] {
    const own = this.#own;
    const others = this.store?.sessions().filter((session) => session !== own) ?? [];
    return [...others, own].sort((a, b) => a - b);
  }

  #entries(session: number | undefined): Entry[] {
    if (session === undefined) return [];
    const records = session === this.#own ? this.#records : (this.store?.read(session) ?? []);
    return records.map((record) => ({ session, ...record }));
  }

  get #own(): number {
    if (!this.store) return onlySession;
    return this.store.session ?? (this.store.sessions().at(-1) ?? 0) + 1;
  }
}

function lastOf<T>(items: readonly T[], count: number): T[] {
  return count === 0 ? [] : items.slice(-count);
}

/** A shell pattern over the whole text: `*` any text, `?` one character, `[…]` a set. */
function glob(pattern: string): RegExp {
  const body = pattern.replace(/\[[^\]]+\]|[\s\S]/g, (part) => {
    if (part === '*') return '[\\s\\S]*';
    if (part === '?') return '[\\s\\S]';
    if (part.length > 1) return `[${part.slice(1, -1).replace(/^[!^]/, '^').replace(/\\/g, '\\\\')}]`;
    return part.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&');
  });
  try {
    return new RegExp(`^${body}$`, 'u');
  } catch {
    return /(?!)/; // a set such as [z-a] matches nothing
  }
}
