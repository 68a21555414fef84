/**
 * Outputs of a code cell to HTML: of each output the richest form that a page without network can show, sanitised;
 * figures as static images with the data for an interactive one beside them.
 */
import { escapeHtml } from '../../src/display/html.js';
import { languageMimeType } from '../../src/display/language-switch.js';
import { type CodeCell, type ErrorOutput, hasTag, isObject, type Output } from '../notebook/format.js';
import { ansiToHtml, stripAnsi } from './ansi.js';
import { replaceMath } from './find-math.js';
import type { OutputContext } from './output-context.js';
import { outputHtml } from './output-html.js';
import { sanitizeSvg } from './svg.js';

const plotlyMime = 'application/vnd.plotly.v1+json';

export interface RenderedOutputs {
  html: string;
  /** Some output has an interactive form: the page needs Plotly. */
  interactive: boolean;
}

export function renderOutputs(cell: CodeCell, context: OutputContext): RenderedOutputs {
  let interactive = false;
  const parts = shownOnce(cell.outputs).map((output, index) => {
    const idPrefix = `${context.idPrefix}-${index}`;
    switch (output.output_type) {
      case 'stream': {
        const kind = output.name === 'stderr' ? 'stderr' : 'stdout';
        return `<pre class="stream ${kind}" tabindex="0">${ansiToHtml(output.text.replace(/\n$/, ''))}</pre>`;
      }
      case 'error':
        return errorHtml(output, hasTag(cell, 'raises-exception'));
      default: {
        if (isFigure(output.data[plotlyMime])) interactive = true;
        return bundleHtml(output.data, { ...context, idPrefix });
      }
    }
  });
  const html = parts.filter((part) => part !== '').map((part) => `<div class="output">${part}</div>`);
  return { html: html.join('\n'), interactive };
}

/** A check or figure that a cell both displays and ends with is there twice; readers need it once. */
function shownOnce(outputs: Output[]): Output[] {
  const seen = new Set<string>();
  return outputs.filter((output) => {
    if (!('data' in output)) return true;
    const key = JSON.stringify(output.data['text/html'] ?? output.data);
    if (output.output_type === 'execute_result' && seen.has(key)) return false;
    seen.add(key);
    return true;
  });
}

function bundleHtml(data: Record<string, unknown>, context: OutputContext): string {
  // The page has a switch of its own.
  if (languageMimeType in data) return '';
  const { problems } = context;
  const figure = data[plotlyMime];
  if (isFigure(figure)) return figureHtml(figure, data, context);
  const text = (mime: string) => (typeof data[mime] === 'string' ? data[mime] : undefined);
  const html = text('text/html');
  // Our own drawings are set into the page as such: there they follow its theme and its language.
  if (html?.startsWith('<div class="kernelbook-figure"')) {
    const drawing = imageHtml(data, context);
    if (drawing) return drawing;
  }
  if (html !== undefined) {
    const shown = outputHtml(html, context);
    if (shown !== undefined) return shown;
  }
  const drawing = imageHtml(data, context);
  if (drawing) return drawing;
  const markdown = text('text/markdown');
  if (markdown !== undefined) return context.markdown.render(markdown).html;
  const latex = text('text/latex');
  if (latex !== undefined) return latexHtml(latex, context);
  const json = data['application/json'];
  if (json !== undefined) return context.highlighter.html(JSON.stringify(json, null, 2), 'json');
  const plain = text('text/plain');
  const richer = Object.keys(data).filter((mime) => mime !== 'text/plain' && !silent.test(mime));
  if (richer.length > 0)
    problems.add(
      `${richer.join(', ')} cannot be shown without a running kernel or script; ${plain === undefined ? 'it is left out' : 'its text is shown'}`,
    );
  return plain === undefined ? '' : `<pre class="result" tabindex="0">${ansiToHtml(plain)}</pre>`;
}

/** Records for programs, and what only JupyterLab has a use for: nobody misses them on a page. */
const silent = /^application\/vnd\.kernelbook\./;

/** LaTeX comes with its delimiters, or is one display formula without. */
function latexHtml(latex: string, { markdown: { math } }: OutputContext): string {
  let found = false;
  const html = replaceMath(latex, (formula) => {
    found = true;
    return math.render({ ...formula, display: true });
  });
  return found ? `<div>${html}</div>` : math.render({ tex: latex, display: true, source: latex });
}

function imageHtml(data: Record<string, unknown>, { problems, idPrefix }: OutputContext): string | undefined {
  const alt = typeof data['text/plain'] === 'string' ? stripAnsi(data['text/plain']) : 'figure';
  const svg = data['image/svg+xml'];
  if (typeof svg === 'string') {
    const clean = sanitizeSvg(svg, idPrefix, (what) => problems.add(what));
    if (clean) return `<div class="figure">${clean}</div>`;
  }
  for (const mime of ['image/png', 'image/jpeg', 'image/webp', 'image/gif']) {
    const base64 = data[mime];
    if (typeof base64 !== 'string' || !/^[\sA-Za-z0-9+/=]*$/.test(base64)) continue;
    const source = `data:${mime};base64,${base64.replaceAll(/\s/g, '')}`;
    return `<img src="${source}" alt="${escapeHtml(alt)}">`;
  }
  return undefined;
}

interface Figure {
  data: unknown[];
  layout?: unknown;
}

function isFigure(value: unknown): value is Figure {
  return isObject(value) && Array.isArray(value.data);
}

/** The static image is what everyone sees first; the page script may draw over it. */
function figureHtml(figure: Figure, data: Record<string, unknown>, context: OutputContext): string {
  const still =
    imageHtml(data, context) ??
    `<pre class="result">${escapeHtml(typeof data['text/plain'] === 'string' ? data['text/plain'] : 'A figure that is drawn where JavaScript runs.')}</pre>`;
  // In a script element only "<" could end it; JSON may write it as an escape anywhere.
  const json = JSON.stringify({ data: figure.data, layout: figure.layout ?? {} }).replaceAll('<', '\\u003c');
  return `<figure class="plotly"><div class="still">${still}</div><script type="application/json">${json}</script></figure>`;
}

function errorHtml({ ename, evalue, traceback }: ErrorOutput, expected: boolean): string {
  const label = expected
    ? '<p class="label"><span lang="en">Expected mistake</span><span class="slash"> / </span><span lang="zh">预期的错误</span></p>'
    : '<p class="label"><span lang="en">Error</span><span class="slash"> / </span><span lang="zh">错误</span></p>';
  const message = evalue.trim() === '' ? '' : `: ${escapeHtml(stripAnsi(evalue))}`;
  const trace = traceback.length
    ? `<details><summary><span lang="en">Where it happened</span><span class="slash"> / </span><span lang="zh">出错位置</span></summary><pre tabindex="0">${ansiToHtml(traceback.join('\n'))}</pre></details>`
    : '';
  return `<div class="error${expected ? ' expected' : ''}">${label}<p><strong>${escapeHtml(ename)}</strong>${message}</p>${trace}</div>`;
}
