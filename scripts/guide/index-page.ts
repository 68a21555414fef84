/** The front page of the guides: every topic with its questions and the state of its checks, and the search. */
import { escapeHtml } from '../../src/display/html.js';
import { searchScript } from './client.js';
import { factsList, failureBox, type NotebookPage } from './notebook-page.js';
import { renderPage } from './page.js';

export interface IndexedPage {
  page: string;
  title: { en: string; zh: string };
  rendered: NotebookPage;
}

export function indexPage(pages: IndexedPage[]): string {
  const passed = pages.reduce((sum, { rendered }) => sum + rendered.summary.passed, 0);
  const failed = pages.reduce((sum, { rendered }) => sum + rendered.summary.failures.length, 0);
  const state =
    failed === 0
      ? `<li class="good">✓ ${passed} checks passed / ${passed} 项验证通过</li>`
      : `<li class="bad">✗ ${failed} failed / ${failed} 项失败, ${passed} passed</li>`;
  const topics = pages.map(topic).join('\n');
  return renderPage({
    title: { en: 'kernelbook: study guides', zh: '学习指南' },
    where: 'study guides / 学习指南',
    main: `<h1><span lang="en">Study guides</span><span class="slash"> / </span><span lang="zh">学习指南</span></h1>
<p lang="en">Each topic derives its formulas, implements them on the GPU, checks them against an independent reference and measures them. The pages were made from notebooks that ran.</p>
<p lang="zh">每个主题都推导公式、在 GPU 上实现、与独立的参考实现对照，并实测性能。页面由真实执行过的笔记本生成。</p>
<ul class="facts"><li>${pages.length} topics / ${pages.length} 个主题</li>${state}</ul>
<search hidden><label for="kb-search">Search / 搜索</label>
<input id="kb-search" type="search" autocomplete="off" spellcheck="false">
<p id="kb-count" role="status"></p>
<ol id="kb-results"></ol></search>
<ul class="topics">
${topics}
</ul>`,
    footer: 'Readable offline and without JavaScript. / 可离线阅读，无需 JavaScript。',
    scripts: [searchScript],
    data: { 'kb-sections': sections(pages) },
    interactive: false,
  });
}

function topic({ page, title, rendered }: IndexedPage): string {
  const questions = rendered.headings
    .filter(({ level }) => level === 2)
    .map(({ id, html }) => `<li><a href="${page}#${encodeURIComponent(id)}">${html}</a></li>`);
  const second =
    title.zh === title.en
      ? ''
      : `<span class="slash"> / </span><span lang="zh">${escapeHtml(title.zh)}</span>`;
  return `<li>
<h2><a href="${page}"><span lang="en">${escapeHtml(title.en)}</span>${second}</a></h2>
${factsList(rendered.summary)}${failureBox(rendered.summary, page)}
<ol>${questions.join('\n')}</ol>
</li>`;
}

function sections(pages: IndexedPage[]): unknown[] {
  return pages.flatMap(({ page, title, rendered }) => {
    const topicName = title.zh === title.en ? title.en : `${title.en} / ${title.zh}`;
    return rendered.sections.map(({ anchor, heading, text }) => ({
      page,
      anchor,
      topic: topicName,
      heading: heading || topicName,
      text,
    }));
  });
}
