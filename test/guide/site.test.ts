/** The written site: what the pages hold, that they are closed in themselves, and that bytes repeat. */
import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Words } from '../../scripts/guide/language.js';
import { type Site, writeSite } from '../../scripts/guide/site.js';
import type { IndexEntry, SelectedNotebook } from '../../scripts/notebook/select.js';
import { writeNotebook } from '../../scripts/notebook/write.js';
import { code, markdown, notebook, sample, shown } from './fixture.js';

let folder: string;
let site: Site;
const order: IndexEntry[] = [
  { file: 'sample.ipynb', title: { en: 'Rotary', zh: '旋转' } },
  { file: 'other.ipynb', title: { en: 'Other', zh: '其他' } },
];
const selected = (...files: string[]): SelectedNotebook[] =>
  files.map((file) => ({ path: join(folder, 'in', file), name: file, place: file }));
const out = (...parts: string[]) => join(folder, 'out', ...parts);
const page = (file: string) => readFile(out(file), 'utf8');

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'guide-'));
  await writeNotebook(join(folder, 'in', 'sample.ipynb'), await sample());
  await writeNotebook(
    join(folder, 'in', 'other.ipynb'),
    notebook(
      markdown('front', '# Other / 其他\n\n## Second topic\n\n[back](sample.ipynb)'),
      code('sum', '1 + 1', [shown({ 'text/plain': '2' })]),
    ),
  );
  site = await writeSite(selected('other.ipynb', 'sample.ipynb'), out(), order);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe('the pages', () => {
  it('come in reading order, with what passed and failed', () => {
    expect(site.problems).toEqual([]);
    expect(site.pages).toEqual([
      { file: 'sample.html', passed: 1, failures: [{ cell: 'checks', what: 'rope.interleaved' }] },
      { file: 'other.html', passed: 0, failures: [] },
    ]);
  });

  it('hold formulas, code, tables, figures and errors, ready made', async () => {
    const html = await page('sample.html');
    expect(html.match(/class="katex"/g)!.length).toBeGreaterThanOrEqual(6);
    expect(html).toMatch(
      /<pre class="code"[^>]*><code><span class="line" style="--indent:0"><span class="s\d+">let<\/span>/,
    );
    expect(html).toContain('costs $5');
    expect(html).toMatch(/class="kernelbook-verify"[\s\S]*rope\.half/);
    expect(html).toMatch(
      /<figure class="plotly"><div class="still">[\s\S]*<svg[\s\S]*loss \/ 损失[\s\S]*<script type="application\/json">/,
    );
    expect(html).toMatch(/class="error expected"[\s\S]*Expected mistake[\s\S]*D = 3 &lt;is&gt; odd/);
    expect(html).toContain('100%\n<span class="ansi-bold ansi-2">done</span> &lt;b&gt;');
    expect(html).toMatch(/<summary>Why is <span class="katex">/);
    expect(html).toContain('webgpu on llvmpipe, no GPU');
    expect(html).toMatch(/commit<\/span>.*提交<\/span> 0123456789ab/);
    expect(html).toMatch(/class="failures"[\s\S]*href="#kb-cell-checks"[\s\S]*rope\.interleaved/);
  });

  it('mark the parts of each language', async () => {
    const html = await page('sample.html');
    expect(html).toContain('<h2 id="1-why-rotate-为什么旋转"><span lang="en">1. Why rotate?</span>');
    expect(html).toMatch(/<div lang="en">\s*<p>The angle/);
    expect(html).toMatch(/<div lang="zh">\s*<p>角度/);
    expect(html).toContain(
      '<title data-en="Rotary positions" data-zh="旋转位置">Rotary positions / 旋转位置</title>',
    );
  });

  it('lead to each other, and every link has its target', async () => {
    const files = ['index.html', 'sample.html', 'other.html'];
    const pages = new Map(await Promise.all(files.map(async (file) => [file, await page(file)] as const)));
    let links = 0;
    for (const [file, html] of pages) {
      for (const [, href] of html.matchAll(/<a\s[^>]*href="([^"]*)"/g)) {
        const [path, anchor] = href!.split('#') as [string, string | undefined];
        const target = pages.get(path || file);
        expect(target, `${file} -> ${href}`).toBeDefined();
        if (anchor) expect(target, `${file} -> ${href}`).toContain(`id="${decodeURIComponent(anchor)}"`);
        links++;
      }
    }
    expect(links).toBeGreaterThan(12);
    expect(pages.get('sample.html')).toContain('href="other.html#second-topic"');
  });

  it('load nothing but their own assets', async () => {
    const assets = await readdir(out('assets'));
    for (const file of ['index.html', 'sample.html', 'other.html']) {
      const html = (await page(file)).replaceAll(/<script type="application\/json"[\s\S]*?<\/script>/g, '');
      const loaded = [
        ...html.matchAll(/<(?:link|script|img|iframe|source|video|audio)\b[^>]*\s(?:src|href)="([^"]*)"/g),
      ];
      for (const [, source] of loaded) {
        expect(source).toMatch(/^(?:data:|assets\/)/);
        if (source!.startsWith('assets/')) expect(assets).toContain(source!.slice('assets/'.length));
      }
      expect(html).not.toMatch(/@import|url\((?!#)/);
    }
    for (const sheet of ['guide.css', 'katex.css']) {
      const css = await readFile(out('assets', sheet), 'utf8');
      expect(css).not.toMatch(/@import|url\((?!['"]?data:)/);
    }
    expect(await readFile(out('assets', 'katex.css'), 'utf8')).toMatch(/url\(data:font\/woff2;base64,d09GMg/);
    expect((await page('other.html')).includes('plotly.min.js')).toBe(false);
    expect((await page('sample.html')).includes('plotly.min.js')).toBe(true);
  });

  it('allow exactly their own scripts', async () => {
    for (const file of ['index.html', 'sample.html', 'other.html']) {
      const html = await page(file);
      const policy = /http-equiv="Content-Security-Policy" content="([^"]*)"/.exec(html)![1]!;
      expect(policy).toContain("default-src 'none'");
      const scripts = policy.split('; ').find((part) => part.startsWith('script-src'))!;
      expect(scripts).not.toMatch(/unsafe|https?:|data:|\*/);
      const hashes = [...html.matchAll(/<script>([\s\S]*?)<\/script>/g)].map(
        ([, body]) => `'sha256-${createHash('sha256').update(body!).digest('base64')}'`,
      );
      expect(hashes.length).toBeGreaterThan(0);
      expect(scripts.match(/'sha256-[^']*'/g)!.sort()).toEqual(hashes.sort());
    }
  });

  it('are the same bytes for the same notebooks', async () => {
    const before = await Promise.all(
      ['index.html', 'sample.html', 'assets/guide.css', 'assets/plotly.min.js'].map(page),
    );
    await writeSite(selected('sample.html'.replace('.html', '.ipynb'), 'other.ipynb'), out(), order);
    const after = await Promise.all(
      ['index.html', 'sample.html', 'assets/guide.css', 'assets/plotly.min.js'].map(page),
    );
    expect(after.map((text, i) => text === before[i])).toEqual([true, true, true, true]);
  });
});

describe('the index', () => {
  it('names every topic in both languages, with its questions and its state', async () => {
    const html = await page('index.html');
    expect(html).toMatch(/<span lang="en">Rotary<\/span>.*<span lang="zh">旋转<\/span>/);
    expect(html).toContain('href="sample.html#1-why-rotate-%E4%B8%BA%E4%BB%80%E4%B9%88%E6%97%8B%E8%BD%AC"');
    expect(html).toContain('href="sample.html#kb-cell-checks"');
    expect(html).toMatch(/✗ 1 failed, 1 passed<\/span>.*✗ 1 项失败，1 项通过/);
  });

  it('carries the words of every section for the search', async () => {
    const html = await page('index.html');
    const json = /<script type="application\/json" id="kb-sections">([\s\S]*?)<\/script>/.exec(html)![1]!;
    const sections = JSON.parse(json) as { page: string; heading: Words; text: Words }[];
    expect(sections.map(({ heading }) => heading)).toContainEqual({ en: 'Follow-ups', zh: '追问' });
    expect(sections.find(({ text }) => text.en.includes('Pairs'))?.page).toBe('sample.html');
  });
});

it('removes pages of notebooks that are gone, and nothing of others', async () => {
  const target = join(folder, 'second');
  await writeSite(selected('sample.ipynb', 'other.ipynb'), target, order);
  await writeFile(join(target, 'mine.html'), '<p>not a guide page</p>');
  await writeSite(selected('sample.ipynb'), target, order);
  expect((await readdir(target)).filter((file) => file.endsWith('.html')).sort()).toEqual([
    'index.html',
    'mine.html',
    'sample.html',
  ]);
});

it('collects what could not be shown, with its place', async () => {
  await writeNotebook(
    join(folder, 'in', 'faulty.ipynb'),
    notebook(markdown('a', '# T'), markdown('b', '$\\nonsense$ ![x](https://example.org/x.png)')),
  );
  const { problems } = await writeSite(selected('faulty.ipynb'), join(folder, 'faulty'), []);
  expect(problems).toHaveLength(2);
  expect(problems[0]).toMatch(/^faulty\.ipynb, cell 2: formula/);
  expect(problems[1]).toMatch(/^faulty\.ipynb, cell 2: image "https:\/\/example\.org\/x\.png"/);
});
