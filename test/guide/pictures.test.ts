/** Pictures and drawings that a notebook brings along: on the page, or reported with their cell. */
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Highlighter } from '../../scripts/guide/highlight.js';
import { renderNotebook } from '../../scripts/guide/notebook-page.js';
import { attachedPicture, localPicture } from '../../scripts/guide/pictures.js';
import { ProblemList } from '../../scripts/guide/problems.js';
import { code, markdown, notebook, shown } from './fixture.js';

const pixel =
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGNg+M/AAAADAQEAGN2NsAAAAABJRU5ErkJggg==';
const circle = "<svg width='20' height='20'><circle cx='9' cy='9' r='8'/></svg>";
let folder: string;
let highlighter: Highlighter;
beforeAll(async () => {
  highlighter = await Highlighter.create();
  const above = await mkdtemp(join(tmpdir(), 'guide-pictures-'));
  folder = join(above, 'notebooks');
  await mkdir(join(folder, 'figures'), { recursive: true });
  const bytes = Buffer.from(pixel, 'base64');
  for (const name of ['a.png', '50%.png', 'with blank.png', '图.png', 'figures/b.png', '../secret.png'])
    await writeFile(join(folder, name), bytes);
  await writeFile(join(folder, 'drawing.svg'), `<?xml version="1.0"?>\n${circle}`);
  const comments = '<!-- made by a program -->\n'.repeat(100);
  await writeFile(join(folder, 'commented.svg'), `\uFEFF${comments}<!DOCTYPE svg>${circle}`);
  await writeFile(join(folder, 'comments.svg'), `${comments}<p>none</p>`);
  await writeFile(join(folder, 'text.png'), 'no picture');
  await writeFile(join(folder, 'huge.png'), Buffer.concat([bytes, Buffer.alloc(9e6)]));
  await symlink('../secret.png', join(folder, 'out.png'));
});
afterAll(() => rm(join(folder, '..'), { recursive: true, force: true }));

describe('a file beside the notebook', () => {
  it.each([
    'a.png',
    './a.png',
    'figures/b.png',
    '50%.png',
    '50%25.png',
    'with%20blank.png',
    '图.png',
    '%E5%9B%BE.png',
    'a.png?raw=true',
  ])('%s is in the page', (source) => {
    expect(localPicture(folder, source)).toEqual({ data: `data:image/png;base64,${pixel}` });
  });
  it('may be a drawing', () => {
    expect(localPicture(folder, 'commented.svg')).toMatchObject({
      data: expect.stringMatching(/^data:image\/svg\+xml;base64,/),
    });
    expect(localPicture(folder, 'comments.svg')).toMatchObject({
      missing: 'is no PNG, JPEG, GIF, WebP or SVG picture',
    });
    expect(localPicture(folder, 'drawing.svg')).toMatchObject({
      data: expect.stringMatching(/^data:image\/svg\+xml;base64,/),
    });
  });
  it.each([
    ['none.png', 'is not beside the notebook'],
    ['../secret.png', "lies outside the notebook's folder, and a page shows only what is in it"],
    ['out.png', "lies outside the notebook's folder, and a page shows only what is in it"],
    ['text.png', 'is no PNG, JPEG, GIF, WebP or SVG picture'],
    ['huge.png', 'has 9 MB; a page takes pictures of at most 8 MB'],
  ])('%s %s', (source, missing) => {
    expect(localPicture(folder, source)).toEqual({ missing });
  });
  it.each(['https://example.org/a.png', '//example.org/a.png', 'file:///etc/a.png'])(
    '%s is none',
    (source) => {
      expect(localPicture(folder, source)).toBeUndefined();
    },
  );
});

describe('an attachment', () => {
  const cell = (name: string, mime = 'image/png', data = pixel) => ({
    ...markdown('a', ''),
    cell_type: 'markdown' as const,
    attachments: { [name]: { [mime]: data } },
  });
  it.each([
    ['50%.png', '50%.png'],
    ['50%.png', '50%25.png'],
    ['100%25.png', '100%25.png'],
    ['a b.png', 'a%20b.png'],
    ['图 1.png', encodeURIComponent('图 1.png')],
    ['é.png'.normalize('NFD'), 'é.png'.normalize('NFC')],
  ])('%s written %s', (name, written) => {
    expect(attachedPicture(cell(name), `attachment:${written}`)).toEqual({
      data: `data:image/png;base64,${pixel}`,
    });
  });
  it.each(['image/jpeg', 'image/webp', 'image/gif', 'image/svg+xml'])('of type %s', (mime) => {
    expect(attachedPicture(cell('x', mime), 'attachment:x')).toEqual({
      data: `data:${mime};base64,${pixel}`,
    });
  });
  it('of type SVG, as text', () => {
    expect(attachedPicture(cell('x', 'image/svg+xml', circle), 'attachment:x')).toMatchObject({
      data: `data:image/svg+xml;base64,${Buffer.from(circle).toString('base64')}`,
    });
  });
  it('that is not there, or no picture, is said to be so', () => {
    expect(attachedPicture(cell('x'), 'attachment:%E0%A4%A')).toEqual({
      missing: 'is not attached to this cell',
    });
    expect(attachedPicture(cell('x', 'application/pdf'), 'attachment:x')).toEqual({
      missing: 'is attached as application/pdf, which is no picture',
    });
  });
});

function page(...cells: Parameters<typeof notebook>) {
  const problems = new ProblemList();
  const picture = (source: string) => localPicture(folder, source);
  const { body } = renderNotebook(notebook(...cells), 'x', {
    highlighter,
    problems,
    link: (href) => href,
    picture,
  });
  return { body, problems: problems.messages };
}

it('pictures of Markdown, of its HTML and of outputs are in the page; what is missing is reported once', () => {
  const { body, problems } = page(
    markdown('a', '![one](a.png) <img src="50%.png"> ![three](<with blank.png>)'),
    code('b', 'x', [shown({ 'text/html': '<img src="figures/b.png">' })]),
    markdown('c', '![gone](gone.png)\n\n<img src="attachment:50%.png">'),
  );
  expect(body.match(/src="data:image\/png;base64,/g)).toHaveLength(4);
  expect(problems).toEqual([
    'x, cell 3: image "gone.png" is not beside the notebook, so it is left out',
    'x, cell 3: image "attachment:50%.png" is not attached to this cell, so it is left out',
  ]);
});

describe('a drawing in an HTML output', () => {
  const output = (html: string) =>
    page(code('a', 'x', [shown({ 'text/html': html, 'text/plain': 'figure' })]));

  it.each([
    circle,
    `<div>loss: ${circle}</div>`,
    `<table><tr><td>${circle}</td><td>${circle}</td></tr></table>`,
  ])('%s is on the page', (html) => {
    const { body, problems } = output(html);
    expect(body.match(/<circle cx="9" cy="9" r="8"/g)).toHaveLength(html.split('<circle').length - 1);
    expect(problems).toEqual([]);
  });

  it('keeps its style sheet, which reaches no further than itself', () => {
    const { body } = output(
      "<svg id='s'><style>@import 'https://example.org'; .bar, #one { fill: red; position: fixed; background: url(https://example.org) } text { font-size: 9px } </style><rect id='one' class='bar'/></svg>",
    );
    const css = /<style>([\s\S]*?)<\/style>/.exec(body)![1]!;
    expect(css).toMatch(/fill:red/);
    expect(css).toMatch(/font-size:9px/);
    expect(css).not.toMatch(/import|position|example\.org/);
    for (const selector of css.match(/[^{},]+(?=[,{])/g)!) expect(selector).toMatch(/^#kb-figure-0-0-0-\d+/);
  });

  it('has a style sheet of a table reach that table only', () => {
    const { body } = output(
      '<style>#T_1 td { color: red } body { display: none }</style><table id="T_1"><tr><td>1</td></tr></table>',
    );
    expect(body).toContain('#kb-figure-0-0:is(#T_1 td),#kb-figure-0-0 :is(#T_1 td){color:red}');
  });

  it.each([
    ['<svg><script>alert(1)</script><rect/></svg>', 'a drawing is shown without its script'],
    [
      '<svg><foreignObject><p>x</p></foreignObject><rect/></svg>',
      'a drawing is shown without its foreign content (foreignObject)',
    ],
    [
      '<p>x</p><iframe src="https://example.org"></iframe>',
      'a <iframe> element is left out: a guide shows text, tables and pictures',
    ],
    [
      '<p>x</p><video src="x.mp4"></video>',
      'a <video> element is left out: a guide shows text, tables and pictures',
    ],
  ])('%s is reported', (html, message) => {
    const { body, problems } = output(html);
    expect(problems).toEqual([`x, cell 1: ${message}`]);
    expect(body).not.toMatch(/<script|<foreignObject|<iframe|<video/i);
  });

  it.each([
    '<svg onload="alert(1)"><rect/></svg>',
    '<p title="<svg><rect onclick=alert(1)></svg>">x</p>',
    '<svg><style></style><img src=x onerror=alert(1)></svg>',
    '<svg><svg><rect/></svg><script>alert(1)</script>',
    '<scr<svg></svg>ipt>alert(1)</script>',
    '<svg><style>a{}</style></svg><style>x{}</sty<svg></svg>le><script>alert(1)</script>',
    '<svg><style>a::before{content:"</style><script>alert(1)</script>"}</style><rect/></svg>',
  ])('%s does nothing', (html) => {
    expect(output(html).body).not.toMatch(/<[^>]*\son\w+=|<script|<img src="?x/i);
  });
});
