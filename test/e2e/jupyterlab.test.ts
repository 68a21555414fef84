/** The first notebook in real JupyterLab, in a real browser, with our kernel: opened, run whole, and looked at. */
import { copyFileSync, mkdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { type Browser, chromium } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { packageRoot } from '../../scripts/setup/part.js';
import { findChromium } from '../../scripts/setup/probe.js';
import { describeRequires } from '../support/requires.js';
import { type JupyterServer, startJupyterLab } from './jupyter-server.js';
import { errorOutputs, type LabPage, openNotebook, runAll } from './lab-page.js';
import { mainNotebook, makeWorkspace, processesLeft, type Workspace } from './workspace.js';

const minutes = 60_000;

describeRequires(['venv', 'chromium', 'kernelspec'], 'a notebook in JupyterLab', () => {
  const notebook = mainNotebook();
  let workspace: Workspace;
  let server: JupyterServer;
  let browser: Browser;
  let lab: LabPage;

  beforeAll(async () => {
    workspace = makeWorkspace([notebook]);
    const found = findChromium();
    if ('missing' in found) throw new Error(found.missing);
    [server, browser] = await Promise.all([
      startJupyterLab(workspace),
      chromium.launch({ executablePath: found.path, args: process.getuid?.() === 0 ? ['--no-sandbox'] : [] }),
    ]);
  }, 2 * minutes);

  afterAll(async () => {
    await browser?.close();
    await server?.stop();
    workspace?.remove();
  }, minutes);

  it(
    'opens with our kernel',
    async () => {
      lab = await openNotebook(browser, server, path.basename(notebook));
      const kernel = lab.notebook.locator('.jp-KernelName');
      expect(await kernel.textContent()).toContain('kernelbook');
    },
    2 * minutes,
  );

  it(
    'runs whole, without an error output',
    async () => {
      await runAll(lab, 5 * minutes);
      expect(await errorOutputs(lab.notebook)).toEqual([]);
    },
    6 * minutes,
  );

  it(
    'shows every figure drawn by Plotly, and every verification passed',
    async () => {
      const figures = lab.notebook.locator('.jp-OutputArea-output svg.main-svg');
      await figures.first().waitFor({ state: 'attached', timeout: minutes });
      expect(await figures.count()).toBeGreaterThan(0);
      const verdicts = await lab.notebook.locator('.kernelbook-verify').allTextContents();
      expect(verdicts.length).toBeGreaterThan(0);
      expect(verdicts.filter((verdict) => !verdict.includes('✓ pass'))).toEqual([]);
      await keepScreenshot(lab);
    },
    2 * minutes,
  );

  it('asks for nothing outside this machine', () => {
    expect(lab.foreignRequests).toEqual([]);
  });

  it(
    'saves what it shows',
    async () => {
      await lab.page.keyboard.press('Control+s');
      const file = path.join(workspace.folder, path.basename(notebook));
      await expect
        .poll(() => codeCells(file).every((cell) => cell.execution_count !== null), { timeout: 30_000 })
        .toBe(true);
      expect(codeCells(file).some(({ outputs }) => outputs.length > 0)).toBe(true);
    },
    minutes,
  );

  it(
    'leaves no process behind',
    async () => {
      await browser.close();
      await server.stop();
      expect(await processesLeft(workspace.folder, 20)).toEqual([]);
      expect(await processesLeft(workspace.runtime, 5)).toEqual([]);
    },
    minutes,
  );
});

function codeCells(file: string): { execution_count: number | null; outputs: unknown[] }[] {
  const { cells } = JSON.parse(readFileSync(file, 'utf8')) as { cells: { cell_type: string }[] };
  return cells.filter((cell) => cell.cell_type === 'code') as unknown as ReturnType<typeof codeCells>;
}

/** A picture of the first figure in its surroundings; `UPDATE_SCREENSHOTS=1` also renews the one in the README. */
async function keepScreenshot({ page, notebook }: LabPage): Promise<void> {
  const folder = path.join(packageRoot, 'build', 'screenshots');
  mkdirSync(folder, { recursive: true });
  const figure = notebook.locator('.jp-OutputArea-output:has(svg.main-svg)').first();
  await figure.evaluate((element) => element.scrollIntoView({ block: 'end' }));
  const file = path.join(folder, 'jupyterlab.png');
  await page.screenshot({ path: file });
  if (process.env.UPDATE_SCREENSHOTS !== '1') return;
  const images = path.join(packageRoot, 'docs', 'images');
  mkdirSync(images, { recursive: true });
  copyFileSync(file, path.join(images, 'jupyterlab.png'));
}
