/**
 * Code coloured ahead by Shiki, in a light and a dark theme at once. Each pair of colours becomes one short class
 * instead of a style per word, which keeps pages small.
 */
import { createHighlighterCore, type HighlighterCore } from 'shiki/core';
import { createJavaScriptRegexEngine } from 'shiki/engine/javascript';
import { escapeHtml } from '../../src/display/html.js';

const names: Record<string, string> = {
  typescript: 'typescript',
  ts: 'typescript',
  javascript: 'typescript',
  js: 'typescript',
  wgsl: 'wgsl',
  python: 'python',
  py: 'python',
  json: 'json',
  bash: 'shellscript',
  sh: 'shellscript',
  shell: 'shellscript',
};

export class Highlighter {
  readonly #core: HighlighterCore;
  readonly #classes = new Map<string, string>();

  private constructor(core: HighlighterCore) {
    this.#core = core;
  }

  static async create(): Promise<Highlighter> {
    return new Highlighter(
      await createHighlighterCore({
        themes: [
          import('shiki/themes/github-light-default.mjs'),
          import('shiki/themes/github-dark-default.mjs'),
        ],
        langs: [
          import('shiki/langs/typescript.mjs'),
          import('shiki/langs/wgsl.mjs'),
          import('shiki/langs/python.mjs'),
          import('shiki/langs/json.mjs'),
          import('shiki/langs/shellscript.mjs'),
        ],
        engine: createJavaScriptRegexEngine(),
      }),
    );
  }

  /** A `<pre>` with the code; a language we do not know is shown plain. */
  html(code: string, language: string): string {
    const lang = names[language.trim().toLowerCase()];
    const body = lang ? this.#coloured(code, lang) : escapeHtml(code);
    return `<pre class="code" tabindex="0"><code>${inLines(body, code)}</code></pre>`;
  }

  /** The rules of the classes used so far, as declarations that follow the page's theme. */
  css(): string {
    return [...this.#classes].map(([colours, name]) => `.${name}{${colours}}`).join('\n');
  }

  #coloured(code: string, lang: string): string {
    const { tokens } = this.#core.codeToTokens(code, {
      lang,
      themes: { light: 'github-light-default', dark: 'github-dark-default' },
      defaultColor: false,
      // No limit: on a busy machine the first lines would stay plain, and pages would differ from run to run.
      tokenizeTimeLimit: 0,
    });
    return tokens
      .map((line) =>
        line
          .map(({ content, htmlStyle }) => {
            const light = htmlStyle?.['--shiki-light'];
            const dark = htmlStyle?.['--shiki-dark'];
            const text = escapeHtml(content);
            return light && dark && content.trim() !== ''
              ? `<span class="${this.#class(light, dark)}">${text}</span>`
              : text;
          })
          .join(''),
      )
      .join('\n');
  }

  #class(light: string, dark: string): string {
    const colours = `--light:${light};--dark:${dark}`;
    let name = this.#classes.get(colours);
    if (name === undefined) {
      name = `s${this.#classes.size}`;
      this.#classes.set(colours, name);
    }
    return name;
  }
}

/** Each line an element that knows its indentation: where a line must be broken, its rest hangs below its beginning. */
function inLines(html: string, code: string): string {
  const lines = html.split('\n');
  return code
    .split('\n')
    .map((line, index) => {
      const indent = /^ */.exec(line)![0].length;
      const end = index === lines.length - 1 ? '' : '\n';
      return `<span class="line" style="--indent:${indent}">${lines[index]}${end}</span>`;
    })
    .join('');
}
