/**
 * Formulas: KaTeX rendered ahead to HTML with MathML beside it for screen readers. A markdown-it plugin finds
 * `$...$`, `$$...$$` and `\begin{env}...\end{env}`, by pandoc's rule: no space inside the dollars, no digit after.
 */
import katex from 'katex';
import type { MarkdownIt } from 'markdown-it';
import { escapeHtml } from '../../src/display/html.js';
import { type Placeholders, plainDollar } from './placeholders.js';
import type { Problems } from './problems.js';

export function renderMath(tex: string, displayMode: boolean, problems: Problems): string {
  try {
    const html = katex.renderToString(tex.trim(), {
      displayMode,
      throwOnError: true,
      strict: 'ignore',
      trust: false,
    });
    return displayMode ? `<span class="math-block" tabindex="0">${html}</span>` : html;
  } catch (error) {
    if (!(error instanceof katex.ParseError)) throw error;
    problems.add(`formula ${JSON.stringify(tex.trim())}: ${error.message}`);
    return `<code class="math-error">${escapeHtml(tex)}</code>`;
  }
}

/** `$x$` between other text; used for Markdown and for the text inside raw HTML blocks. */
const inlineMath = /\$\$([^$]+?)\$\$|\$(?!\s)((?:\\.|[^$\\])+?)(?<!\s)\$(?!\d)/y;

interface Found {
  tex: string;
  display: boolean;
  length: number;
}

function mathAt(text: string, position: number): Found | undefined {
  inlineMath.lastIndex = position;
  const match = inlineMath.exec(text);
  const tex = match?.[1] ?? match?.[2];
  if (!match || tex === undefined || tex.trim() === '') return undefined;
  return { tex, display: match[1] !== undefined, length: match[0].length };
}

/** Tags, comments and elements whose text is meant literally. */
const notText =
  /<!--[\s\S]*?-->|<(code|pre|kbd|samp|script|style)\b[\s\S]*?<\/\1\s*>|<\/?[a-z](?:"[^"]*"|'[^']*'|[^'">])*>/gi;

/** Replaces the formulas in the text of raw HTML, for example in a `<summary>`. */
function replaceMathInHtml(html: string, render: (tex: string, display: boolean) => string): string {
  const escaped = (tex: string, display: boolean) => render(unescapeHtml(tex), display);
  let result = '';
  let from = 0;
  for (const { index, 0: tag } of html.matchAll(notText)) {
    result += replaceMath(html.slice(from, index), escaped) + tag;
    from = index + tag.length;
  }
  return result + replaceMath(html.slice(from), escaped);
}

function unescapeHtml(text: string): string {
  const characters: Record<string, string> = { lt: '<', gt: '>', quot: '"', amp: '&' };
  return text.replace(/&(lt|gt|quot|amp);/g, (_, name: string) => characters[name]!);
}

function replaceMath(text: string, render: (tex: string, display: boolean) => string): string {
  let result = '';
  for (let at = 0; at < text.length; ) {
    const found = text[at] === '$' ? mathAt(text, at) : undefined;
    result += found ? render(found.tex, found.display) : text[at];
    at += found?.length ?? 1;
  }
  return result;
}

export function mathPlugin(markdown: MarkdownIt, placeholders: Placeholders, problems: Problems): void {
  const keep = (tex: string, display: boolean) => placeholders.keep(renderMath(tex, display, problems));

  // Before "escape": a backslash inside a formula belongs to TeX. "\$" itself is left to Markdown.
  markdown.inline.ruler.before('escape', 'math', (state, silent) => {
    if (state.src[state.pos] !== '$') return false;
    const found = mathAt(state.src, state.pos);
    if (!silent) {
      const token = state.push('math', '', 0);
      token.content = found ? found.tex : plainDollar;
      token.meta = { found: found !== undefined, display: found?.display ?? false };
    }
    state.pos += found?.length ?? 1;
    return true;
  });
  markdown.renderer.rules.math = (tokens, index) => {
    const { content, meta } = tokens[index]!;
    const { found, display } = meta as { found: boolean; display: boolean };
    return found ? keep(content, display) : content;
  };

  markdown.block.ruler.before(
    'paragraph',
    'math_block',
    (state, startLine, endLine, silent) => {
      const lineAt = (line: number) =>
        state.src.slice((state.bMarks[line] ?? 0) + (state.tShift[line] ?? 0), state.eMarks[line]);
      const first = lineAt(startLine);
      const environment = /^\\begin\{([a-z]+\*?)\}/.exec(first)?.[1];
      if (!environment && !first.startsWith('$$')) return false;
      const end = environment ? `\\end{${environment}}` : '$$';
      let line = startLine;
      let text = environment ? first : first.slice(2);
      while (!text.includes(end)) {
        line++;
        // A blank line ends a paragraph, also in TeX: what is not closed by then is no formula.
        if (line >= endLine || lineAt(line).trim() === '') return false;
        text += `\n${lineAt(line)}`;
      }
      const close = text.indexOf(end);
      // Text after the formula: then it is a formula in a paragraph, which the inline rule handles.
      if (text.slice(close + end.length).trim() !== '') return false;
      if (silent) return true;
      const token = state.push('math_block', '', 0);
      token.content = text.slice(0, environment ? close + end.length : close);
      token.block = true;
      token.map = [startLine, line + 1];
      state.line = line + 1;
      return true;
    },
    { alt: ['paragraph', 'reference', 'blockquote', 'list'] },
  );
  markdown.renderer.rules.math_block = (tokens, index) =>
    `<p class="kernelbook-formula">${keep(tokens[index]!.content, true)}</p>\n`;

  // A dollar that is left is a dollar.
  const plain = (text: string) => text.replaceAll('$', plainDollar);
  const { rules } = markdown.renderer;
  rules.html_block = (tokens, index) => replaceMathInHtml(tokens[index]!.content, keep);
  const { code_inline: codeInline } = rules;
  rules.text = (tokens, index) => escapeHtml(plain(tokens[index]!.content));
  rules.text_special = rules.text;
  rules.code_inline = (tokens, index, options, env, self) => {
    const token = tokens[index]!;
    token.content = plain(token.content);
    return codeInline ? codeInline(tokens, index, options, env, self) : escapeHtml(token.content);
  };
}
