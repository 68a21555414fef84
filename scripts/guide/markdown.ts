/**
 * Markdown cells to HTML: GitHub tables, formulas, highlighted code, headings with anchors and, where a heading is
 * written "English / 中文", a language for each half. Parts inside `<div lang="en">` and `<div lang="zh">` keep theirs.
 */
import createMarkdown, { type MarkdownIt } from 'markdown-it';
import type { MarkdownCell } from '../notebook/format.js';
import { replaceMath } from './find-math.js';
import type { Highlighter } from './highlight.js';
import { bilingual, bilingualTexts, bilingualWords, type Words } from './language.js';
import { PageMath } from './math.js';
import { attachedPicture, type Picture } from './pictures.js';
import { Placeholders } from './placeholders.js';
import type { ProblemList } from './problems.js';
import { ownIdPrefix, sanitize } from './sanitize.js';
import { sectionTexts } from './search-text.js';

export interface Heading {
  level: number;
  id: string;
  /** HTML of the heading without its anchor, with `lang` on the halves. */
  html: string;
  /** Plain words, for search and titles. */
  text: Words;
}

export interface RenderedMarkdown {
  html: string;
  headings: Heading[];
  /** Plain words before the first heading, then below each. */
  texts: Words[];
}

/** Renders the Markdown of one page: anchors are unique across all cells given to it. */
export class MarkdownRenderer {
  readonly #highlighter: Highlighter;
  readonly #problems: ProblemList;
  readonly #link: (href: string) => string;
  readonly #picture: (source: string) => Picture;
  readonly #usedIds = new Set<string>();
  readonly math: PageMath;

  /** @param picture what a file beside the notebook shows */
  constructor(
    highlighter: Highlighter,
    problems: ProblemList,
    link: (href: string) => string,
    picture: (source: string) => Picture = () => undefined,
  ) {
    this.#highlighter = highlighter;
    this.#problems = problems;
    this.#link = link;
    this.#picture = picture;
    this.math = new PageMath(problems);
  }

  cell(cell: MarkdownCell): RenderedMarkdown {
    return this.render(cell.source, (source) => attachedPicture(cell, source) ?? this.#picture(source));
  }

  render(source: string, picture = this.#picture): RenderedMarkdown {
    const placeholders = new Placeholders();
    const headings: Heading[] = [];
    const markdown = this.#parser(placeholders);
    this.#addHeadings(markdown, headings, placeholders);
    const withoutMath = replaceMath(Placeholders.clean(source), (formula) =>
      placeholders.keep(this.math.render(formula), formula.source, this.math.words(formula)),
    );
    const dirty = markdown.render(withoutMath);
    const clean = bilingualTexts(sanitize(dirty, { problems: this.#problems, link: this.#link, picture }));
    const html = placeholders
      .restore(keepPunctuation(clean))
      .replaceAll(/<table[\s>]/g, '<div class="wide" tabindex="0">$&')
      .replaceAll('</table>', '</table></div>');
    return {
      html,
      headings: headings.map((heading) => ({
        ...heading,
        html: placeholders.restore(keepPunctuation(heading.html)),
      })),
      texts: sectionTexts(clean).map(({ en, zh }) => ({
        en: placeholders.words(en),
        zh: placeholders.words(zh),
      })),
    };
  }

  #parser(placeholders: Placeholders): MarkdownIt {
    const markdown = createMarkdown({ html: true, linkify: false, typographer: false });
    // What a notebook may link to and show is the sanitiser's decision.
    markdown.validateLink = () => true;
    const { normalizeLink } = markdown;
    markdown.normalizeLink = (url) => normalizeLink.call(markdown, placeholders.sources(url));
    const code = (content: string, language: string) =>
      placeholders.keep(this.#highlighter.html(placeholders.sources(content), language));
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
        const text = placeholders.words(inline.content.replace(/<[^>]*>|\]\([^)]*\)|[`*[\]]/g, '').trim());
        const id = this.#anchor(text);
        const halves = bilingual(sanitize(rendered, { problems: this.#problems, link: this.#link }));
        token.attrSet('id', id);
        headings.push({ level: Number(token.tag.slice(1)), id, html: halves, text: bilingualWords(text) });
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

/** A formula and the punctuation behind it stay on one line, and so does a bracket that opens before it. */
function keepPunctuation(html: string): string {
  return html.replaceAll(
    /[(（「“]*\ue000\d+\ue001(?:[,.;:!?)\]、，。；：！？）」”’]+|-(?=\p{L}))*/gu,
    (found) => (/^\ue000\d+\ue001$/.test(found) ? found : `<span class="kept">${found}</span>`),
  );
}

/** A link to another notebook of the guide leads to its page. */
export function pageLinks(pages: ReadonlySet<string>): (href: string) => string {
  return (href) => {
    const [, path, fragment = ''] = /^([^#?]*\.ipynb)(#.*)?$/.exec(href) ?? [];
    const page = path?.replace(/^\.\//, '').replace(/\.ipynb$/, '.html');
    return page !== undefined && pages.has(page) ? `${page}${fragment}` : href;
  };
}
