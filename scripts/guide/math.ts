/**
 * Formulas: KaTeX rendered ahead to HTML with MathML beside it for screen readers. Where the formulas of a text are is
 * the matter of `find-math.ts`; how MathJax's TeX becomes KaTeX's, of `tex.ts`.
 */
import katex from 'katex';
import { escapeHtml } from '../../src/display/html.js';
import type { Formula } from './find-math.js';
import { plainMath } from './plain-math.js';
import type { Problems } from './problems.js';
import { forKatex, Labels } from './tex.js';

/** The TeX that is copied with a formula: what was written, not what KaTeX was given. */
const annotation = /(<annotation encoding="application\/x-tex">)[\s\S]*?(<\/annotation>)/;

/** The formulas of one page: what one defines or labels, the later ones know. */
export class PageMath {
  readonly #problems: Problems;
  readonly #labels = new Labels();
  /** KaTeX adds the definitions of the page to these. */
  readonly #macros: Record<string, string> = {
    '\\mbox': '\\text{#1}',
    '\\require': '\\@firstoftwo{}{#1}',
    '\\DeclareMathOperator': '\\@ifstar\\kb@operatorstar\\kb@operator',
    '\\kb@operator': '\\gdef#1{\\operatorname{#2}}',
    '\\kb@operatorstar': '\\gdef#1{\\operatorname*{#2}}',
  };

  constructor(problems: Problems) {
    this.#problems = problems;
  }

  /** Numbers the labels of a formula; all of a page before the first is rendered, as a reference may come first. */
  label({ tex }: Formula): void {
    this.#labels.add(tex);
  }

  render({ tex, display }: Formula): string {
    const html = this.#katex(tex, display, 'htmlAndMathml');
    if (html === undefined) return `<code class="math-error">${escapeHtml(tex)}</code>`;
    return display ? `<span class="math-block" tabindex="0">${html}</span>` : html;
  }

  /** The formula in plain characters, for search and anchors: `\sqrt{D}` is `√D`. */
  words({ tex, display }: Formula): string {
    const mathml = this.#katex(tex, display, 'mathml', true);
    return mathml === undefined ? tex.trim() : plainMath(mathml);
  }

  #katex(
    tex: string,
    displayMode: boolean,
    output: 'mathml' | 'htmlAndMathml',
    quiet = false,
  ): string | undefined {
    const report = (what: string) => {
      if (!quiet) this.#problems.add(`formula ${JSON.stringify(tex.trim())}: ${what}`);
    };
    let given = forKatex(tex.trim(), displayMode, this.#labels, (name) =>
      report(`there is no \\label{${name}}`),
    );
    for (;;) {
      try {
        const html = katex.renderToString(given, {
          displayMode,
          output,
          throwOnError: true,
          strict: 'ignore',
          trust: false,
          macros: this.#macros,
          globalGroup: true,
        });
        return html.replace(annotation, (_, start, end) => `${start}${escapeHtml(tex.trim())}${end}`);
      } catch (error) {
        if (!(error instanceof katex.ParseError)) throw error;
        const again = redefining(given, error.message);
        if (again === undefined) {
          report(error.message);
          return undefined;
        }
        given = again;
      }
    }
  }
}

/** MathJax lets `\newcommand` define a name anew, and `\renewcommand` define one for the first time; KaTeX refuses. */
function redefining(tex: string, message: string): string | undefined {
  const name = /\\(?:re)?newcommand\{(\\[a-zA-Z@]+|\\.)\}/.exec(message)?.[1];
  if (name === undefined) return undefined;
  const [from, to] = /attempting to redefine/.test(message)
    ? ['\\newcommand', '\\renewcommand']
    : ['\\renewcommand', '\\newcommand'];
  const escaped = name.replaceAll(/[\\^$.*+?()[\]{}|]/g, '\\$&');
  const pattern = new RegExp(`\\${from}(?=\\s*\\{?\\s*${escaped}(?![a-zA-Z]))`);
  return pattern.test(tex) ? tex.replace(pattern, () => to) : undefined;
}
