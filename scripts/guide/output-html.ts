/** An HTML output: sanitised, its drawings and style sheets with it, its formulas set as JupyterLab sets them. */
import { replaceMath } from './find-math.js';
import { bilingualTexts } from './language.js';
import type { OutputContext } from './output-context.js';
import { Placeholders } from './placeholders.js';
import { sanitize } from './sanitize.js';
import { scopedCss, takeStyles } from './scoped-css.js';
import { sanitizeSvg } from './svg.js';

/** Undefined where nothing is left to show. */
export function outputHtml(html: string, context: OutputContext): string | undefined {
  const { problems, idPrefix, picture, markdown } = context;
  const placeholders = new Placeholders();
  let drawings = 0;
  const withoutDrawings = replaceDrawings(Placeholders.clean(html), (svg) => {
    const clean = sanitizeSvg(svg, `${idPrefix}-${drawings++}`, (what) => problems.add(what));
    if (clean === undefined) problems.add('an <svg> without a drawing is left out');
    return clean === undefined ? '' : placeholders.keep(clean);
  });
  const { rest, css } = takeStyles(withoutDrawings);
  const withoutMath = replaceMathInHtml(rest, (formula) =>
    placeholders.keep(markdown.math.render(formula), formula.source),
  );
  const clean = placeholders.restore(bilingualTexts(sanitize(withoutMath, { problems, picture })));
  if (clean.trim() === '') return undefined;
  const rules = scopedCss(
    css,
    idPrefix,
    (id) => id,
    (value) => value,
  );
  const style = rules === '' ? '' : `<style>${rules}</style>`;
  return `<div class="wide" id="${idPrefix}" tabindex="0">${style}${clean}</div>`;
}

/** Of nested drawings the outermost. */
function replaceDrawings(html: string, keep: (svg: string) => string): string {
  let result = '';
  let from = 0;
  let depth = 0;
  let start = 0;
  for (const tag of html.matchAll(/<!--[\s\S]*?-->|<svg\b[^>]*?(\/?)>|<\/svg\s*>/gi)) {
    const end = tag.index + tag[0].length;
    if (tag[0].startsWith('<!')) continue;
    if (tag[0].startsWith('</')) {
      if (depth > 0 && --depth === 0) {
        result += html.slice(from, start) + keep(html.slice(start, end));
        from = end;
      }
    } else if (!tag[1]) {
      if (depth++ === 0) start = tag.index;
    }
  }
  // A drawing that does not end, ends with the output.
  return depth > 0
    ? result + html.slice(from, start) + keep(`${html.slice(start)}</svg>`)
    : result + html.slice(from);
}

const notText = /<!--[\s\S]*?-->|<(code|pre|kbd|samp|script|style|textarea)\b[\s\S]*?<\/\1\s*>/gi;
const characters: Record<string, string> = { lt: '<', gt: '>', quot: '"', amp: '&', '#39': "'" };

/** Only where the text says that it is TeX: a lone dollar in a table of prices is a dollar. */
function replaceMathInHtml(html: string, keep: Parameters<typeof replaceMath>[1]): string {
  const inText = (text: string) =>
    replaceMath(text.replaceAll(/\\(?=[()[\]])/g, '\\\\'), ({ tex, ...rest }) =>
      keep({
        ...rest,
        tex: tex.replaceAll(/&([#\w]+);/g, (whole, name: string) => characters[name] ?? whole),
      }),
    ).replaceAll(/\\\\(?=[()[\]])/g, '\\');
  let result = '';
  let from = 0;
  for (const { index, 0: found } of html.matchAll(notText)) {
    result += inText(html.slice(from, index)) + found;
    from = index + found.length;
  }
  return result + inText(html.slice(from));
}
