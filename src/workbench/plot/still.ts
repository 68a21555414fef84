/**
 * A static image in the HTML of an output. It is an `img` element first, which also a page that trusts nothing shows;
 * the script then puts the same drawing into the page itself, where its text takes the colours of the theme and the
 * language that the reader chose.
 */
import { escapeHtml } from '../../display/html.js';
import { inlineDrawing, inlineScript } from './page-script.js';

export function stillImage(svg: string, words: string): string {
  const source = `data:image/svg+xml;base64,${Buffer.from(svg).toString('base64')}`;
  return `<img src="${source}" alt="${escapeHtml(words)}" style="max-width:100%;height:auto;">`;
}

export function stillHtml(svg: string, words: string): string {
  return `<div class="kernelbook-figure">${stillImage(svg, words)}${inlineScript(inlineDrawing)}</div>`;
}
