/** Two languages on one page: `lang` marks what belongs to one, and the switch of the page shows one or both. */
import { escapeHtml } from '../../src/display/html.js';

export interface Words {
  en: string;
  zh: string;
}

const han = /\p{Script=Han}/u;
/** "3. Question" and "Figure 2: " stand before both languages. */
const numbering = /^(?:\d+(?:\.\d+)*\.?|[A-Z]\d*\.)\s+/;

/** Two strings of HTML as the two languages of one text. */
export function inBoth(en: string, zh: string): string {
  return en === zh
    ? en
    : `<span lang="en">${en}</span><span class="slash"> / </span><span lang="zh">${zh}</span>`;
}

export const wordsInBoth = ({ en, zh }: Words): string => inBoth(escapeHtml(en), escapeHtml(zh));

/** "English / 中文" with a language on each half, a number before both kept for both; other text as it is. */
export function bilingual(html: string): string {
  const number = numbering.exec(html)?.[0] ?? '';
  const halves = split(html.slice(number.length));
  if (!halves) return html;
  const own = number === '' || numbering.test(halves.zh) ? '' : `<span class="number">${number}</span>`;
  return inBoth(`${number}${halves.en}`, `${own}${halves.zh}`);
}

/** The two halves of plain words written "English / 中文"; the same words twice where they are not. */
export function bilingualWords(text: string): Words {
  const number = numbering.exec(text)?.[0] ?? '';
  const halves = split(text.slice(number.length));
  if (!halves) return { en: text, zh: text };
  return { en: `${number}${halves.en}`, zh: `${numbering.test(halves.zh) ? '' : number}${halves.zh}` };
}

/**
 * At the last slash that has Chinese on its right only: "q / k / 查询" is "q / k" and "查询". A sentence's end that both
 * halves share is given to both.
 */
function split(text: string): Words | undefined {
  for (let at = text.lastIndexOf(' / '); at >= 0; at = text.lastIndexOf(' / ', at - 1)) {
    const halves = { en: text.slice(0, at), zh: text.slice(at + 3) };
    if (han.test(halves.zh) && !han.test(halves.en) && balanced(halves.en)) return halves;
    if (at === 0) break;
  }
  return undefined;
}

/** Whether a piece of markup closes what it opens, so that it may stand in an element of its own. */
function balanced(html: string): boolean {
  const open: string[] = [];
  for (const [, close, name, self] of html.matchAll(/<(\/?)([a-z][a-z0-9]*)[^>]*?(\/?)>/gi)) {
    if (self || /^(?:br|wbr|img|hr)$/i.test(name!)) continue;
    if (!close) open.push(name!);
    else if (open.pop() !== name) return false;
  }
  return open.length === 0;
}

const short =
  /<(summary|caption|figcaption|th|td|p|li|strong|dt|dd)\b([^>]*)>((?:(?!<\/?(?:summary|caption|figcaption|table|t[rhd]|p|li|ul|ol|div|dt|dd|details|section|blockquote|pre)\b)[\s\S])*?)<\/\1>/g;

/** Short texts written "English / 中文" in finished markup: folds, captions, cells and labels. */
export function bilingualTexts(html: string): string {
  return html.replaceAll(short, (whole, name: string, attributes: string, inner: string) => {
    if (/\blang=/.test(attributes)) return whole;
    const halves = bilingual(inner.trim());
    if (halves !== inner.trim()) return `<${name}${attributes}>${halves}</${name}>`;
    return name === 'strong' ? whole : `<${name}${attributes}>${bilingualTexts(inner)}</${name}>`;
  });
}
