/**
 * What diagrams are made of: a drawing of known size whose upper left corner is the origin, and the few shapes all of
 * them use. No size depends on a font that is at hand, so the bytes are the same everywhere.
 */
import { splitWords } from '../../display/words.js';
import { type Attributes, element, short, text, textWidth } from '../plot/static/element.js';

export interface Picture {
  width: number;
  height: number;
  /** SVG elements. */
  markup: string;
  /** What is to be seen, in one sentence. */
  words: string;
}

/** As wide as a diagram should be: on a phone, which is narrower, its text can still be read. */
export const comfortableWidth = 520;

/** Font sizes of the classes that the style sheet has for diagrams. */
export const fontSizes = { 'kb-node': 15, 'kb-small': 13.5, 'kb-shape': 13.5, 'kb-title': 16 } as const;
export type FontClass = keyof typeof fontSizes;

/** Height of a line, and of the two lines that a text in two languages takes. */
export const lineHeight = 18;

/** Lines that a text takes where its languages stand one above the other. */
export function linesOf(label: string): number {
  return splitWords(label) ? 2 : 1;
}

/** Width of a text whose languages stand one above the other. */
export function widthOf(label: string, font: FontClass): number {
  const words = splitWords(label);
  const size = fontSizes[font];
  const width = (part: string) =>
    font === 'kb-shape' ? [...part].length * size * 0.61 : textWidth(part, size);
  return words ? Math.max(width(words.en), width(words.zh) * 0.92) : width(label);
}

/**
 * A text around its middle `y`; English above Chinese where it has both. The lower line is a little smaller. Where the
 * page shows one language, the style sheet moves it to the middle.
 */
export function label(x: number, y: number, content: string, font: FontClass, more: Attributes = {}): string {
  const size = fontSizes[font];
  const attributes = { 'text-anchor': 'middle', ...more };
  const words = splitWords(content);
  const baseline = y + size * 0.35;
  if (!words) return text(x, baseline, content, { class: font, ...attributes });
  return (
    text(x, baseline - 8.5, words.en, { class: `${font} kb-upper`, lang: 'en', ...attributes }) +
    text(x, baseline + 8.5, words.zh, {
      class: `${font} kb-lower`,
      lang: 'zh',
      ...attributes,
    })
  );
}

/** A rectangle with a pale fill and a border of one colour. */
export function box(
  x: number,
  y: number,
  width: number,
  height: number,
  colour: string,
  more: Attributes = {},
): string {
  return element('rect', {
    x,
    y,
    width,
    height,
    rx: 5,
    fill: colour,
    'fill-opacity': 0.14,
    stroke: colour,
    'stroke-width': 1.5,
    ...more,
  });
}

/** The head of an arrow that points from one place to another and ends there. */
export function arrowHead([fromX, fromY]: Point, [x, y]: Point, size = 8): string {
  const length = Math.hypot(x - fromX, y - fromY) || 1;
  const [ux, uy] = [(x - fromX) / length, (y - fromY) / length];
  const at = (along: number, across: number) =>
    `${short(x - ux * along - uy * across)} ${short(y - uy * along + ux * across)}`;
  return element('path', {
    class: 'kb-head',
    d: `M${short(x)} ${short(y)}L${at(size, size * 0.42)}L${at(size, -size * 0.42)}Z`,
  });
}

export type Point = readonly [x: number, y: number];

/** A picture moved to a place in another one. */
export function placed({ markup }: Picture, x: number, y: number): string {
  return element('g', { transform: `translate(${short(x)} ${short(y)})` }, markup || ' ');
}

export interface LegendEntry {
  label: string;
  colour: string;
  /** A border without a fill, for what is not there. */
  empty?: boolean;
}

/** Coloured squares with their meaning, wrapped at `width`. */
export function legend(entries: readonly LegendEntry[], width: number): Picture {
  let [x, y] = [0, 0];
  const parts = entries.map(({ label: name, colour, empty }) => {
    const needed = 22 + textWidth(name, 13.5) + 16;
    if (x > 0 && x + needed - 16 > width) [x, y] = [0, y + 21];
    const square = box(x + 0.5, y + 3, 13, 13, colour, { rx: 3, 'fill-opacity': empty ? 0 : 0.45 });
    const words = text(x + 21, y + 14, name, { class: 'kb-small' });
    x += needed;
    return square + words;
  });
  return { width, height: entries.length === 0 ? 0 : y + 20, markup: parts.join(''), words: '' };
}
