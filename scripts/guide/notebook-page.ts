/** One executed notebook as a page: its cells in order, contents from its headings, facts about its run. */
import { formatCount } from '../../src/display/format.js';
import { escapeHtml } from '../../src/display/html.js';
import type { CodeCell, Notebook } from '../notebook/format.js';
import { contentsScript, figureScript } from './client.js';
import { replaceMath } from './find-math.js';
import type { Highlighter } from './highlight.js';
import { bilingualWords, inBoth, type Words, wordsInBoth } from './language.js';
import { type Heading, MarkdownRenderer, type RenderedMarkdown } from './markdown.js';
import { renderOutputs } from './outputs.js';
import { named, renderPage } from './page.js';
import type { Picture } from './pictures.js';
import type { ProblemList } from './problems.js';
import { type NotebookSummary, summarize } from './summary.js';

export interface Section {
  anchor: string;
  heading: Words;
  text: Words;
}

export interface Neighbour {
  page: string;
  title: Words;
}

export interface NotebookPage {
  body: string;
  summary: NotebookSummary;
  headings: Heading[];
  /** For the search of the index. */
  sections: Section[];
  interactive: boolean;
}

export interface Tools {
  highlighter: Highlighter;
  problems: ProblemList;
  /** Where a link of the notebook leads. */
  link: (href: string) => string;
  /** What a file beside the notebook shows. */
  picture?: (source: string) => Picture;
}

/** The cells of the notebook as HTML. */
export function renderNotebook(notebook: Notebook, name: string, tools: Tools): NotebookPage {
  const { highlighter, problems, picture = () => undefined } = tools;
  const markdown = new MarkdownRenderer(highlighter, problems, tools.link, picture);
  for (const cell of notebook.cells) {
    if (cell.cell_type === 'markdown')
      replaceMath(cell.source, (formula) => {
        markdown.math.label(formula);
        return '';
      });
  }
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
      addText(sections, rendered);
      parts.push(rendered.html);
    } else if (cell.cell_type === 'code' && cell.source.trim() !== '') {
      const outputs = renderOutputs(cell, {
        highlighter,
        markdown,
        problems,
        picture,
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
    where: summary.title,
    contents: contents(page.headings),
    main: `<article>\n${title}${factsList(summary)}${failureBox(summary, '')}${rest.join('')}\n</article>\n${pager(place)}`,
    footer: inBoth('Made from an executed notebook.', '由执行过的笔记本生成。'),
    scripts: [contentsScript, ...(page.interactive ? [figureScript] : [])],
    interactive: page.interactive,
  });
}

/** What a reader wants to know of the run: checks, device, commit. */
export function factsList({ passed, failures, devices, commit, executed }: NotebookSummary): string {
  const facts = [
    failures.length > 0
      ? `<li class="bad">${inBoth(`✗ ${failures.length} failed, ${passed} passed`, `✗ ${failures.length} 项失败，${passed} 项通过`)}</li>`
      : passed > 0
        ? `<li class="good">${inBoth(`✓ ${formatCount(passed, 'check')} passed`, `✓ ${passed} 项验证通过`)}</li>`
        : '',
    executed ? '' : `<li class="bad">${inBoth('not executed to the end', '未执行完')}</li>`,
    ...devices.map((device) => `<li>${deviceInBoth(device)}</li>`),
    commit ? `<li>${inBoth('commit', '提交')} ${escapeHtml(commit)}</li>` : '',
  ];
  return `<ul class="facts">${facts.join('')}</ul>`;
}

function deviceInBoth(device: string): string {
  const english = escapeHtml(device);
  const chinese = english.replace(' on ', '，').replace(', no GPU', '，无 GPU');
  // A device has one name; where both languages are shown, once is enough.
  return `<span lang="en">${english}</span><span lang="zh" class="alone">${chinese}</span>`;
}

/** Each failure with a link to its cell; `page` is where the cells are. */
export function failureBox({ failures }: NotebookSummary, page: string): string {
  if (failures.length === 0) return '';
  const list = failures.map(
    ({ cell, what }) =>
      `<li><a href="${page}#kb-cell-${cell}">${escapeHtml(cell)}</a>: ${escapeHtml(what)}</li>`,
  );
  return `<div class="failures" role="note"><p><strong>${inBoth('Failed in this run:', '本次运行失败：')}</strong></p><ul>${list.join('')}</ul></div>`;
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
  return `<nav class="contents" ${named('Contents', '目录')}><details><summary>${inBoth('Contents', '目录')}</summary><ol>${entries.join('\n')}</ol></details></nav>`;
}

function pager({ previous, next }: { previous: Neighbour | undefined; next: Neighbour | undefined }): string {
  const link = (target: Neighbour | undefined, label: string, rel: string) =>
    target
      ? `<a rel="${rel}" href="${target.page}"><small>${label}</small>${wordsInBoth(target.title)}</a>`
      : '<span></span>';
  const before = link(previous, `← ${inBoth('previous', '上一篇')}`, 'prev');
  const after = link(next, `${inBoth('next', '下一篇')} →`, 'next');
  return `<nav class="pager" ${named('Other topics', '其他主题')}>${before}${after}</nav>`;
}

/** The words of a cell below the heading that stands before them. */
function addText(sections: Section[], { headings, texts }: RenderedMarkdown): void {
  const [before = { en: '', zh: '' }, ...after] = texts;
  const last = sections.at(-1);
  if (last)
    last.text = { en: `${last.text.en} ${before.en}`.trim(), zh: `${last.text.zh} ${before.zh}`.trim() };
  else if (before.en || before.zh) sections.push({ anchor: '', heading: bilingualWords(''), text: before });
  for (const [index, heading] of headings.entries()) {
    sections.push({ anchor: heading.id, heading: heading.text, text: after[index] ?? { en: '', zh: '' } });
  }
}
