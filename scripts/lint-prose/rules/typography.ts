/** Emphasis, quotation marks and punctuation. */
import { hasHan } from '../blocks.js';
import type { ProseFinding } from '../finding.js';

/** Emphasis in Chinese is bold: its characters have no slanted form. */
export function slantedEmphasis(text: string): ProseFinding[] {
  const stars = text.matchAll(/(?<![*\\])\*(?![*\s])([^*\n]+)(?<![\s\\])\*(?!\*)/g);
  const lines = text.matchAll(/(?<![_\w\\])_(?![_\s])([^_\n]+)(?<![\s\\])_(?![_\w])/g);
  const tags = text.matchAll(/<(?:em|i)>([\s\S]*?)<\/(?:em|i)>/g);
  return [...stars, ...lines, ...tags]
    .filter(([, inside]) => hasHan(inside!))
    .map(({ 0: found, 1: inside, index }) => ({
      rule: 'slanted-emphasis',
      message: `${found} is slanted; write **${inside}**`,
      start: index,
      length: found.length,
    }));
}

export function spacesInQuotes(text: string): ProseFinding[] {
  return [...text.matchAll(/[“「『][^\S\n]+\S|\S[^\S\n]+[”」』]/g)].map(({ 0: found, index }) => ({
    rule: 'space-in-quotes',
    message: `a blank inside the quotation marks at ${found}`,
    start: index,
    length: found.length,
  }));
}

/** A mark that begins a line stands apart from the formula, or the word, that it belongs to. */
export function punctuationAlone(text: string): ProseFinding[] {
  return [...text.matchAll(/^[^\S\n]*([，。；：、！？）”」]|[,;:](?=\s|$)|\.(?=\s|$))/gm)].map((match) => ({
    rule: 'punctuation-alone',
    message: `${match[1]} begins a line; put it at the end of what it follows, inside the formula where that stands alone`,
    start: match.index + match[0].length - 1,
    length: 1,
  }));
}
