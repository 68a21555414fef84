/**
 * Markup that we made ourselves (formulas, highlighted code, figures) must not pass through the sanitiser, which
 * would cut it to pieces. It is set aside under a mark of private-use characters, and put back afterwards.
 */
import { escapeHtml } from '../../src/display/html.js';

const open = '\ue000';
const close = '\ue001';
const marks = /\ue000(\d+)\ue001/g;

interface Kept {
  html: string;
  /** Of a formula: what was written in its place, for where markup cannot stand. */
  source: string | undefined;
  /** Of a formula: in plain characters. */
  words: string;
}

export class Placeholders {
  readonly #kept: Kept[] = [];

  /** Sets markup aside; what comes back may stand in text only. */
  keep(html: string, source?: string, words = source ?? ''): string {
    this.#kept.push({ html, source, words });
    return `${open}${this.#kept.length - 1}${close}`;
  }

  /**
   * Puts back what was kept into sanitised markup. Inside a tag markup could break an attribute, and inside code nothing
   * is a formula: there it is what was written.
   */
  restore(html: string): string {
    let literal = 0;
    return html.replace(
      /<(\/?)([a-z][a-z0-9]*)[^>]*>|\ue000\d+\ue001/gi,
      (found, closing: string, name?: string) => {
        if (name === undefined) return this.#unfold(found, literal > 0);
        if (/^(?:code|pre|kbd|samp)$/i.test(name)) literal = Math.max(0, literal + (closing ? -1 : 1));
        return found.replace(marks, (mark) => escapeHtml(this.sources(mark)));
      },
    );
  }

  /** A text as it was written. */
  sources(text: string): string {
    return text.replace(marks, (_, index: string) => this.#kept[Number(index)]?.source ?? '');
  }

  /** A text with what was set aside in plain characters. */
  words(text: string): string {
    return text.replace(marks, (_, index: string) => this.#kept[Number(index)]?.words ?? '');
  }

  // Kept markup may itself hold marks, of what was kept before it.
  #unfold(mark: string, literal: boolean): string {
    const kept = this.#kept[Number(mark.slice(1, -1))];
    if (kept === undefined) return '';
    return literal && kept.source !== undefined ? escapeHtml(kept.source) : this.restore(kept.html);
  }

  /** Takes our marks out of foreign text, so that nobody can forge one. */
  static clean(text: string): string {
    return text.replace(/[\ue000\ue001]/g, '');
  }
}
