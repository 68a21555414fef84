/**
 * Markup that we made ourselves (formulas, highlighted code, figures) must not pass through the sanitiser, which
 * would cut it to pieces. It is set aside under a mark of private-use characters, and put back afterwards.
 */

const open = '\ue000';
const close = '\ue001';
/** Stands for a dollar sign that is no formula delimiter. */
export const plainDollar = '\ue002';

export class Placeholders {
  readonly #kept: string[] = [];

  /** Sets markup aside; what comes back may stand in text only. */
  keep(html: string): string {
    this.#kept.push(html);
    return `${open}${this.#kept.length - 1}${close}`;
  }

  restore(html: string): string {
    return html
      .replace(/\ue000(\d+)\ue001/g, (_, index: string) => this.#kept[Number(index)] ?? '')
      .replaceAll(plainDollar, '$');
  }

  /** Takes our marks out of foreign text, so that nobody can forge one. */
  static clean(text: string): string {
    return text.replace(/[\ue000-\ue002]/g, '');
  }
}
