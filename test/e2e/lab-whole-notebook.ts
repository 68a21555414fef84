/** The first notebook in JupyterLab: opened, run whole, looked at and saved. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { keepScreenshot, type Lab, minutes } from './lab.js';
import type { LabPage } from './lab-page.js';
import { mainNotebook } from './workspace.js';

export function wholeNotebook(lab: () => Lab): void {
  describe('the first notebook', () => {
    const name = path.basename(mainNotebook());
    let page: LabPage;
    beforeAll(async () => {
      page = await lab().open(name);
    }, 2 * minutes);
    afterAll(() => lab().close(page));

    it('opens with our kernel', async () => {
      expect(await page.notebook.locator('.jp-KernelName').textContent()).toContain('kernelbook');
    });

    it(
      'runs whole, without an error output',
      async () => {
        await page.runAll(5 * minutes);
        expect(await page.errors()).toEqual([]);
        expect(await page.notebook.locator('.jp-CodeCell .jp-InputPrompt').allTextContents()).toEqual(
          codeCells(mainNotebook()).map((_, index) => `[${index + 1}]:`),
        );
      },
      6 * minutes,
    );

    it(
      'shows every figure drawn by Plotly, and every verification passed',
      async () => {
        const figures = page.notebook.locator('.jp-OutputArea-output svg.main-svg');
        await figures.first().waitFor({ state: 'attached' });
        expect(await figures.count()).toBeGreaterThan(0);
        const verdicts = await page.notebook.locator('.kernelbook-verify').allTextContents();
        expect(verdicts.length).toBeGreaterThan(0);
        expect(verdicts.filter((verdict) => !verdict.includes('✓') || verdict.includes('✗'))).toEqual([]);
        await page.notebook
          .locator('.jp-OutputArea-output:has(svg.main-svg)')
          .first()
          .evaluate((element) => element.scrollIntoView({ block: 'end' }));
        await keepScreenshot(page.page, 'jupyterlab.png');
      },
      2 * minutes,
    );

    it(
      'has figures that answer the mouse',
      async () => {
        const figure = page.notebook.locator('.js-plotly-plot').first();
        await figure.locator('.nsewdrag').first().hover();
        await figure.locator('.hoverlayer .hovertext').first().waitFor({ state: 'attached' });
      },
      2 * minutes,
    );

    it('asks for nothing outside this machine', () => {
      expect(page.foreignRequests).toEqual([]);
    });

    it(
      'saves what it shows',
      async () => {
        await page.save();
        const saved = codeCells(path.join(lab().workspace.folder, name));
        expect(saved.every((cell) => cell.execution_count !== null)).toBe(true);
        expect(saved.some(({ outputs }) => outputs.length > 0)).toBe(true);
      },
      minutes,
    );
  });
}

function codeCells(file: string): { execution_count: number | null; outputs: unknown[] }[] {
  const { cells } = JSON.parse(readFileSync(file, 'utf8')) as { cells: { cell_type: string }[] };
  return cells.filter((cell) => cell.cell_type === 'code') as unknown as ReturnType<typeof codeCells>;
}
