/** Nothing a notebook contains may run, load or reach out of its place in the page. */
import { describe, expect, it } from 'vitest';
import { ProblemList } from '../../scripts/guide/problems.js';
import { sanitize } from '../../scripts/guide/sanitize.js';
import { sanitizeSvg } from '../../scripts/guide/svg.js';

const clean = (html: string) => sanitize(html, { problems: new ProblemList() });

/** What must never be left of anything, as a browser would read it. */
const active =
  /<script|<iframe|<object|<embed|<form|<input|<button|<link|<meta|<base|<style|<foreignObject|<animate|<set|\son\w+\s*=|javascript:|vbscript:|url\(\s*['"]?[^#'"]/i;

describe('sanitize', () => {
  it.each([
    '<script>alert(1)</script>',
    '<img src=x onerror=alert(1)>',
    '<p onclick="alert(1)">x</p>',
    '<a href="javascript:alert(1)">x</a>',
    '<a href="JaVa&#115;cript&colon;alert(1)">x</a>',
    '<a href="java\tscript:alert(1)">x</a>',
    '<a href="data:text/html,<script>alert(1)</script>">x</a>',
    '<iframe src="https://example.org"></iframe>',
    '<object data="x"></object><embed src="x">',
    '<form action="https://example.org"><input name=x><button>b</button></form>',
    '<style>body{display:none}</style>',
    '<link rel=stylesheet href=x><meta http-equiv=refresh content=0><base href=x>',
    '<div style="background:url(https://example.org/x.png)">x</div>',
    '<div style="background:\\75rl(https://example.org)">x</div>',
    '<svg><script>alert(1)</script></svg>',
    '<math><mtext><img src=x onerror=alert(1)></mtext></math>',
    '<<script>script>alert(1)<</script>/script>',
    '<p style="position:fixed;top:0;width:100%">over everything</p>',
  ])('%s', (html) => {
    const result = clean(html);
    expect(result).not.toMatch(active);
    expect(result).not.toContain('position');
    expect(result).not.toMatch(/src="(?!data:image)/);
  });

  it('escapes markup inside attributes', () => {
    expect(clean('<noscript><p title="</noscript><img src=x onerror=alert(1)>">')).not.toContain('<img');
  });

  it('keeps our tables as they are', () => {
    const table =
      '<div class="kernelbook-verify" style="border-left:4px solid #1a8f5a;overflow-x:auto"><table style="border-collapse:collapse"><thead><tr><th scope="col" style="padding:0.2em 0.7em">a</th></tr></thead><tbody><tr><td title="γ(3)">1.00e-7 &lt; 2</td></tr></tbody></table></div>';
    expect(clean(table)).toBe(table);
  });

  it('drops foreign classes and ids that could pass for ours', () => {
    expect(clean('<p class="failures kernelbook-x" id="kb-main">x</p>')).toBe(
      '<p class="kernelbook-x">x</p>',
    );
    expect(clean('<p id="note">x</p>')).toBe('<p id="note">x</p>');
  });

  it('replaces images from elsewhere by their words, and says so', () => {
    const problems = new ProblemList();
    problems.where = 'x.ipynb, cell 3';
    const html = sanitize('<img src="https://example.org/a.png" alt="a map">', { problems });
    expect(html).toBe('<span>[a map]</span>');
    expect(problems.messages).toEqual([
      'x.ipynb, cell 3: image "https://example.org/a.png" is not part of the notebook, so it is left out',
    ]);
  });

  it('keeps images that are data, and gives them a text', () => {
    expect(clean('<img src="data:image/png;base64,AAAA">')).toBe(
      '<img src="data:image/png;base64,AAAA" alt="" />',
    );
  });
});

describe('sanitizeSvg', () => {
  const svg = (content: string, attributes = '') =>
    sanitizeSvg(
      `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1"${attributes}>${content}</svg>`,
      'p',
    );

  it.each([
    '<script>alert(1)</script>',
    '<rect onload="alert(1)" width="1"/>',
    '<a href="javascript:alert(1)"><text>x</text></a>',
    '<foreignObject><body onload="alert(1)"/></foreignObject>',
    '<animate attributeName="href" to="javascript:alert(1)"/><set attributeName="onclick" to="alert(1)"/>',
    '<image href="https://example.org/x.png"/>',
    '<image href="data:image/svg+xml;base64,AAAA"/>',
    '<use href="https://example.org/x.svg#a"/>',
    '<use xlink:href="data:image/svg+xml,x#a"/>',
    '<rect fill="url(https://example.org/x)"/>',
    '<rect style="fill:url(https://example.org/x)"/>',
    '<rect style="fill:u\\72l(https://example.org/x)"/>',
    '<style>@import "https://example.org"</style>',
    '<!DOCTYPE svg [<!ENTITY x SYSTEM "file:///etc/passwd">]><text>&x;</text>',
  ])('%s', (content) => {
    const result = svg(content) ?? '';
    expect(result).not.toMatch(active);
    expect(result).not.toMatch(/example\.org|passwd|svg\+xml/);
  });

  it('is nothing where no drawing is left', () => {
    expect(sanitizeSvg('<p>no drawing</p>', 'p')).toBeUndefined();
    expect(svg('', ' onload="alert(1)"')).toBe(
      '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1"></svg>',
    );
  });

  it('makes ids unique, and their references with them', () => {
    const result = svg(
      '<defs><linearGradient id="g"/><clipPath id="c"/></defs><rect fill="url(#g)" clip-path="url(\'#c\')" style="stroke:url(#g)"/><use xlink:href="#c"/>',
      ' aria-labelledby="g c"',
    );
    expect(result).toContain('fill="url(#p-0)" clip-path="url(#p-1)" style="stroke:url(#p-0)"');
    expect(result).toContain('<linearGradient id="p-0"');
    expect(result).toContain('href="#p-1"');
    expect(result).toContain('aria-labelledby="p-0 p-1"');
  });

  it('keeps case, title, text and numbers', () => {
    const drawing =
      '<title>T</title><text x="1" text-anchor="middle">损失 &lt; 1</text><path d="M0 0L1 1" stroke-width="2"></path>';
    expect(svg(drawing)).toContain(drawing);
    expect(svg(drawing)).toContain('viewBox="0 0 1 1"');
  });
});
