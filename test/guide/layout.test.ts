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
import { afterAll, beforeAll, expect, it } from 'vitest';
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

  async function open(file: string, width: number): Promise<Page> {
    const page = await browser.newPage({ viewport: { width, height: 900 } });
    await page.goto(pathToFileURL(join(folder, 'site', file)).href);
    return page;
  }

  /** Opens every fold, and waits until every figure is drawn. */
  async function unfold(page: Page): Promise<void> {
    await page.evaluate(() => {
      for (const details of document.querySelectorAll('details')) details.open = true;
    });
    for (const figure of await page.locator('figure.plotly').all()) {
      await figure.scrollIntoViewIfNeeded();
      await figure.locator('.live svg.main-svg').first().waitFor();
    }
  }
  const press = (page: Page, kind: string, value: string) =>
    page.locator(`button[data-set-${kind}=${value}]`).click();

  it.each([...pages, 'sample.html', 'index.html'])('%s has nothing cut off', async (file) => {
    const page = await open(file, 1280);
    await unfold(page);
    for (const width of widths) {
      await page.setViewportSize({ width, height: 900 });
      for (const language of languages) {
        await press(page, 'show', language);
        const colours = language === 'both' ? ['light', 'dark'] : ['light'];
        for (const theme of colours) {
          await press(page, 'theme', theme);
          await settled(page);
          expect(await page.evaluate(cutOff), `${width} px, ${language}, ${theme}`).toEqual([]);
        }
      }
    }
    await page.close();
  });

  it.each(pages)('%s says nothing in the other language', async (file) => {
    const page = await open(file, 1280);
    await press(page, 'show', 'en');
    await unfold(page);
    await settled(page);
    expect(await page.evaluate(otherLanguage)).toEqual([]);
    await page.close();
  });

  it('has its contents folded on a telephone, and open beside the text', async () => {
    for (const [width, isOpen] of [
      [390, false],
      [1280, true],
    ] as const) {
      const page = await open(pages[0]!, width);
      expect(await page.locator('nav.contents ol').isVisible()).toBe(isOpen);
      await page.close();
    }
  });

  it('prints its tables whole', async () => {
    const page = await open('sample.html', 720);
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
    expect((await page.evaluate(cutOff)).map((fault) => fault.split(' ')[0])).toEqual([
      'page',
      'outside',
      'clipped',
    ]);
    await page.close();
  });
});

/** Figures are drawn again after a change of width, language or colours; until two frames are alike they still move. */
async function settled(page: Page): Promise<void> {
  let before = '';
  for (;;) {
    const now = await page.evaluate(
      () =>
        new Promise<string>((resolve) =>
          requestAnimationFrame(() =>
            setTimeout(() => {
              const boxes = [...document.querySelectorAll('.live, .live text')].map((one) => {
                const { left, width, height } = one.getBoundingClientRect();
                return [left, width, height].map(Math.round).join();
              });
              resolve(`${document.documentElement.scrollHeight} ${boxes.join(' ')}`);
            }, 100),
          ),
        ),
    );
    if (now === before) return;
    before = now;
  }
}

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
  // Not for the eye: the link that appears on focus, the plotter's rulers. Of formulas and drawings the frame counts.
  const seen = 'body *:not(.katex *, svg, svg *, .skip, .skip *, script, style), .katex-html > .base';
  for (const element of document.querySelectorAll(seen)) {
    const style = getComputedStyle(element);
    const box = element.getBoundingClientRect();
    if (style.visibility === 'hidden' || box.width === 0 || box.height === 0) continue;
    if ((box.right > width + 1 || box.left < -1) && !scrolls(element))
      faults.push(`outside ${named(element)}`);
    const clips = /hidden|clip/.test(style.overflowX) && style.textOverflow !== 'ellipsis';
    if (clips && element.scrollWidth > element.clientWidth + 1) faults.push(`clipped ${named(element)}`);
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
