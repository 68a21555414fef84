/**
 * Secret parameters: the kernel gets their values, the saved notebook does not. A value that the notebook prints is
 * taken out of its outputs too, as it stands and as JSON, HTML and a URL would write it.
 */
import type { Cell } from '../../notebook/format.js';

/** What stands in the place of a secret. */
export const redacted = '[redacted]';

/** A shorter text is found in words that have nothing to do with it. */
const shortest = 4;

export class Secrets {
  readonly #pattern: RegExp | undefined;
  readonly #longest: number;
  /** What was joined last, and its end: to cut that out of a text that has grown to megabytes copies all of it. */
  #last = { joined: '', end: '' };

  /**
   * @param values the values of the secret parameters
   * @param cellId the injected cell, which is saved without them
   * @param source what the kernel gets in place of that cell's source
   */
  constructor(
    values: readonly unknown[],
    private readonly cellId: string,
    private readonly source: string,
  ) {
    const forms = new Set(values.flatMap(textsOf).flatMap(writtenForms));
    // The longest first, so that a secret that begins like another one is taken out whole.
    const ordered = [...forms].sort((a, b) => b.length - a.length);
    this.#longest = ordered[0]?.length ?? 0;
    this.#pattern = ordered.length === 0 ? undefined : new RegExp(ordered.map(escaped).join('|'), 'g');
  }

  /** There is nothing to take out. */
  get none(): boolean {
    return this.#pattern === undefined;
  }

  /** What to run for a cell. */
  sourceOf(cell: Cell): string {
    return cell.id === this.cellId ? this.source : cell.source;
  }

  /** The same JSON value without secrets in any of its texts. */
  redact<T>(value: T): T {
    return this.#pattern ? (this.#redact(value) as T) : value;
  }

  /** Two texts of a stream that follow each other: a secret may have been cut in two between them. */
  join(before: string, next: string): string {
    if (!this.#pattern) return before + next;
    const end = before === this.#last.joined ? this.#last.end : before.slice(-this.#longest);
    const seam = end + next;
    const clean = this.redact(seam);
    const joined = clean === seam ? before + next : before.slice(0, before.length - end.length) + clean;
    this.#last = { joined, end: clean.slice(-this.#longest) };
    return joined;
  }

  #redact(value: unknown): unknown {
    if (typeof value === 'string') return value.replace(this.#pattern!, redacted);
    if (Array.isArray(value)) return value.map((inner) => this.#redact(inner));
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, this.#redact(inner)]));
  }
}

/** The secrets of a notebook that has none. */
export const noSecrets = new Secrets([], '', '');

function textsOf(value: unknown): string[] {
  if (typeof value === 'number' || typeof value === 'bigint') return textsOf(String(value));
  if (typeof value === 'string') return value.length >= shortest ? [value] : [];
  if (typeof value !== 'object' || value === null) return [];
  return Object.values(value).flatMap(textsOf);
}

function writtenForms(text: string): string[] {
  const html = text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
  // A lone surrogate, which no URL can hold, becomes U+FFFD.
  const wellFormed = Buffer.from(text).toString();
  return [text, JSON.stringify(text).slice(1, -1), html, encodeURIComponent(wellFormed)];
}

function escaped(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');
}
