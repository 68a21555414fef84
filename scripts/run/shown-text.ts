/**
 * Text that comes out of notebooks, as terminals and reports show it: it gives the terminal no instructions, and is no
 * longer than a person reads.
 */
import { stripVTControlCharacters } from 'node:util';

/** Long outputs are cut in the middle: the start says what ran, the end what happened last. */
const longestHead = 4_000;
const longestTail = 6_000;
/** The same of an error's message, which stands in a line of a table or an attribute. */
const messageEnds = 1_000;

export function shortened(text: string, head = longestHead, tail = longestTail): string {
  const left = text.length - head - tail;
  if (left <= 0) return text;
  return `${text.slice(0, head)}\n[${left} characters left out]\n${text.slice(-tail)}`;
}

/** Text without colours and other instructions to a terminal. */
export function plainText(text: string): string {
  return stripVTControlCharacters(text);
}

/** The message of an error. */
export function shownMessage(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not get to the terminal
  const harmless = plainText(text).replace(/[\0-\x08\x0b-\x1f\x7f-\x9f]/g, '\ufffd');
  return shortened(harmless, messageEnds, messageEnds);
}

/** The name of an error, in a line. */
export function shownName(text: string): string {
  return shortened(shownMessage(text).replaceAll(/\s+/g, ' '), 100, 0);
}
