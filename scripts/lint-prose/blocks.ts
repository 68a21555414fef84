/**
 * The prose of a markdown cell: its blocks in English and Chinese, and the text without what is no prose. Whatever is
 * taken out leaves blanks behind, so that places stay those of the cell.
 */
export interface Block {
  language: 'en' | 'zh';
  /** Where it begins in the cell. */
  start: number;
  text: string;
}

const han = /\p{Script=Han}/u;

export const hasHan = (text: string): boolean => han.test(text);

/** The blocks marked with their language; a cell without marks is one block of the language it is written in. */
export function blocksOf(source: string): Block[] {
  const marked = [...source.matchAll(/<div lang="(en|zh)[^"]*">([\s\S]*?)<\/div>/g)];
  if (marked.length === 0) return [{ language: hasHan(source) ? 'zh' : 'en', start: 0, text: source }];
  return marked.map((match) => ({
    language: match[1] as 'en' | 'zh',
    start: match.index + match[0].length - match[2]!.length - '</div>'.length,
    text: match[2]!,
  }));
}

const code = /(`{3,}|~{3,})[\s\S]*?\1|(`+)[^`][\s\S]*?\2/g;
const math = /\$\$[\s\S]*?\$\$|(?<![\\$])\$(?!\s)[^$\n]+\$/g;
const markup = /<!--[\s\S]*?-->|<\/?[a-zA-Z][^>]*>|\]\([^)\s]*\)/g;

export const withoutCode = (text: string): string => blanked(text, code);

/** Without code and formulas, tags and the targets of links. */
export const wordsOf = (text: string): string => blanked(blanked(withoutCode(text), math), markup);

function blanked(text: string, pattern: RegExp): string {
  return text.replaceAll(pattern, (found) => found.replaceAll(/[^\n]/g, ' '));
}
