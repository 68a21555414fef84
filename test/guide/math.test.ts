/** Formulas in all the forms that JupyterLab shows, each with the TeX that must be on the page. */
import { beforeAll, describe, expect, it } from 'vitest';
import { Highlighter } from '../../scripts/guide/highlight.js';
import { MarkdownRenderer } from '../../scripts/guide/markdown.js';
import { renderNotebook } from '../../scripts/guide/notebook-page.js';
import { ProblemList } from '../../scripts/guide/problems.js';
import { markdown, notebook } from './fixture.js';

let highlighter: Highlighter;
beforeAll(async () => {
  highlighter = await Highlighter.create();
});

const link = (href: string) => href;
function page(...sources: string[]) {
  const problems = new ProblemList();
  const cells = sources.map((source, index) => markdown(`m${index}`, source));
  const { body, sections } = renderNotebook(notebook(...cells), 'x', { highlighter, problems, link });
  return { body, sections, problems: problems.messages };
}
const formulas = (html: string) =>
  [...html.matchAll(/<annotation encoding="application\/x-tex">(.*?)<\/annotation>/gs)].map((match) =>
    match[1]!.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&'),
  );

describe('a formula is found', () => {
  it.each<[string, string[]]>([
    ['$x$', ['x']],
    ['here $ x_1 + y_1 $ with blanks', ['x_1 + y_1']],
    ['$s_i = 1\n$ on the next line', ['s_i = 1']],
    ['$a\n+ b$', ['a\n+ b']],
    ['A\n\n$$\na\n=\nb\n$$', ['a\n=\nb']],
    ['B\n\n$$\na\n-\nb\n$$', ['a\n-\nb']],
    ['$$\n- a\n- b\n$$', ['- a\n- b']],
    ['$$\n# x\n$$'.replace('#', '\\#'), ['\\# x']],
    ['$$\n1. a\n$$', ['1. a']],
    ['$$\n+ a\n$$', ['+ a']],
    ['$$x$$ and $$y$$', ['x', 'y']],
    ['words\n$$x$$\nwords', ['x']],
    ['| a | b |\n|--|--|\n| $P(A|B)$ | $\\|x\\|$ |', ['P(A|B)', '\\|x\\|']],
    ['> quoted\n> $$\n> a\n> = b\n> $$', ['a\n = b']],
    ['- item $$\n  a\n  $$', ['a']],
    ['1. $x$\n2. $y$', ['x', 'y']],
    ['$a_i$ _em_ $b_i$', ['a_i', 'b_i']],
    ['$a*b$ and $c*d$', ['a*b', 'c*d']],
    ['$[a](b)$', ['[a](b)']],
    ['$a<b$ and $c>d$', ['a<b', 'c>d']],
    ['$x \\\\ y$'.replace('\\\\ ', '\\\\'), ['x \\\\y']],
    ['\\\\(x\\\\) and \\\\[y\\\\]', ['x', 'y']],
    ['\\begin{align}a&=b\\\\c&=d\\end{align}', ['\\begin{align}a&=b\\\\c&=d\\end{align}']],
    ['\\begin{gather*}\na\\\\\nb\n\\end{gather*}', ['\\begin{gather*}\na\\\\\nb\n\\end{gather*}']],
    ['\\begin{eqnarray}a&=&b\\end{eqnarray}', ['\\begin{eqnarray}a&=&b\\end{eqnarray}']],
    ['\\begin{multline}a\\\\b\\end{multline}', ['\\begin{multline}a\\\\b\\end{multline}']],
    ['$\\text{d_model}$', ['\\text{d_model}']],
    ['$\\text{50% & a#b}$', ['\\text{50% & a#b}']],
    ['$\\text{if $x$ then}$', ['\\text{if $x$ then}']],
    ['$\\mbox{a_b}$', ['\\mbox{a_b}']],
    ['**$x$** and *$y$*', ['x', 'y']],
    ['# Why $\\sqrt{D}$?', ['\\sqrt{D}']],
    ['<details><summary>Why $D < 3$?</summary></details>', ['D < 3']],
    ['<div>\n$x$\n</div>', ['x']],
    ['[$x$](https://example.org)', ['x']],
    ['中文$x$，$y$。', ['x', 'y']],
    ['$\\DeclareMathOperator{\\soft}{soft}\\soft x$', ['\\DeclareMathOperator{\\soft}{soft}\\soft x']],
    ['$x$ is `y` and $z$', ['x', 'z']],
    ['a stray ` before $x$', ['x']],
    ['\\$5 or $x$', ['x']],
  ])('%j', (source, expected) => {
    const { body, problems } = page(source);
    expect(formulas(body)).toEqual(expected);
    expect(problems).toEqual([]);
    expect(body).not.toMatch(/[\ue000-\uf8ff]/);
  });
});

describe('no formula is', () => {
  it.each<[string, string]>([
    ['costs $5 and $10', 'costs $5 and $10'],
    ['`$x$` and ``$y` ``', '<code>$x$</code>'],
    ['```\n$x$\n```', '$x$'],
    ['    $x$', '$x$'],
    ['- a\n\n  ```\n  $x$\n  ```', '$x$'],
    ['`over\n$a$ lines`', '$a$'],
    ['$x\n\ny$', '$x'],
    ['<pre>$x$</pre>', '<pre>$x$</pre>'],
    ['<p title="$x$">y</p>', 'title="$x$"'],
    ['<table><tr><td>$5</td><td>$6</td></tr></table>', '<td>$5</td><td>$6</td>'],
    ['$ $', '$ $'],
    ['[x](https://example.org/$a$)', 'href="https://example.org/$a$"'],
  ])('%j', (source, expected) => {
    const { body } = page(source);
    expect(formulas(body)).toEqual([]);
    expect(body).toContain(expected);
  });
});

describe('what one formula says, others know', () => {
  it('definitions reach later cells, and may be made anew', () => {
    const { body, problems } = page(
      '$\\newcommand{\\mean}{\\mathbb{E}}$ and $\\mean[x]$',
      '$\\mean[y]$',
      '$\\newcommand{\\mean}{\\mathbf{M}} \\mean$ and $\\renewcommand{\\fresh}{x} \\fresh$',
    );
    expect(problems).toEqual([]);
    expect(body).toMatch(/mathbb">E/);
    expect(body).toMatch(/mathbf">M/);
  });

  it('labels are numbered over the page, and references may come first', () => {
    const { body, problems } = page(
      'by $\\eqref{two}$ and \\eqref{one}',
      '\\begin{equation}\\label{one}\na = b\n\\end{equation}\n\n$$c\\label{two}$$\n\n\\begin{align}a&=b\\label{three}\\\\c&=d\\end{align}\n\n$\\ref{three}$',
    );
    expect(problems).toEqual([]);
    const shown = [...body.matchAll(/<mtext>([^<]*)<\/mtext>/g)].map(([, text]) => text);
    expect(shown.filter((text) => /\d/.test(text!))).toEqual(expect.arrayContaining(['(2)', '(1)', '3']));
  });

  it('a reference to nothing is reported', () => {
    expect(page('$\\eqref{none}$').problems).toEqual([
      'x, cell 1: formula "\\\\eqref{none}": there is no \\label{none}',
    ]);
  });
});

it('punctuation is tied to its formula', () => {
  const { body } = page('角度为 $\\theta$。其中（$x$）');
  expect(body).toMatch(/<span class="kept"><span class="katex">[\s\S]*?<\/span>。<\/span>/);
  expect(body).toMatch(/<span class="kept">（<span class="katex">/);
});

it('search sees words, not TeX', () => {
  const { sections } = page(
    '# Why $\\sqrt{D}$? / 为什么是 $\\sqrt{D}$？\n\n<div lang="en">\n\nThe score $\\frac{q\\cdot k}{\\sqrt{D}}$ of a `head_dim` $d_i^2$.\n\n</div>\n\n<div lang="zh">\n\n分数。\n\n</div>',
  );
  expect(sections).toEqual([
    {
      anchor: expect.any(String),
      heading: { en: 'Why √D?', zh: '为什么是 √D？' },
      text: { en: expect.stringMatching(/^The score \(q ?⋅ ?k\)\/√D of a head_dim d_i\^2\.$/), zh: '分数。' },
    },
  ]);
});

it('keeps TeX away from the sanitiser, and the sanitiser away from nobody', () => {
  const html = new MarkdownRenderer(highlighter, new ProblemList(), link).render(
    '$\\href{javascript:alert(1)}{x}$ $<img src=x onerror=alert(1)>$ <a title="$<b>$">y</a>',
  ).html;
  expect(html).not.toMatch(/<img|href="javascript|<b>/);
});
