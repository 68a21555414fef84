/**
 * The figure in a real page: Plotly draws it from what the output carries, whatever the order of the outputs, with
 * RequireJS about, in a dark theme, without a network; and where no script runs the static image is there.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { findChromium } from '../../../scripts/setup/probe.js';
import { type Figure, plot, plotlyMimeType } from '../../../src/workbench/plot/index.js';
import { forgetLibrary, packedLibrary } from '../../../src/workbench/plot/library.js';
import { patienceMs } from '../../support/patience.js';
import { describeRequires } from '../../support/requires.js';

beforeEach(forgetLibrary);

const html = async (figure: Figure) => String((await figure.toMimeBundle())['text/html']);
const wave = plot.line(
  [
    { name: 'sine', y: Float32Array.from({ length: 50 }, (_, i) => Math.sin(i / 5)) },
    { name: '余弦', y: Float32Array.from({ length: 50 }, (_, i) => Math.cos(i / 5)) },
  ],
  { title: 'Waves </script><script>window.broken = 1</script>', xLabel: 'step' },
);

describe('the bundle', () => {
  test('has every form, and its JSON is plain', async () => {
    const bundle = await wave.toMimeBundle();
    expect(Object.keys(bundle)).toEqual(['text/plain', 'text/html', 'image/svg+xml', plotlyMimeType]);
    const json = bundle[plotlyMimeType] as { data: { y: number[] }[]; layout: object };
    expect(JSON.parse(JSON.stringify(json))).toEqual(json);
    expect(json.data[0]!.y[1]).toBeCloseTo(Math.sin(0.2), 6);
    expect(bundle['text/plain']).toContain('sine: 50 points');
  });

  test('the library comes with the first figure only', async () => {
    const [first, second] = [await html(wave), await html(wave)];
    expect(first.length).toBeGreaterThan(1_000_000);
    expect(second.length).toBeLessThan(30_000);
  });

  test('the packed library is Plotly, minified', async () => {
    const code = gunzipSync(await packedLibrary()).toString();
    expect(code).toContain('newPlot');
    expect(code.length).toBeLessThan(6_000_000);
  });
});

describeRequires('chromium', 'in Chromium', () => {
  let browser: Browser;
  let folder: string;

  beforeAll(async () => {
    const found = findChromium();
    if ('missing' in found) throw new Error(found.missing);
    const args = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
    browser = await chromium.launch({ executablePath: found.path, args });
    folder = await mkdtemp(join(tmpdir(), 'kernelbook-plot-'));
  });
  afterAll(async () => {
    await browser?.close();
    await rm(folder, { recursive: true, force: true });
  });

  interface Visit {
    page: Page;
    complaints: string[];
    requests: string[];
  }

  async function open(body: string, options: { javaScriptEnabled?: boolean } = {}): Promise<Visit> {
    const file = join(folder, `${Math.random()}.html`);
    await writeFile(file, `<!doctype html><meta charset="utf-8">${body}`);
    const page = await (await browser.newContext(options)).newPage();
    page.setDefaultTimeout(patienceMs);
    const visit: Visit = { page, complaints: [], requests: [] };
    page.on('pageerror', (error) => visit.complaints.push(error.message));
    page.on('console', (line) => line.type() === 'error' && visit.complaints.push(line.text()));
    page.on('request', (request) => {
      if (!/^(file|data|blob):/.test(request.url())) visit.requests.push(request.url());
    });
    await page.goto(pathToFileURL(file).href);
    return visit;
  }

  const drawn = '.kernelbook-figure .main-svg';

  test('two figures are drawn, silently and offline; markup in the data stays text', async () => {
    const { page, complaints, requests } = await open((await html(wave)) + (await html(plot.bar([1, 2]))));
    await page.waitForFunction((selector) => {
      const figures = [...document.querySelectorAll('.kernelbook-figure')];
      return figures.length === 2 && figures.every((figure) => figure.querySelector(selector.split(' ')[1]!));
    }, drawn);
    expect(await page.locator('.kernelbook-figure img').first().isVisible()).toBe(false);
    expect(await page.locator('.scatterlayer path.js-line').count()).toBe(2);
    expect(await page.evaluate(() => 'broken' in window)).toBe(false);
    const buttons = await page
      .locator('.modebar-btn')
      .evaluateAll((all) => all.map((one) => one.getAttribute('data-title')));
    expect(buttons).toContain('Download plot as a PNG');
    expect(buttons.filter((title) => /share|cloud|upload/i.test(title ?? ''))).toEqual([]);
    expect({ complaints, requests }).toEqual({ complaints: [], requests: [] });
  });

  test('a figure that stands before the library waits for it, with RequireJS in the page', async () => {
    const first = await html(wave);
    const second = await html(plot.scatter([1, 2]));
    const amd = '<script>window.define = () => { window.caught = true; }; window.define.amd = {};</script>';
    const { page, complaints } = await open(`${amd}<div id="early">${second}</div>${first}`);
    await page.waitForSelector('#early .main-svg');
    expect(await page.evaluate(() => 'caught' in window)).toBe(false);
    expect(complaints).toEqual([]);
  });

  test('outputs attached later are drawn too, as JupyterLab does it', async () => {
    const { page, complaints } = await open('<div id="cell"></div>');
    // JupyterLab sets innerHTML and then replaces each script by a new one, so that it runs.
    await page.evaluate(
      (markup) => {
        const cell = document.querySelector('#cell')!;
        cell.innerHTML = markup;
        for (const old of cell.querySelectorAll('script')) {
          const script = document.createElement('script');
          for (const { name, value } of old.attributes) script.setAttribute(name, value);
          script.textContent = old.textContent;
          old.replaceWith(script);
        }
      },
      await html(wave),
    );
    await page.waitForSelector('#cell .main-svg');
    expect(complaints).toEqual([]);
  });

  test('without the library the static image stays', async () => {
    await html(wave);
    const { page, complaints } = await open(await html(wave));
    await page.waitForTimeout(300);
    const image = page.locator('.kernelbook-figure img');
    expect(await image.isVisible()).toBe(true);
    expect(await image.evaluate((element: HTMLImageElement) => element.naturalWidth)).toBe(760);
    expect(complaints).toEqual([]);
  });

  test('without JavaScript the static image is shown', async () => {
    const { page } = await open(await html(wave), { javaScriptEnabled: false });
    expect(await page.locator('.kernelbook-figure img').isVisible()).toBe(true);
    expect(await page.locator('.main-svg').count()).toBe(0);
  });

  test('the figure takes the ink of a dark page', async () => {
    const { page } = await open(`<body style="background:#111;color:rgb(230, 232, 235)">${await html(wave)}`);
    await page.waitForSelector(drawn);
    const fill = await page.locator('.gtitle').evaluate((element) => getComputedStyle(element).fill);
    expect(fill).toBe('rgb(230, 232, 235)');
  });

  test('from a server, the browser keeps the library for figures that come without it', async () => {
    const context = await browser.newContext();
    const page = await context.newPage();
    page.setDefaultTimeout(patienceMs);
    const [carrier, plain] = [await html(wave), await html(wave)];
    await context.route('http://localhost/**', (route) =>
      route.fulfill({
        contentType: 'text/html; charset=utf-8',
        body: route.request().url().endsWith('first') ? carrier : plain,
      }),
    );
    await page.goto('http://localhost/first');
    await page.waitForSelector(drawn);
    await page.goto('http://localhost/second');
    await page.waitForSelector(drawn);
    await context.close();
  });
});
