/**
 * Looks at the JavaScript module of a widget before a page does: a page reports a mistake in it only to the browser's
 * console and shows nothing, here it becomes an error of the cell that made the widget.
 */
import { createRequire } from 'node:module';

/** @throws SyntaxError with the line, if `esm` is no JavaScript module or exports no widget; an address is left to the page */
export function checkWidgetModule(esm: string): void {
  if (/^https?:\/\//.test(esm)) return;
  // Only a kernel that has widgets loads the parser for them.
  const { parseSync } = createRequire(import.meta.url)('oxc-parser') as typeof import('oxc-parser');
  const { errors, module } = parseSync('esm', esm, { lang: 'js', sourceType: 'module' });
  const [first] = errors;
  if (first)
    throw new SyntaxError(
      `widget: the esm is not a JavaScript module: ${first.message}${first.codeframe ? `\n${first.codeframe}` : ''}`,
    );
  const names = module.staticExports.flatMap(({ entries }) =>
    entries.map(({ exportName }) => (exportName.kind === 'Default' ? 'default' : exportName.name)),
  );
  // anywidget still takes the function `render` without a default export, as its first versions did.
  if (!names.includes('default') && !names.includes('render'))
    throw new SyntaxError(
      'widget: the esm has no default export; end it with `export default { render }`, where render({ model, el }) fills el',
    );
}
