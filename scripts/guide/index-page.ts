/** The front page of the guides: every topic with its questions and the state of its checks, and the search. */
import { formatCount } from '../../src/display/format.js';
import { searchScript } from './client.js';
import { inBoth, type Words, wordsInBoth } from './language.js';
import { factsList, failureBox, type NotebookPage } from './notebook-page.js';
import { renderPage } from './page.js';

export interface IndexedPage {
  page: string;
  title: Words;
  rendered: NotebookPage;
}

export function indexPage(pages: IndexedPage[]): string {
  const passed = pages.reduce((sum, { rendered }) => sum + rendered.summary.passed, 0);
  const failed = pages.reduce((sum, { rendered }) => sum + rendered.summary.failures.length, 0);
  const state =
    failed === 0
      ? `<li class="good">${inBoth(`✓ ${formatCount(passed, 'check')} passed`, `✓ ${passed} 项验证通过`)}</li>`
      : `<li class="bad">${inBoth(`✗ ${failed} failed, ${passed} passed`, `✗ ${failed} 项失败，${passed} 项通过`)}</li>`;
  const topics = pages.map(topic).join('\n');
  return renderPage({
    title: { en: 'kernelbook: study guides', zh: '学习指南' },
    where: { en: 'study guides', zh: '学习指南' },
    main: `<h1>${inBoth('Study guides', '学习指南')}</h1>
<p lang="en">Each topic derives its formulas, implements them, checks them against an independent reference and measures them. The pages were made from notebooks that ran, on the devices named below.</p>
<p lang="zh">每个主题都推导公式、给出实现、与独立的参考实现对照，并实测性能。页面由真实执行过的笔记本生成，所用设备见下。</p>
<ul class="facts"><li>${inBoth(formatCount(pages.length, 'topic'), `${pages.length} 个主题`)}</li>${state}</ul>
<search hidden><label for="kb-search">${inBoth('Search', '搜索')}</label>
<input id="kb-search" type="search" autocomplete="off" spellcheck="false">
<p id="kb-count" role="status"></p>
<ol id="kb-results"></ol></search>
<ul class="topics">
${topics}
</ul>`,
    footer: inBoth('Readable offline and without JavaScript.', '可离线阅读，无需 JavaScript。'),
    scripts: [searchScript],
    data: { 'kb-sections': sections(pages) },
    interactive: false,
  });
}

function topic({ page, title, rendered }: IndexedPage): string {
  const questions = rendered.headings
    .filter(({ level }) => level === 2)
    .map(({ id, html }) => `<li><a href="${page}#${encodeURIComponent(id)}">${html}</a></li>`);
  return `<li>
<h2><a href="${page}">${wordsInBoth(title)}</a></h2>
${factsList(rendered.summary)}${failureBox(rendered.summary, page)}
<ol>${questions.join('\n')}</ol>
</li>`;
}

function sections(pages: IndexedPage[]): unknown[] {
  return pages.flatMap(({ page, title, rendered }) => {
    const named = (heading: Words) => (heading.en || heading.zh ? heading : title);
    return rendered.sections.map(({ anchor, heading, text }) => ({
      page,
      anchor,
      topic: title,
      heading: named(heading),
      text,
    }));
  });
}
