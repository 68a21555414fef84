/**
 * Elements of a DOM (of jsdom, linkedom, a plotting library on either): known by their `outerHTML`, shown as what they are.
 * An `<svg>` is a picture. Front ends show it as an image file of its own, which has to name its namespaces.
 */
import type { MimeBundle } from '../../src/display/display.js';

const svgNamespace = 'http://www.w3.org/2000/svg';
const xlinkNamespace = 'http://www.w3.org/1999/xlink';
/** Of the text form; the whole is in the other one. */
const longestText = 1_000;

/** Undefined where the value is no element. */
export function elementBundle(value: object): MimeBundle | undefined {
  if (!('outerHTML' in value)) return undefined;
  let html: unknown;
  try {
    html = value.outerHTML;
  } catch {
    return undefined; // a getter that throws has nothing to show
  }
  if (typeof html !== 'string' || !html.startsWith('<')) return undefined;
  const text = { 'text/plain': html.length > longestText ? `${html.slice(0, longestText)}…` : html };
  return /^<svg[\s/>]/i.test(html)
    ? { ...text, 'image/svg+xml': standalone(html) }
    : { ...text, 'text/html': html };
}

function standalone(svg: string): string {
  const [tag] = /^<svg[^>]*/i.exec(svg) as RegExpExecArray;
  const added = [
    /\sxmlns\s*=/.test(tag) ? '' : ` xmlns="${svgNamespace}"`,
    !/\sxlink:/.test(svg) || /\sxmlns:xlink\s*=/.test(tag) ? '' : ` xmlns:xlink="${xlinkNamespace}"`,
  ].join('');
  return `<svg${added}${svg.slice('<svg'.length)}`;
}
