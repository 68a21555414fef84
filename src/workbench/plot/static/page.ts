/** The svg element around a drawing: its words for those who do not see it, its style sheet and its ground. */
import { escapeHtml } from '../../../display/html.js';
import { dark, fontFamily, type Ground, light } from '../theme.js';
import { element } from './element.js';

export function svgPage(
  width: number,
  height: number,
  words: { title: string; detail: string },
  content: string,
): string {
  const size = `width="${width}" height="${height}" viewBox="0 0 ${width} ${height}"`;
  const label = `<title>${escapeHtml(words.title)}</title><desc>${escapeHtml(words.detail)}</desc>`;
  const paper = element('rect', { class: 'kb-paper', width, height, rx: 6 });
  return `<svg xmlns="http://www.w3.org/2000/svg" class="kernelbook-svg" role="img" ${size}>${label}<style>${styleSheet}</style>${paper}${content}</svg>`;
}

const only = (shown: string, hidden: string) =>
  `[data-show=${shown}] .kernelbook-svg [lang=${hidden}],[data-show=${shown}] .kernelbook-svg .kb-slash{display:none}`;

/**
 * Scoped by the class of the svg element, since an inline SVG shares its styles with the page. The colours are those
 * of the page (a guide's, JupyterLab's) where it says them. Where the reader chose one language the other half of each
 * text goes, and what stood in two lines moves to their middle.
 */
export const styleSheet = (() => {
  const ground = ({ paper, ink, muted, grid }: Ground) =>
    `.kernelbook-svg{--p:var(--kb-paper,var(--jp-layout-color0,${paper}));--i:var(--kb-ink,var(--jp-content-font-color0,${ink}));--m:var(--kb-muted,var(--jp-content-font-color2,${muted}));--g:var(--kb-grid,var(--jp-border-color2,${grid}))}`;
  return [
    ground(light),
    `@media(prefers-color-scheme:dark){${ground(dark)}}`,
    `.kernelbook-svg{font-family:${fontFamily};max-width:100%;height:auto}`,
    '.kernelbook-svg text{fill:var(--i);font-size:13px}',
    '.kernelbook-svg .kb-title{font-size:16px;font-weight:600}',
    '.kernelbook-svg .kb-tick{fill:var(--m)}',
    '.kernelbook-svg .kb-label{font-size:14px}',
    '.kernelbook-svg .kb-paper{fill:var(--p)}',
    '.kernelbook-svg .kb-grid{stroke:var(--g);fill:none}',
    '.kernelbook-svg .kb-axis{stroke:var(--m);fill:none}',
    '.kernelbook-svg .kb-mark{stroke:var(--m);fill:none;stroke-dasharray:2 4;stroke-width:1.5}',
    '.kernelbook-svg .kb-node{font-size:15px;font-weight:550}',
    '.kernelbook-svg .kb-small{font-size:13.5px;fill:var(--m)}',
    '.kernelbook-svg .kb-shape{font-size:13.5px;font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,monospace}',
    '.kernelbook-svg .kb-wire{stroke:var(--m);fill:none;stroke-width:1.5}',
    '.kernelbook-svg .kb-head{fill:var(--m)}',
    '.kernelbook-svg .kb-lower{font-size:13.5px}',
    '[data-show=zh] .kernelbook-svg .kb-title{font-size:16px}',
    '[data-show=zh] .kernelbook-svg .kb-node{font-size:15px}',
    only('en', 'zh'),
    only('zh', 'en'),
    '[data-show=en] .kernelbook-svg .kb-upper{transform:translateY(8.5px)}',
    '[data-show=zh] .kernelbook-svg .kb-lower{transform:translateY(-8.5px)}',
  ].join('');
})();
