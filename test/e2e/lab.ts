/**
 * One JupyterLab and one browser for all the end-to-end tests of a file. When a test fails, what its pages looked like and
 * what they and the server said is printed.
 */
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { type Browser, chromium, type Locator, type Page } from 'playwright-core';
import { packageRoot } from '../../scripts/setup/part.js';
import { findChromium } from '../../scripts/setup/probe.js';
import { type JupyterServer, startJupyterLab } from './jupyter-server.js';
import { LabPage } from './lab-page.js';
import { makeWorkspace, type Workspace } from './workspace.js';

export const minutes = 60_000;
const loggedLines = 40;

export class Lab {
  readonly pages: LabPage[] = [];

  private constructor(
    readonly workspace: Workspace,
    readonly server: JupyterServer,
    readonly browser: Browser,
  ) {}

  static async start(notebooks: string[]): Promise<Lab> {
    const found = findChromium();
    if ('missing' in found) throw new Error(found.missing);
    const workspace = makeWorkspace(notebooks);
    const [server, browser] = await Promise.all([
      startJupyterLab(workspace),
      chromium.launch({ executablePath: found.path, args: process.getuid?.() === 0 ? ['--no-sandbox'] : [] }),
    ]);
    return new Lab(workspace, server, browser);
  }

  /** Opens a notebook of the workspace in a page of its own. */
  async open(name: string): Promise<LabPage> {
    const page = await LabPage.open(this.browser, this.server, name);
    this.pages.push(page);
    return page;
  }

  /** Writes a notebook with these code cells and opens it. */
  async openCells(name: string, cells: readonly string[]): Promise<LabPage> {
    const notebook = {
      nbformat: 4,
      nbformat_minor: 5,
      metadata: { kernelspec: { name: 'kernelbook', display_name: 'kernelbook', language: 'typescript' } },
      cells: cells.map((source, index) => ({
        cell_type: 'code',
        id: `cell-${index}`,
        metadata: {},
        execution_count: null,
        outputs: [],
        source,
      })),
    };
    writeFileSync(path.join(this.workspace.folder, name), JSON.stringify(notebook));
    return await this.open(name);
  }

  async close(page: LabPage): Promise<void> {
    this.pages.splice(this.pages.indexOf(page), 1);
    await page.page.close();
  }

  /** Prints what is known about a test that failed. */
  async explain(test: string): Promise<void> {
    for (const [index, { page, messages }] of this.pages.entries()) {
      const file = screenshotFile(`failed ${test} ${index + 1}.png`.replaceAll(/[^\w.-]+/g, '-'));
      const shot = await page.screenshot({ path: file }).then(
        () => file,
        (error: Error) => `none (${error.message})`,
      );
      console.error(`${test}: screenshot ${shot}; the page at ${page.url()} said:`);
      console.error(messages.slice(-loggedLines).join('\n'));
    }
    console.error(
      `${test}: the server said:\n${this.server.log().split('\n').slice(-loggedLines).join('\n')}`,
    );
  }

  async stop(): Promise<void> {
    await this.browser.close();
    await this.server.stop();
  }
}

function screenshotFile(name: string): string {
  const folder = path.join(packageRoot, 'build', 'screenshots');
  mkdirSync(folder, { recursive: true });
  return path.join(folder, name);
}

/** A picture of a page or a part of it; `UPDATE_SCREENSHOTS=1` also renews the one in docs/images. */
export async function keepScreenshot(of: Page | Locator, name: string): Promise<void> {
  const file = screenshotFile(name);
  await of.screenshot({ path: file });
  if (process.env.UPDATE_SCREENSHOTS !== '1') return;
  const images = path.join(packageRoot, 'docs', 'images');
  mkdirSync(images, { recursive: true });
  copyFileSync(file, path.join(images, name));
}
