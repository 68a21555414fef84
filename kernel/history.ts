/** The inputs (and text results) of this kernel's cells, and the three ways history_request looks at them. */
import type { HistoryEntry, HistoryRequest } from './protocol/messages.js';

/** The number of the running kernel's session; earlier sessions are not kept. */
const thisSession = 1;

interface Entry {
  line: number;
  input: string;
  output: string | null;
}

export class History {
  readonly #entries: Entry[] = [];

  add(line: number, input: string): void {
    this.#entries.push({ line, input, output: null });
  }

  /** Attaches the text of a result to the latest entry. */
  setOutput(line: number, output: string): void {
    const entry = this.#entries.at(-1);
    if (entry?.line === line) entry.output = output;
  }

  query(request: HistoryRequest): HistoryEntry[] {
    return this.#select(request).map(({ line, input, output }) => [
      thisSession,
      line,
      request.output ? [input, output] : input,
    ]);
  }

  #select(request: HistoryRequest): Entry[] {
    const limit = request.n ?? Number.POSITIVE_INFINITY;
    switch (request.hist_access_type) {
      case 'tail':
        return lastOf(this.#entries, limit);
      case 'range': {
        // Session 0 is the current one; negative sessions are earlier ones.
        if (request.session !== 0 && request.session !== thisSession) return [];
        const { start = 1, stop } = request;
        return this.#entries.filter(
          ({ line }) => line >= start && (stop === undefined || stop === null || line < stop),
        );
      }
      case 'search': {
        const pattern = glob(request.pattern ?? '*');
        let found = this.#entries.filter(({ input }) => pattern.test(input));
        if (request.unique) found = [...new Map(found.map((entry) => [entry.input, entry])).values()];
        return lastOf(found, limit);
      }
    }
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
