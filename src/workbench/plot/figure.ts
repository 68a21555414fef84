/**
 * A figure in every form a reader may need: the Plotly data (VS Code, guides), HTML with the interactive figure for
 * JupyterLab, a static SVG for where no script runs, and words. The HTML shows the static image first and is readable
 * with that alone; `page-script.ts` replaces it by the interactive figure where it may run.
 */
import type { Displayable, MimeBundle } from '../../display/display.js';
import { libraryFile } from './library.js';
import { drawFigure, inlineScript, loadLibrary } from './page-script.js';
import { type Layout, type Trace, titleText } from './plotly.js';
import { describe, staticSvg } from './static/svg.js';
import { stillImage } from './still.js';

export const plotlyMimeType = 'application/vnd.plotly.v1+json';

/**
 * Plotly's options: no logo, and no button that uploads the figure to Plotly's cloud (shown by default since 4.0).
 * `responsive` is for readers of the plain data; the page script follows the size of the cell by itself.
 */
const plotlyConfig = {
  displaylogo: false,
  responsive: true,
  showSendToCloud: false,
  plotlyServerURL: '',
};

export class Figure implements Displayable {
  constructor(
    readonly data: readonly Trace[],
    readonly layout: Layout,
  ) {}

  /** The static image of the same data. */
  toSvg(): string {
    return staticSvg(this.data, this.layout);
  }

  /** The figure for a page: static image, data, and the scripts that make an interactive figure of it. */
  toHtml(): string {
    const { title, detail } = this.words();
    const image = stillImage(this.toSvg(), `${title}. ${detail}`);
    const spec = jsonForScript({ data: this.data, layout: this.layout, config: plotlyConfig });
    const scripts = inlineScript(drawFigure) + inlineScript(loadLibrary, libraryFile());
    return `<div class="kernelbook-figure" style="max-width:760px;">${image}<script type="application/json">${spec}</script>${scripts}</div>`;
  }

  toMimeBundle(): MimeBundle {
    const { title, detail } = this.words();
    return {
      'text/plain': `${title}: ${detail}`,
      'text/html': this.toHtml(),
      'image/svg+xml': this.toSvg(),
      [plotlyMimeType]: JSON.parse(
        JSON.stringify({ data: this.data, layout: this.layout, config: plotlyConfig }),
      ),
    };
  }

  private words(): { title: string; detail: string } {
    const { title } = this.layout;
    const subtitle = typeof title === 'object' ? (title.subtitle?.text ?? '') : '';
    return describe(titleText(title), subtitle, this.data);
  }
}

/** JSON inside a script element: `<` must not appear, since `</script` would end it. */
function jsonForScript(value: unknown): string {
  return JSON.stringify(value).replaceAll('<', '\\u003c');
}
