/** A finished diagram: static SVG with a title and words, shown the same everywhere; the bytes are deterministic. */
import type { Displayable, MimeBundle } from '../../display/display.js';
import { splitWords } from '../../display/words.js';
import { svgPage } from '../plot/static/page.js';
import { stillHtml } from '../plot/still.js';
import { label, linesOf, type Picture, placed } from './picture.js';

export interface DiagramOptions {
  /** Above the picture, "English / 中文". */
  title?: string;
}

const margin = 14;

export class Diagram implements Displayable {
  constructor(
    /** The drawing without its title, for `stack` and `row`. */
    readonly picture: Picture,
    readonly title: string | undefined,
  ) {}

  toSvg(): string {
    const { width, height } = this.picture;
    const top = this.title === undefined ? margin : margin + 10 + 17 * linesOf(this.title);
    const heading =
      this.title === undefined
        ? ''
        : label(margin, margin + 8 * linesOf(this.title), this.title, 'kb-title', { 'text-anchor': 'start' });
    return svgPage(
      Math.ceil(width + 2 * margin),
      Math.ceil(height + top + margin),
      { title: this.title ?? 'Diagram', detail: this.picture.words },
      heading + placed(this.picture, margin, top),
    );
  }

  toMimeBundle(): MimeBundle {
    const svg = this.toSvg();
    const title = this.title === undefined ? 'Diagram' : (splitWords(this.title)?.en ?? this.title);
    const plain = `${title}: ${this.picture.words}`;
    return { 'text/plain': plain, 'text/html': stillHtml(svg, plain), 'image/svg+xml': svg };
  }
}
