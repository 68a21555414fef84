/** One executed notebook as a page: its cells in order, contents from its headings, facts about its run. */
import { formatCount } from '../../src/display/format.js';
import { escapeHtml } from '../../src/display/html.js';
import type { CodeCell, Notebook } from '../notebook/format.js';
import { contentsScript, figureScript } from './client.js';
import type { Highlighter } from './highlight.js';
import { type Heading, MarkdownRenderer } from './markdown.js';
import { renderOutputs } from './outputs.js';
import { renderPage } from './page.js';
import type { ProblemList } from './problems.js';
import { type NotebookSummary, summarize } from './summary.js';

export interface Section {
  anchor: string;
  heading: string;
  text: string;
}

export interface Neighbour {
  page: string;
  title: { en: string; zh: string };
}

export interface NotebookPage {
  body: string;
  summary: NotebookSummary;
  headings: Heading[];
  /** For the search of the index. */
  sections: Section[];
  interactive: boolean;
}

/** The cells of the notebook as HTML. `link` says where a link of the notebook leads. */
export function renderNotebook(
  notebook: Notebook,
  name: string,
  tools: { highlighter: Highlighter; problems: ProblemList; link: (href: string) => string },
): NotebookPage {
  const { highlighter, problems } = tools;
  const markdown = new MarkdownRenderer(highlighter, problems, tools.link);
  const language = notebook.metadata.language_info?.name ?? notebook.metadata.kernelspec?.language ?? '';
  const summary = summarize(notebook, name);
  const headings: Heading[] = [];
  const sections: Section[] = [];
  const parts: string[] = [];
  let interactive = false;
  for (const [index, cell] of notebook.cells.entries()) {
    problems.where = `${name}, cell ${index + 1}`;
    if (cell.cell_type === 'markdown') {
      const rendered = markdown.cell(cell);
      headings.push(...rendered.headings);
      addText(sections, cell.source, rendered.headings);
      parts.push(rendered.html);
    } else if (cell.cell_type === 'code' && cell.source.trim() !== '') {
      const outputs = renderOutputs(cell, {
        highlighter,
        markdown,
        problems,
        idPrefix: `kb-figure-${index}`,
      });
      interactive ||= outputs.interactive;
      parts.push(codeCell(cell, highlighter.html(cell.source.trimEnd(), language), outputs.html));
    }
  }
  problems.where = '';
  return { body: parts.join('\n'), summary, headings, sections, interactive };
}

function codeCell(cell: CodeCell, code: string, outputs: string): string {
  const count = cell.execution_count === null ? '' : `<span class="count">[${cell.execution_count}]</span>`;
  return `<section class="cell" id="kb-cell-${cell.id}" aria-label="code cell ${cell.execution_count ?? ''}">
<div class="input">${count}${code}</div>
${outputs}
</section>`;
}

export function notebookPage(
  page: NotebookPage,
  place: { name: string; previous: Neighbour | undefined; next: Neighbour | undefined },
): string {
  const { summary } = page;
  const [title, ...rest] = splitAfterTitle(page.body);
  return renderPage({
    title: summary.title,
    where: summary.title.en,
    contents: contents(page.headings),
    main: `<article>\n${title}${factsList(summary)}${failureBox(summary, '')}${rest.join('')}\n</article>\n${pager(place)}`,
    footer: 'Made from an executed notebook. / 由执行过的笔记本生成。',
    scripts: [contentsScript, ...(page.interactive ? [figureScript] : [])],
    interactive: page.interactive,
  });
}

/** What a reader wants to know of the run: checks, device, commit. */
export function factsList({ passed, failures, devices, commit, executed }: NotebookSummary): string {
  const facts = [
    failures.length > 0
      ? `<li class="bad">✗ ${failures.length} failed / ${failures.length} 项失败, ${passed} passed</li>`
      : passed > 0
        ? `<li class="good">✓ ${formatCount(passed, 'check')} passed / ${passed} 项验证通过</li>`
        : '',
    executed ? '' : '<li class="bad">not executed to the end / 未执行完</li>',
    ...devices.map((device) => `<li>${escapeHtml(device)}</li>`),
    commit ? `<li>commit ${escapeHtml(commit)}</li>` : '',
  ];
  return `<ul class="facts">${facts.join('')}</ul>`;
}

/** Each failure with a link to its cell; `page` is where the cells are. */
export function failureBox({ failures }: NotebookSummary, page: string): string {
  if (failures.length === 0) return '';
  const list = failures.map(
    ({ cell, what }) =>
      `<li><a href="${page}#kb-cell-${cell}">${escapeHtml(cell)}</a>: ${escapeHtml(what)}</li>`,
  );
  return `<div class="failures" role="note"><p><strong>Failed in this run / 本次运行失败：</strong></p><ul>${list.join('')}</ul></div>`;
}

/** The facts stand below the title, before the rest of the first cell. */
function splitAfterTitle(body: string): string[] {
  const end = /<\/h1>/.exec(body);
  if (!end) return ['', body];
  const at = end.index + end[0].length;
  return [body.slice(0, at), body.slice(at)];
}

function contents(headings: Heading[]): string {
  const entries = headings
    .filter(({ level }) => level === 2 || level === 3)
    .map(
      ({ level, id, html }) => `<li class="l${level}"><a href="#${encodeURIComponent(id)}">${html}</a></li>`,
    );
  if (entries.length === 0) return '';
  return `<nav class="contents" aria-label="Contents / 目录"><details open><summary>Contents / 目录</summary><ol>${entries.join('\n')}</ol></details></nav>`;
}

function pager({ previous, next }: { previous: Neighbour | undefined; next: Neighbour | undefined }): string {
  const link = (target: Neighbour | undefined, label: string, rel: string) =>
    target
      ? `<a rel="${rel}" href="${target.page}"><small>${label}</small>${escapeHtml(target.title.en)}</a>`
      : '<span></span>';
  return `<nav class="pager" aria-label="Other topics / 其他主题">${link(previous, '← previous / 上一篇', 'prev')}${link(next, 'next / 下一篇 →', 'next')}</nav>`;
}

/** Search sees words: Markdown without its marks, split at the headings. */
function addText(sections: Section[], source: string, headings: Heading[]): void {
  const pieces = source.split(/^#{1,6}\s+.*$/m).map(plainWords);
  const [before = '', ...after] = pieces;
  const last = sections.at(-1);
  if (last) last.text = `${last.text} ${before}`.trim();
  else if (before) sections.push({ anchor: '', heading: '', text: before });
  for (const [index, heading] of headings.entries()) {
    sections.push({ anchor: heading.id, heading: heading.text, text: after[index] ?? '' });
  }
}

function plainWords(markdown: string): string {
  return markdown
    .replaceAll(/<[^>]*>/g, ' ')
    .replaceAll(/[*_`#>|]|\]\([^)]*\)|\[/g, '')
    .replaceAll(/\s+/g, ' ')
    .trim();
}
