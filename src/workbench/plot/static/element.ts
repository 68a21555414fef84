/** SVG elements as text: attributes escaped, numbers short, text measured roughly (there is no font at hand). */
import { escapeHtml, isWide } from '../../../display/html.js';
import { splitWords } from '../../../display/words.js';

export type Attributes = Record<string, string | number | undefined>;

/** One element; `content` is markup made by this module, or escaped text. */
export function element(name: string, attributes: Attributes, content = ''): string {
  const list = Object.entries(attributes)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => ` ${key}="${typeof value === 'number' ? short(value) : escapeHtml(value!)}"`)
    .join('');
  return content === '' ? `<${name}${list}/>` : `<${name}${list}>${content}</${name}>`;
}

/**
 * Text at a point; markup characters are escaped, the tags Plotly allows in text are dropped, and the halves of
 * "English / 中文" know their language.
 */
export function text(x: number, y: number, content: string, attributes: Attributes = {}): string {
  const plain = withoutTags(content);
  const words = splitWords(plain);
  const markup = words
    ? `<tspan lang="en">${escapeHtml(words.en)}</tspan><tspan class="kb-slash"> / </tspan><tspan lang="zh">${escapeHtml(words.zh)}</tspan>`
    : escapeHtml(plain);
  return element('text', { x, y, ...attributes }, markup);
}

/** Plotly reads `<b>`, `<br>` and the like in its texts; the static figure shows the words only. */
export function withoutTags(content: string): string {
  return content.replace(/<br\s*\/?>/gi, ' ').replace(/<\/?(b|i|em|sup|sub|span|a)\b[^<>]*>/gi, '');
}

/** At most one decimal: a tenth of a pixel is not seen. */
export function short(value: number): string {
  return String(Math.round(value * 10) / 10);
}

/** Estimated width in pixels at a font size: 0.56 em per character, 1 em per CJK character. */
export function textWidth(content: string, size: number): number {
  return [...withoutTags(content)].reduce(
    (width, character) => width + (isWide(character) ? 1 : 0.56) * size,
    0,
  );
}
