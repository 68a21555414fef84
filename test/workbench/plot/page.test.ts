/**
 * The figure in a real page: Plotly, which a Jupyter server has beside the kernelspec, draws it whatever the order of
 * the outputs, with RequireJS about, in a dark theme; where there is no server, or no script runs, the static image is
 * there; and no output carries the library.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { findChromium } from '../../../scripts/setup/probe.js';
import { type Figure, plot, plotlyMimeType } from '../../../src/workbench/plot/index.js';
import { libraryFile, packedLibrary } from '../../../src/workbench/plot/library.js';
import { patienceMs } from '../../support/patience.js';
import { describeRequires } from '../../support/requires.js';

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

  test('carries no library: a notebook of figures stays small', () => {
    for (let i = 0; i < 2; i++) expect(JSON.stringify(wave.toMimeBundle()).length).toBeLessThan(40_000);
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

  const origin = 'http://127.0.0.1:8888';

  /** A page of a Jupyter server below `/user/me/`, or one without a server behind it. */
  async function open(
    body: string,
    { served = true, ...options }: { served?: boolean; javaScriptEnabled?: boolean } = {},
  ): Promise<Visit> {
    const page = await (await browser.newContext(options)).newPage();
    page.setDefaultTimeout(patienceMs);
    const visit: Visit = { page, complaints: [], requests: [] };
    page.on('pageerror', (error) => visit.complaints.push(error.message));
    page.on('console', (line) => line.type() === 'error' && visit.complaints.push(line.text()));
    page.on('request', (request) => {
      if (!/^(file|data|blob):/.test(request.url())) visit.requests.push(request.url().replace(origin, ''));
    });
    const settings =
      '<script id="jupyter-config-data" type="application/json">{"baseUrl":"/user/me/"}</script>';
    const html = `<!doctype html><meta charset="utf-8">${served ? settings : ''}${body}`;
    if (!served) {
      const file = join(folder, `${Math.random()}.html`);
      await writeFile(file, html);
      await page.goto(pathToFileURL(file).href);
      return visit;
    }
    const answers: Record<string, { contentType: string; body: string | Buffer }> = {
      '/user/me/lab': { contentType: 'text/html', body: html },
      '/user/me/api/kernelspecs': {
        contentType: 'application/json',
        body: JSON.stringify({
          kernelspecs: {
            python3: { spec: { metadata: {} } },
            'my-typescript': { spec: { metadata: { kernelbook: { files: [libraryFile()] } } } },
          },
        }),
      },
      [`/user/me/kernelspecs/my-typescript/${libraryFile()}`]: {
        contentType: 'application/gzip',
        body: await packedLibrary(),
      },
    };
    await page.route(`${origin}/**`, (route) => {
      const answer = answers[new URL(route.request().url()).pathname];
      return answer ? route.fulfill(answer) : route.fulfill({ status: 404 });
    });
    await page.goto(`${origin}/user/me/lab`);
    return visit;
  }

  const drawn = '.kernelbook-figure .main-svg';

  test('two figures are drawn, silently, the library asked for once; markup in the data stays text', async () => {
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
    expect(complaints).toEqual([]);
    expect(requests).toEqual([
      '/user/me/lab',
      '/user/me/api/kernelspecs',
      `/user/me/kernelspecs/my-typescript/${libraryFile()}`,
    ]);
  });

  test('Plotly draws every kind of figure without a complaint', async () => {
    const figures = [
      plot.line({ x: [0, 5], y: [1, 2] }, { xCategories: true }),
      plot.bar([1, 2]),
      plot.heatmap([[0.1, 0.9]]),
      plot.heatmap([[0.1, 0.9]], { x: ['left', 'right'] }),
      plot.heatmap(Array.from({ length: 50 }, () => new Float32Array(50))),
      plot.heatmap([]),
      plot.points({ one: [1, 2, 3], other: [2] }),
      plot.figure([]),
    ];
    const { page, complaints } = await open((await Promise.all(figures.map(html))).join(''));
    await page.waitForFunction(() =>
      [...document.querySelectorAll('.kernelbook-figure')].every((one) =>
        one.querySelector('.js-plotly-plot'),
      ),
    );
    expect(complaints).toEqual([]);
  });

  test('a hidden figure is drawn when it is shown, as wide as its place', async () => {
    const folded = `<details style="width:700px"><summary>fold</summary>${await html(wave)}</details>`;
    const { page, complaints } = await open(folded + (await html(plot.bar([1, 2]))));
    await page.waitForSelector(`details ~ ${drawn}`);
    expect(await page.locator('details .main-svg').count()).toBe(0);
    await page.click('summary');
    await page.waitForSelector('details .main-svg');
    expect(await page.locator('details .main-svg').first().getAttribute('width')).toBe('700');
    expect(complaints).toEqual([]);
  });

  test('a page with RequireJS draws its figures too', async () => {
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

  test('without a server the static image stays, and nothing is asked', async () => {
    const { page, complaints, requests } = await open(await html(wave), { served: false });
    const image = page.locator('.kernelbook-figure img');
    expect(await image.isVisible()).toBe(true);
    expect(await image.evaluate((element: HTMLImageElement) => element.naturalWidth)).toBe(600);
    expect({ complaints, requests }).toEqual({ complaints: [], requests: [] });
  }, 60_000);

  test('a diagram is set into the page, in its colours and its language', async () => {
    const diagram = plot.diagram.flow({
      title: 'One step / 一步',
      blocks: { x: {}, y: {} },
      arrows: [['x', 'y']],
    });
    const body = `<style>:root{--jp-content-font-color0:rgb(1, 2, 3)}</style>${diagram.toMimeBundle()['text/html']}`;
    const { page, complaints } = await open(body, { served: false });
    const title = page.locator('svg .kb-title').first();
    expect(await title.evaluate((element) => getComputedStyle(element).fill)).toBe('rgb(1, 2, 3)');
    await page.evaluate(() => document.documentElement.setAttribute('data-show', 'zh'));
    expect(await page.locator('svg .kb-title[lang=en]').isVisible()).toBe(false);
    expect(await page.locator('svg .kb-title[lang=zh]').isVisible()).toBe(true);
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
});
