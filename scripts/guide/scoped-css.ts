/**
 * Style sheets that a drawing or a table brings along, made harmless: each selector reaches into its own output only, and
 * of the declarations those stay that colour and place what is there. Nothing is loaded, nothing moves.
 */
import postcss, { type ChildNode, CssSyntaxError } from 'postcss';

const property =
  /^(?:fill|stroke|stop|marker|font|text|border|padding|margin|clip|mask|flood|lighting|list-style)(?:-[a-z-]+)?$|^(?:-?(?:color|background|background-color|opacity|visibility|display|letter-spacing|word-spacing|line-height|white-space|vertical-align|dominant-baseline|alignment-baseline|baseline-shift|paint-order|shape-rendering|image-rendering|vector-effect|overflow-x|width|min-width|max-width|height|min-height|max-height|transform|transform-origin|mix-blend-mode|cursor))$/;
const plainSelector = /^[-\w\s.#*:>+~()[\]="'|^$]+$/;
const plainMedia = /^[-\w\s():,.]+$/;

/** References stay inside the drawing: `url(#name)` and `#name`. */
export function isLocal(value: string): boolean {
  return (
    value.replaceAll(/url\(\s*(['"]?)#[-\w.:]+\1\s*\)/gi, '').match(/url\s*\(|\\|@import|expression/i) ===
    null
  );
}

/**
 * @param scope id of the element that the rules may reach, with what is in it
 * @param rename what has become of an id
 * @param local what has become of `url(#id)` in a value
 */
export function scopedCss(
  css: string,
  scope: string,
  rename: (id: string) => string,
  local: (value: string) => string,
): string {
  const rules = (nodes: readonly ChildNode[]): string =>
    nodes
      .map((node) => {
        if (node.type === 'atrule')
          return node.name === 'media' && plainMedia.test(node.params)
            ? `@media ${node.params}{${rules(node.nodes ?? [])}}`
            : '';
        if (node.type !== 'rule') return '';
        const selectors = node.selectors.filter((one) => plainSelector.test(one));
        const declarations = node.nodes.flatMap((one) =>
          one.type === 'decl' && property.test(one.prop) && isLocal(one.value) && !/[<>{}]/.test(one.value)
            ? [`${one.prop}:${local(one.value)}`]
            : [],
        );
        if (selectors.length === 0 || declarations.length === 0) return '';
        const own = selectors.map((one) => one.replaceAll(/#([-\w]+)/g, (_, id: string) => `#${rename(id)}`));
        return own
          .map((one) => `#${scope}:is(${one}),#${scope} :is(${one})`)
          .join(',')
          .concat(`{${declarations.join(';')}}`);
      })
      .join('');
  try {
    return rules(postcss.parse(css).nodes);
  } catch (error) {
    if (error instanceof CssSyntaxError) return '';
    throw error;
  }
}

const styleElement = /<style\b[^>]*>([\s\S]*?)<\/style\s*>/gi;

/** Takes the style sheets out of markup. */
export function takeStyles(markup: string): { rest: string; css: string } {
  const sheets: string[] = [];
  const rest = markup.replaceAll(styleElement, (_, css: string) => {
    sheets.push(css.replaceAll(/<!\[CDATA\[|\]\]>|<!--|-->/g, '').replaceAll('&gt;', '>'));
    return '';
  });
  return { rest, css: sheets.join('\n') };
}
