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

  /** Puts back what was kept into sanitised markup; a mark inside a tag is dropped, it could break an attribute. */
  restore(html: string): string {
    const safe = html.replace(/<[^>]*>/g, (tag) => tag.replace(/\ue000\d+\ue001/g, ''));
    return this.#unfold(safe).replaceAll(plainDollar, '$');
  }

  // Kept markup may itself hold marks, of what was kept before it.
  #unfold(html: string): string {
    return html.replace(/\ue000(\d+)\ue001/g, (_, index: string) =>
      this.#unfold(this.#kept[Number(index)] ?? ''),
    );
  }

  /** Takes our marks out of foreign text, so that nobody can forge one. */
  static clean(text: string): string {
    return text.replace(/[\ue000-\ue002]/g, '');
  }
}
