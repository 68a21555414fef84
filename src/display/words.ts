/**
 * Text in two languages as this project writes it: "English / 中文", in headings, names of checks, titles and labels.
 * In a page both halves are marked with their language, so that a reader who chose one sees one.
 */

export interface Words {
  en: string;
  zh: string;
}

const han = /\p{Script=Han}/u;

/** At the last slash that has Chinese on its right only: "q / k / 查询" is "q / k" and "查询". */
export function splitWords(text: string): Words | undefined {
  for (let at = text.lastIndexOf(' / '); at >= 0; at = text.lastIndexOf(' / ', at - 1)) {
    const words = { en: text.slice(0, at), zh: text.slice(at + 3) };
    if (han.test(words.zh) && !han.test(words.en)) return words;
    if (at === 0) break;
  }
  return undefined;
}
