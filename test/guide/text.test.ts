/** Markdown, formulas, code and terminal text. */
import { beforeAll, describe, expect, it } from 'vitest';
import { ansiToHtml, stripAnsi } from '../../scripts/guide/ansi.js';
import { Highlighter } from '../../scripts/guide/highlight.js';
import { bilingual, bilingualWords } from '../../scripts/guide/language.js';
import { MarkdownRenderer, pageLinks } from '../../scripts/guide/markdown.js';
import { ProblemList } from '../../scripts/guide/problems.js';

let highlighter: Highlighter;
beforeAll(async () => {
  highlighter = await Highlighter.create();
});

const problems = new ProblemList();
const render = (source: string) => new MarkdownRenderer(highlighter, problems, (href) => href).render(source);
const html = (source: string) => render(source).html;
/** The TeX that KaTeX keeps beside each formula. */
const formulas = (source: string) =>
  [...html(source).matchAll(/<annotation encoding="application\/x-tex">(.*?)<\/annotation>/gs)].map(
    (match) => match[1],
  );

describe('formulas', () => {
  it.each<[string, string[]]>([
    ['$x$ and $y_1$', ['x', 'y_1']],
    ['$a_i * b_i$ and $c_i * d_i$', ['a_i * b_i', 'c_i * d_i']],
    ['$$\nx\n$$', ['x']],
    ['$$x$$', ['x']],
    ['words $$x$$ words', ['x']],
    ['\\begin{align}a&=b\\\\c&=d\\end{align}', ['\\begin{align}a&amp;=b\\\\c&amp;=d\\end{align}']],
    ['costs $5 and $10', []],
    ['costs \\$5 or \\$6', []],
    ['`$x$`', []],
    ['```\n$x$\n```', []],
    ['$ x $', ['x']],
    ['a **$x$**b', ['x']],
    ['| $a$ | b |\n|--|--|\n| 1 | $c|d$ |', ['a', 'c|d']],
    ['<details><summary>Why $D < 3$?</summary></details>', ['D &lt; 3']],
    ['<div>\n<code>$x$</code> $y$\n</div>', ['y']],
    ['- $x\n\n$y', []],
    ['中文$x$中文，$y$。', ['x', 'y']],
  ])('%j', (source, expected) => {
    expect(formulas(source)).toEqual(expected);
  });

  it('leaves the dollars of prices where they are', () => {
    expect(html('costs $5 and $10, \\$6, `$7`')).toBe('<p>costs $5 and $10, $6, <code>$7</code></p>\n');
  });

  it('shows what KaTeX refuses, and reports it', () => {
    const before = problems.messages.length;
    expect(html('$\\frobnicate{x}$')).toContain('<code class="math-error">\\frobnicate{x}</code>');
    expect(problems.messages[before]).toMatch(/formula "\\\\frobnicate\{x\}": KaTeX parse error/);
  });

  it('cannot be forged, and TeX cannot make links', () => {
    expect(html('\ue0000\ue001 <b>x</b>')).toContain('0 <b>x</b>');
    expect(html('<p title=">$x$">y</p>')).toMatch(/^<p title="&gt;\$x\$">y<\/p>/);
    expect(html("<p title='\"$x$>'>y</p>")).not.toContain('katex');
    expect(html('$\\href{javascript:alert(1)}{x}$')).not.toContain('href=');
  });
});

describe('headings', () => {
  it('have unique anchors and a language on each half', () => {
    const { html: page, headings } = render(
      '## Why $D$? / 为什么是 $D$？\n\n## Again\n\n## Again 2\n\n## Again\n',
    );
    expect(headings.map(({ id }) => id)).toEqual(['why-d-为什么是-d', 'again', 'again-2', 'again-3']);
    expect(page).toMatch(
      /<h2 id="why-d-为什么是-d"><span lang="en">Why .*katex.*<\/span><span class="slash"> \/ <\/span><span lang="zh">/s,
    );
    expect(page).toContain('<h2 id="again-3">Again</h2>');
  });

  it('split only between English and Chinese', () => {
    expect(bilingual('a / b')).toBe('a / b');
    expect(bilingual('q / k / 查询')).toBe(
      '<span lang="en">q / k</span><span class="slash"> / </span><span lang="zh">查询</span>',
    );
    expect(bilingualWords('RoPE / 旋转')).toEqual({ en: 'RoPE', zh: '旋转' });
    expect(bilingualWords('RoPE')).toEqual({ en: 'RoPE', zh: 'RoPE' });
  });

  it('cannot carry markup of a notebook past the sanitiser', () => {
    expect(html('## <img src=x onerror=alert(1)> x')).not.toContain('onerror');
    expect(html('## [x](javascript:alert(1))')).not.toContain('javascript');
  });
});

describe('links', () => {
  it('to notebooks of the guide lead to pages, others stay', () => {
    const link = pageLinks(new Set(['a.html']));
    expect(link('a.ipynb')).toBe('a.html');
    expect(link('./a.ipynb#x')).toBe('a.html#x');
    expect(link('b.ipynb')).toBe('b.ipynb');
    expect(link('https://example.org/a.ipynb')).toBe('https://example.org/a.ipynb');
  });

  it('that leave the guide tell nothing of where they came from', () => {
    expect(html('[x](https://example.org)')).toContain('rel="noopener noreferrer"');
  });
});

describe('tables', () => {
  it('may scroll, whether written in Markdown or in HTML', () => {
    expect(html('| a |\n|--|\n| b |')).toMatch(
      /^<div class="wide" tabindex="0"><table>[\s\S]*<\/table><\/div>$/m,
    );
    const page = html('<table style="width:1px"><tr><td>x</td></tr></table>');
    expect(page).toBe(
      '<div class="wide" tabindex="0"><table style="width:1px"><tr><td>x</td></tr></table></div>',
    );
  });
});

describe('attachments', () => {
  it('become part of the page', () => {
    const renderer = new MarkdownRenderer(highlighter, problems, (href) => href);
    const attachments = { 'a b.png': { 'image/png': 'AA\nBB' } };
    const cell = {
      cell_type: 'markdown' as const,
      id: 'x',
      metadata: {},
      source: '![map](attachment:a%20b.png)',
      attachments,
    };
    expect(renderer.cell(cell).html).toContain('<img src="data:image/png;base64,AABB" alt="map" />');
  });
});

describe('code', () => {
  const words = (page: string) =>
    page
      .replaceAll(/<[^>]*>/g, '')
      .replaceAll('&lt;', '<')
      .replaceAll('&gt;', '>')
      .replaceAll('&quot;', '"');

  it.each([
    ['typescript', 'const x: Map<string, number> = new Map(); // "x"\n\nx;'],
    ['wgsl', '@compute @workgroup_size(64)\nfn main() { let x: f32 = 1.0; }'],
    ['python', 'def f(x):\n    return "a"'],
    ['klingon', 'a < b'],
  ])('%s keeps its text', (language, source) => {
    const page = highlighter.html(source, language);
    expect(words(page)).toBe(source);
    expect(page.includes('<span class="s')).toBe(language !== 'klingon');
  });

  it('has a light and a dark colour for each class used', () => {
    const page = highlighter.html('const x = 1; // c', 'ts');
    const classes = new Set([...page.matchAll(/class="(s\d+)"/g)].map((match) => match[1]));
    expect(classes.size).toBeGreaterThan(2);
    for (const name of classes) {
      expect(highlighter.css()).toMatch(new RegExp(`\\.${name}\\{--light:#\\w{6};--dark:#\\w{6}\\}`));
    }
  });
});

describe('terminal text', () => {
  it.each([
    ['a<b', 'a&lt;b'],
    ['\u001b[31mred\u001b[0m x', '<span class="ansi-1">red</span> x'],
    [
      '\u001b[1;4;92mok\u001b[22;24mk',
      '<span class="ansi-bold ansi-underline ansi-10">ok</span><span class="ansi-10">k</span>',
    ],
    ['\u001b[38;5;196mx', '<span style="color:rgb(255 0 0)">x</span>'],
    ['\u001b[38;5;3mx', '<span class="ansi-3">x</span>'],
    ['\u001b[48;2;1;2;3mx', '<span style="background:rgb(1 2 3)">x</span>'],
    ['\u001b[38;2;1;2;999mx', 'x'],
    ['\u001b[7mx', '<span class="ansi-inverse">x</span>'],
    ['\u001b[2K\u001b[1Gx\u001b]0;title\u0007y', 'xy'],
    ['10%\r50%\r100%\nend', '100%\nend'],
    ['a\r\nb', 'a\nb'],
    ['\u001b[31;<script>mx', '\u001b[31;&lt;script&gt;mx'],
  ])('%j', (text, expected) => {
    expect(ansiToHtml(text)).toBe(expected);
  });

  it('is plain without its colours', () => {
    expect(stripAnsi('\u001b[31mred\u001b[0m')).toBe('red');
  });
});
