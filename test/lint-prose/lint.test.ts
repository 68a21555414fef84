/** What the lint of prose finds in a notebook's text, where, and what it leaves alone. */
import { expect, test } from 'vitest';
import { lintNotebook } from '../../scripts/lint-prose/lint.js';
import { parseNotebook } from '../../scripts/notebook/read.js';

/** Findings as `cell:line:column rule: message`. */
function lint(...cells: (string | { code: string })[]): string[] {
  const notebook = parseNotebook(
    JSON.stringify({
      nbformat: 4,
      nbformat_minor: 5,
      metadata: {},
      cells: cells.map((cell, n) =>
        typeof cell === 'string'
          ? { cell_type: 'markdown', id: `c${n}`, metadata: {}, source: cell }
          : {
              cell_type: 'code',
              id: `c${n}`,
              metadata: {},
              source: cell.code,
              outputs: [],
              execution_count: null,
            },
      ),
    }),
  );
  return lintNotebook('a.ipynb', '/a.ipynb', notebook).findings.map(
    ({ cell, line, column, code, message }) => `${cell.number}:${line}:${column} ${code}: ${message}`,
  );
}

const pair = (english: string, chinese: string) =>
  `<div lang="en">\n\n${english}\n\n</div>\n\n<div lang="zh">\n\n${chinese}\n\n</div>`;

test('terms: what has another name, in prose and in labels; not where the word means something else', () => {
  expect(lint('这里用融合内核。')).toEqual([expect.stringMatching(/^1:1:6 term: 内核 → 融合算子/)]);
  expect(lint({ code: "plot.line(x, { title: '瞎猜' });" })).toEqual([
    expect.stringMatching(/^1:1:24 term: 瞎猜 → 随机猜测/),
  ]);
  expect(lint('重启内核之后，Jupyter 内核不再有这些变量。')).toEqual([]);
  expect(lint('反向传播与缩并、`内核`。')).toEqual([]);
});

test('typography: slanted Chinese, blanks in quotation marks, punctuation that begins a line', () => {
  expect(lint('文字*之前*，**之后**，a * b * c。')).toEqual([
    expect.stringContaining('1:1:3 slanted-emphasis: *之前*'),
  ]);
  expect(lint('_最后_ 与 <em>最先</em>')).toHaveLength(2);
  expect(lint('称为“ 检索 ”。')).toEqual([
    expect.stringContaining('space-in-quotes'),
    expect.stringContaining('space-in-quotes'),
  ]);
  expect(lint('令\n$$x = 1$$\n，于是')).toEqual([expect.stringMatching(/^1:3:1 punctuation-alone/)]);
  expect(lint('An *emphasis* in English, and a list:\n\n- one,\n- two.')).toEqual([]);
});

test('numbers typed into prose: measurements, not formulas, code, citations or counts', () => {
  expect(lint('It takes 3.4 ms, 12 % of the roof.')).toEqual([
    expect.stringMatching(/^1:1:10 typed-number: 3\.4 ms/),
    expect.stringMatching(/^1:1:18 typed-number: 12 %/),
  ]);
  expect(lint('With $p = 0.125$ and `0.125`, see arXiv:2104.09864, two of 12 heads.')).toEqual([]);
});

test('two languages: numbers and citations that only one has', () => {
  expect(lint(pair('There are 20 heads (arXiv:2104.09864).', '共有头。'))).toEqual([
    expect.stringMatching(/^1:9:1 numbers-differ: the English has 20; the Chinese has not/),
    expect.stringMatching(/^1:9:1 citations-differ: the English has 2104\.09864/),
  ]);
  expect(lint('Sixteen and 17.', '十六与 18。')).toEqual([
    expect.stringContaining('the English has 17'),
    expect.stringContaining('the Chinese has 18'),
  ]);
});

test('one number in two ways of writing is no difference', () => {
  expect(
    lint(
      pair(
        'Two of 3 heads, 10,000 tokens, a 70-billion model in May.',
        '3 个头中的 2 个，1 万个词元，5 月的 700 亿模型。',
      ),
    ),
  ).toEqual([]);
  expect(lint(pair('An 8B model, twice.', '80 亿参数的模型，2 次。'))).toEqual([]);
});

test('ids of the ledger, once for a line', () => {
  expect(lint('Answers: E45 · S0.Q3 · S0.Q3.code3\n\nA GPU with E4M3 numbers, v1.2.')).toEqual([
    "1:1:10 ledger-id: E45 and 2 more: internal ids belong into the cell's metadata",
  ]);
});
