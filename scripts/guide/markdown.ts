/**
 * Markdown cells to HTML: GitHub tables, formulas, highlighted code, headings with anchors and, where a heading is
 * written "English / 中文", a language for each half. Parts inside `<div lang="en">` and `<div lang="zh">` keep theirs.
 */
import createMarkdown, { type MarkdownIt } from 'markdown-it';
import { splitWords } from '../../src/display/words.js';
import type { MarkdownCell } from '../notebook/format.js';
import type { Highlighter } from './highlight.js';
import { mathPlugin } from './math.js';
import { Placeholders } from './placeholders.js';
import type { ProblemList } from './problems.js';
import { ownIdPrefix, sanitize } from './sanitize.js';

export interface Heading {
  level: number;
  id: string;
  /** HTML of the heading without its anchor, with `lang` on the halves. */
  html: string;
  /** Plain words, for search and titles. */
  text: string;
}

export interface RenderedMarkdown {
  html: string;
  headings: Heading[];
}

/** Renders the Markdown of one page: anchors are unique across all cells given to it. */
export class MarkdownRenderer {
  readonly #highlighter: Highlighter;
  readonly #problems: ProblemList;
  readonly #link: (href: string) => string;
  readonly #usedIds = new Set<string>();

  constructor(highlighter: Highlighter, problems: ProblemList, link: (href: string) => string) {
    this.#highlighter = highlighter;
    this.#problems = problems;
    this.#link = link;
  }

  cell(cell: MarkdownCell): RenderedMarkdown {
    return this.render(cell.source, (source) => attachment(cell, source));
  }

  render(source: string, image?: (source: string) => string | undefined): RenderedMarkdown {
    const placeholders = new Placeholders();
    const headings: Heading[] = [];
    const markdown = this.#parser(placeholders);
    this.#addHeadings(markdown, headings, placeholders);
    const problems = this.#problems;
    const dirty = markdown.render(Placeholders.clean(source));
    const clean = sanitize(dirty, {
      problems,
      link: this.#link,
      ...(image && { image }),
    });
    const html = placeholders
      .restore(clean)
      .replaceAll(/<table[\s>]/g, '<div class="wide" tabindex="0">$&')
      .replaceAll('</table>', '</table></div>');
    return {
      html,
      headings: headings.map((heading) => ({ ...heading, html: placeholders.restore(heading.html) })),
    };
  }

  #parser(placeholders: Placeholders): MarkdownIt {
    const markdown = createMarkdown({ html: true, linkify: false, typographer: false });
    mathPlugin(markdown, placeholders, this.#problems);
    // What a notebook may link to and show is the sanitiser's decision.
    markdown.validateLink = () => true;
    const code = (content: string, language: string) =>
      placeholders.keep(this.#highlighter.html(content, language));
    markdown.renderer.rules.fence = (tokens, index) => {
      const { content, info } = tokens[index]!;
      return `<div>${code(content.replace(/\n$/, ''), info.split(/\s+/)[0] ?? '')}</div>\n`;
    };
    markdown.renderer.rules.code_block = (tokens, index) =>
      `<div>${code(tokens[index]!.content.replace(/\n$/, ''), '')}</div>\n`;
    return markdown;
  }

  #addHeadings(markdown: MarkdownIt, headings: Heading[], placeholders: Placeholders): void {
    markdown.core.ruler.push('headings', (state) => {
      for (const [index, token] of state.tokens.entries()) {
        if (token.type !== 'heading_open') continue;
        const inline = state.tokens[index + 1]!;
        const rendered = state.md.renderer.render(inline.children ?? [], state.md.options, state.env);
        const text = inline.content.replace(/<[^>]*>|\]\([^)]*\)|[`*$[\]]/g, '').trim();
        const id = this.#anchor(text);
        const halves = bilingual(sanitize(rendered, { problems: this.#problems, link: this.#link }));
        token.attrSet('id', id);
        headings.push({ level: Number(token.tag.slice(1)), id, html: halves, text });
        // The heading is already markup: it replaces the words that the renderer would otherwise make again.
        inline.children = [
          Object.assign(new state.Token('html_inline', '', 0), { content: placeholders.keep(halves) }),
        ];
      }
    });
  }

  #anchor(text: string): string {
    const words = text.toLowerCase().match(/[\p{Letter}\p{Number}]+/gu) ?? ['section'];
    const slug = Array.from(words.join('-')).slice(0, 80).join('');
    const base = slug.startsWith(ownIdPrefix) ? `section-${slug}` : slug;
    let id = base;
    for (let n = 2; this.#usedIds.has(id); n++) id = `${base}-${n}`;
    this.#usedIds.add(id);
    return id;
  }
}

/** "English / 中文" with a language on each half; other text as it is. Works on HTML of inline elements. */
export function bilingual(html: string): string {
  const halves = splitWords(html);
  return halves
    ? `<span lang="en">${halves.en}</span><span class="slash"> / </span><span lang="zh">${halves.zh}</span>`
    : html;
}

/** The two halves of plain words written "English / 中文"; the same words twice where they are not. */
export function bilingualWords(text: string): { en: string; zh: string } {
  return splitWords(text) ?? { en: text, zh: text };
}

function attachment(cell: MarkdownCell, source: string): string | undefined {
  if (!source.startsWith('attachment:')) return undefined;
  const bundle = cell.attachments?.[decodeURIComponent(source.slice('attachment:'.length))];
  const [mime, data] = Object.entries(bundle ?? {}).find(([type]) => type.startsWith('image/')) ?? [];
  return mime && typeof data === 'string' ? `data:${mime};base64,${data.replaceAll('\n', '')}` : undefined;
}

/** A link to another notebook of the guide leads to its page. */
export function pageLinks(pages: ReadonlySet<string>): (href: string) => string {
  return (href) => {
    const [, path, fragment = ''] = /^([^#?]*\.ipynb)(#.*)?$/.exec(href) ?? [];
    const page = path?.replace(/^\.\//, '').replace(/\.ipynb$/, '.html');
    return page !== undefined && pages.has(page) ? `${page}${fragment}` : href;
  };
}
