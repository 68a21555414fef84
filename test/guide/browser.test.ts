/** The guides in a real browser, opened from files: with and without JavaScript, in both languages, in the dark. */
import { mkdirSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { writeSite } from '../../scripts/guide/site.js';
import { writeNotebook } from '../../scripts/notebook/write.js';
import { packageRoot } from '../../scripts/setup/part.js';
import { findChromium } from '../../scripts/setup/probe.js';
import { patienceMs } from '../support/patience.js';
import { describeRequires } from '../support/requires.js';
import { sample } from './fixture.js';

describeRequires('chromium', 'guides in Chromium', () => {
  let browser: Browser;
  let folder: string;

  beforeAll(async () => {
    const found = findChromium();
    if ('missing' in found) throw new Error(found.missing);
    folder = await mkdtemp(join(tmpdir(), 'guide-browser-'));
    const path = join(folder, 'sample.ipynb');
    await writeNotebook(path, await sample());
    await writeSite([{ path, name: 'sample.ipynb', place: 'sample.ipynb' }], join(folder, 'site'), []);
    const args = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
    browser = await chromium.launch({ executablePath: found.path, args });
  });
  afterAll(async () => {
    await browser?.close();
    await rm(folder, { recursive: true, force: true });
  });

  interface Opened {
    page: Page;
    /** Console errors and requests that left the folder of the site. */
    faults: string[];
  }

  async function open(file: string, options: BrowserContextOptions = {}): Promise<Opened> {
    const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
    const page = await context.newPage();
    page.setDefaultTimeout(patienceMs);
    const faults: string[] = [];
    const home = pathToFileURL(join(folder, 'site')).href;
    page.on('console', (message) => {
      if (message.type() === 'error' || message.type() === 'warning') faults.push(message.text());
    });
    page.on('pageerror', (error) => faults.push(error.message));
    page.on('request', (request) => {
      if (!request.url().startsWith(home) && !request.url().startsWith('data:'))
        faults.push(`request ${request.url()}`);
    });
    await page.goto(`${home}/${file}`);
    return { page, faults };
  }

  it('reads without JavaScript: text, formulas, figures, folded answers; no dead controls', async () => {
    const { page, faults } = await open('sample.html', { javaScriptEnabled: false });
    await expect.poll(() => page.locator('.still svg').isVisible()).toBe(true);
    expect(await page.locator('div[lang=en]').isVisible()).toBe(true);
    expect(await page.locator('div[lang=zh]').isVisible()).toBe(true);
    expect(await page.locator('.katex-html').count()).toBeGreaterThan(5);
    expect(await page.locator('.controls').isVisible()).toBe(false);
    await page.locator('main summary').last().click();
    expect(await page.getByText('Pairs:').isVisible()).toBe(true);
    expect(faults).toEqual([]);
  });

  it('draws its figures with Plotly where JavaScript is on, asking for nothing from outside', async () => {
    const { page, faults } = await open('sample.html');
    await page.locator('figure.plotly').scrollIntoViewIfNeeded();
    await page.locator('.live svg.main-svg').first().waitFor();
    expect(await page.locator('.still').isVisible()).toBe(false);
    expect(faults).toEqual([]);
    await keepScreenshot(page);
  });

  it('typesets with the fonts it carries', async () => {
    const { page } = await open('sample.html');
    const loaded = await page.evaluate(async () => {
      await document.fonts.ready;
      return [...document.fonts].filter((font) => font.status === 'loaded').map((font) => font.family);
    });
    expect(loaded).toContain('KaTeX_Main');
  });

  it('shows one language, or both, and remembers', async () => {
    const { page } = await open('sample.html');
    const visible = async () => [
      await page.locator('main div[lang=en]').isVisible(),
      await page.locator('main div[lang=zh]').isVisible(),
    ];
    expect(await visible()).toEqual([true, true]);
    await page.getByRole('button', { name: '中文', exact: true }).click();
    expect(await visible()).toEqual([false, true]);
    expect(await page.locator('h1').innerText()).toBe('旋转位置');
    await page.reload();
    expect(await visible()).toEqual([false, true]);
    await page.getByRole('button', { name: 'EN', exact: true }).click();
    expect(await visible()).toEqual([true, false]);
    expect(await page.getByRole('button', { name: 'EN', exact: true }).getAttribute('aria-pressed')).toBe(
      'true',
    );
  });

  it('is dark where the system is, or where the reader says so', async () => {
    const ground = (page: Page) => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    const { page: light } = await open('sample.html', { colorScheme: 'light' });
    const { page: dark } = await open('sample.html', { colorScheme: 'dark' });
    const [day, night] = [await ground(light), await ground(dark)];
    expect(day).not.toBe(night);
    await light.getByRole('button', { name: /dark colours/ }).click();
    expect(await ground(light)).toBe(night);
    await dark.getByRole('button', { name: /light colours/ }).click();
    expect(await ground(dark)).toBe(day);
  });

  it('keeps enough contrast in text and code, light and dark', async () => {
    for (const colorScheme of ['light', 'dark'] as const) {
      const { page } = await open('sample.html', { colorScheme });
      const poor = await page.evaluate(lowContrast);
      expect(poor, colorScheme).toEqual([]);
      // The measure itself must see a fault.
      await page.addStyleTag({ content: 'main p { color: #888 !important }' });
      expect(await page.evaluate(lowContrast)).not.toEqual([]);
    }
  });

  it('unfolds its answers for print', async () => {
    const { page } = await open('sample.html');
    await page.emulateMedia({ media: 'print' });
    const folded = page.locator('main details').last();
    await page.evaluate(() => window.dispatchEvent(new Event('beforeprint')));
    expect(await folded.getAttribute('open')).not.toBeNull();
    await page.evaluate(() => window.dispatchEvent(new Event('afterprint')));
    expect(await folded.getAttribute('open')).toBeNull();
    expect(await page.locator('header.bar').isVisible()).toBe(false);
  });

  it('finds sections from the index', async () => {
    const { page, faults } = await open('index.html');
    await page.getByLabel('Search / 搜索').fill('pairs');
    const result = page.locator('#kb-results a');
    await expect.poll(() => result.count()).toBe(1);
    await result.click();
    await page.waitForURL(/sample\.html#follow-ups/);
    expect(faults).toEqual([]);
  });

  it('fits a phone without scrolling sideways', async () => {
    const { page } = await open('sample.html', { viewport: { width: 380, height: 700 } });
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    expect(overflow).toBeLessThanOrEqual(0);
  });
});

/** Keeps the page as a picture; `UPDATE_SCREENSHOTS=1` also renews the one in the README, from the real guides. */
async function keepScreenshot(page: Page): Promise<void> {
  const folder = join(packageRoot, 'build', 'screenshots');
  mkdirSync(folder, { recursive: true });
  await page.evaluate(() => window.scrollTo(0, 0));
  await page.screenshot({ path: join(folder, 'guide.png') });
  if (process.env.UPDATE_SCREENSHOTS !== '1') return;
  const images = join(packageRoot, 'docs', 'images');
  mkdirSync(images, { recursive: true });
  await page.goto(pathToFileURL(join(packageRoot, 'build', 'guides', '02-rope.html')).href);
  const figure = page.locator('figure.plotly').first();
  await figure.evaluate((element) => element.scrollIntoView({ block: 'end' }));
  await figure.locator('.live svg.main-svg').first().waitFor();
  await page.screenshot({ path: join(images, 'guide.png') });
}

/** Texts whose contrast with their ground is below 4.5:1 (WCAG 2.1, 1.4.3). Runs in the page. */
function lowContrast(): string[] {
  const canvas = document.createElement('canvas').getContext('2d')!;
  const channels = (colour: string) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const luminance = (colour: number[]) => {
    const [r = 0, g = 0, b = 0] = colour.map((c) =>
      c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4,
    );
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = (element: Element | null): number[] => {
    for (let at = element; at; at = at.parentElement) {
      const colour = channels(getComputedStyle(at).backgroundColor);
      if ((colour[3] ?? 0) > 250) return colour;
    }
    return [255, 255, 255];
  };
  const poor: string[] = [];
  for (const element of document.querySelectorAll('main *, nav *, header *, footer *')) {
    const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent?.trim());
    if (!own || element.closest('svg, .katex, [hidden], script') || !(element as HTMLElement).offsetParent)
      continue;
    const [a, b] = [luminance(channels(getComputedStyle(element).color)), luminance(ground(element))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5)
      poor.push(
        `${ratio.toFixed(2)} ${element.tagName} ${element.className} ${element.textContent?.slice(0, 30)}`,
      );
  }
  return poor;
}
