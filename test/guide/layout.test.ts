/**
 * Every guide of the workbook at the width of a desk and of a telephone, light and dark, in each language: nothing may be
 * cut off or covered. Executed notebooks are taken where `kernelbook start` has left them, else the committed ones, whose
 * pages have prose, formulas and code; outputs of all kinds are in the sample beside them.
 */
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeSite } from '../../scripts/guide/site.js';
import { readIndex, selectNotebooks } from '../../scripts/notebook/select.js';
import { writeNotebook } from '../../scripts/notebook/write.js';
import { packageRoot } from '../../scripts/setup/part.js';
import { findChromium } from '../../scripts/setup/probe.js';
import { describeRequires } from '../support/requires.js';
import { sample } from './fixture.js';

const executed = join(packageRoot, 'build', 'notebooks');
const source = existsSync(executed) ? executed : join(packageRoot, 'notebooks');
const pages = (await readIndex(join(packageRoot, 'notebooks'))).map(({ file }) =>
  file.replace(/\.ipynb$/, '.html'),
);
const widths = [1280, 390];
const languages = ['en', 'zh', 'both'];

describeRequires('chromium', 'the layout of the guides', () => {
  let browser: Browser;
  let folder: string;

  beforeAll(async () => {
    const found = findChromium();
    if ('missing' in found) throw new Error(found.missing);
    folder = await mkdtemp(join(tmpdir(), 'guide-layout-'));
    const own = join(folder, 'sample.ipynb');
    await writeNotebook(own, await sample());
    const notebooks = await selectNotebooks([source, own]);
    await writeSite(notebooks, join(folder, 'site'), await readIndex(join(packageRoot, 'notebooks')));
    const args = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
    browser = await chromium.launch({ executablePath: found.path, args });
  });
  afterAll(async () => {
    await browser?.close();
    await rm(folder, { recursive: true, force: true });
  });

  /** The page with every fold open and every figure drawn. */
  async function opened(file: string, width: number, colorScheme: 'light' | 'dark'): Promise<Page> {
    const page = await browser.newPage({ viewport: { width, height: 900 }, colorScheme });
    await page.goto(pathToFileURL(join(folder, 'site', file)).href);
    for (const figure of await page.locator('figure.plotly').all()) {
      await figure.evaluate((element) => {
        for (let at = element.closest('details'); at; at = at.parentElement?.closest('details') ?? null)
          at.open = true;
        element.scrollIntoView();
      });
      await figure.locator('.live svg.main-svg').first().waitFor();
    }
    await page.evaluate(() => {
      for (const details of document.querySelectorAll('main details'))
        (details as HTMLDetailsElement).open = true;
    });
    return page;
  }

  describe.each([...pages, 'sample.html', 'index.html'])('%s', (file) => {
    it.each(widths)('has nothing cut off at %d px', async (width) => {
      for (const colours of ['light', 'dark'] as const) {
        const page = await opened(file, width, colours);
        for (const language of languages) {
          await page.locator(`button[data-set-show=${language}]`).click();
          expect(await page.evaluate(cutOff), `${colours}, ${language}`).toEqual([]);
        }
        await page.close();
      }
    });
  });

  it.each(pages)('%s says nothing in the other language', async (file) => {
    const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
    await page.goto(pathToFileURL(join(folder, 'site', file)).href);
    const foreign = async (language: string) => {
      await page.locator(`button[data-set-show=${language}]`).click();
      return await page.evaluate(otherLanguage, language);
    };
    expect(await foreign('en')).toEqual([]);
    await page.close();
  });

  it('has its contents folded on a telephone, and open beside the text', async () => {
    for (const [width, open] of [
      [390, false],
      [1280, true],
    ] as const) {
      const page = await browser.newPage({ viewport: { width, height: 900 } });
      await page.goto(pathToFileURL(join(folder, 'site', pages[0]!)).href);
      expect(await page.locator('nav.contents ol').isVisible()).toBe(open);
      await page.close();
    }
  });

  it('prints its tables whole', async () => {
    const page = await browser.newPage({ viewport: { width: 720, height: 1000 } });
    await page.goto(pathToFileURL(join(folder, 'site', 'sample.html')).href);
    await page.emulateMedia({ media: 'print' });
    const wide = await page.evaluate(() =>
      [...document.querySelectorAll('main table')]
        .filter((table) => table.getBoundingClientRect().right > document.documentElement.clientWidth + 1)
        .map((table) => table.textContent?.slice(0, 60)),
    );
    expect(wide).toEqual([]);
    await page.close();
  });

  it('the measure sees what is cut off', async () => {
    const page = await browser.newPage({ viewport: { width: 390, height: 900 } });
    await page.setContent(
      '<p><span style="white-space:nowrap">a line that is much longer than the page is wide, and cannot be broken</span></p>' +
        '<div style="overflow:hidden;width:50px;white-space:nowrap">text that its box cuts off</div>' +
        '<div style="overflow:auto;white-space:nowrap">text that scrolls in a box of its own, however long it may come to be</div>',
    );
    expect((await page.evaluate(cutOff)).map((fault) => fault.split(' ')[0])).toEqual(
      ['page', 'outside', 'outside', 'clipped'].filter((_, index) => index !== 2),
    );
    await page.close();
  });
});

/** What a reader cannot get to see. Runs in the page. */
function cutOff(): string[] {
  const width = document.documentElement.clientWidth;
  const faults: string[] = [];
  const named = (element: Element) =>
    `${element.tagName.toLowerCase()}.${element.getAttribute('class') ?? ''} ${(element.textContent ?? '').trim().slice(0, 60)}`;
  const scrolls = (element: Element) => {
    for (let at = element.parentElement; at && at !== document.body; at = at.parentElement)
      if (/auto|scroll/.test(getComputedStyle(at).overflowX)) return true;
    return false;
  };
  const overflow = document.documentElement.scrollWidth;
  if (overflow > width) faults.push(`page scrolls sideways: ${overflow} px in ${width} px`);
  for (const element of document.querySelectorAll('body *')) {
    // Not for the eye: KaTeX's MathML, the link that appears on focus, the plotter's rulers.
    if (element.closest('.katex-mathml, .skip, script, style, #js-plotly-tester')) continue;
    const style = getComputedStyle(element);
    const box = element.getBoundingClientRect();
    if (style.visibility === 'hidden' || box.width === 0 || box.height === 0) continue;
    const inside = element.closest('.katex-html, svg');
    if ((box.right > width + 1 || box.left < -1) && !inside && !scrolls(element))
      faults.push(`outside ${named(element)}`);
    if (element.matches('.katex-html > .base') && box.right > width + 1 && !scrolls(element))
      faults.push(`outside formula ${named(element)}`);
    const clips = /hidden|clip/.test(style.overflowX) && style.textOverflow !== 'ellipsis';
    if (clips && !inside && element.scrollWidth > element.clientWidth + 1)
      faults.push(`clipped ${named(element)}`);
  }
  for (const figure of document.querySelectorAll('.live')) {
    const frame = figure.getBoundingClientRect();
    for (const text of figure.querySelectorAll('text')) {
      const box = text.getBoundingClientRect();
      if (
        box.width > 0 &&
        (box.left < frame.left - 1 || box.right > frame.right + 1 || box.top < frame.top - 1)
      )
        faults.push(`figure text outside ${text.textContent}`);
    }
    if (figure.querySelector('.modebar-group')) faults.push('a bar of buttons over a figure');
  }
  for (const count of document.querySelectorAll('.cell .count')) {
    const own = count.getBoundingClientRect();
    const code = count.nextElementSibling?.getBoundingClientRect();
    if (code && own.right > code.left + 1 && own.bottom > code.top + 1)
      faults.push(`counter on code ${count.textContent}`);
  }
  return faults;
}

/** Lines of prose in Chinese while English is chosen; code is the same in every language. Runs in the page. */
function otherLanguage(): string[] {
  const found: string[] = [];
  for (const element of document.querySelectorAll('body *')) {
    if (element.closest('pre, code, .group, script, style, .katex-mathml')) continue;
    if (!(element as HTMLElement).checkVisibility?.()) continue;
    for (const node of element.childNodes)
      if (node.nodeType === Node.TEXT_NODE && /\p{Script=Han}/u.test(node.textContent ?? ''))
        found.push(`${element.tagName} ${node.textContent?.trim().slice(0, 80)}`);
  }
  return found;
}
