/** What a person does in JupyterLab, done in a headless browser: open a notebook, type, run cells, wait, look. */
import type { Browser, Locator, Page } from 'playwright-core';
import { patienceMs } from '../support/patience.js';
import type { JupyterServer } from './jupyter-server.js';

export class LabPage {
  readonly notebook: Locator;
  /** Addresses outside this machine that the page asked for. */
  readonly foreignRequests: string[] = [];
  /** What the page wrote to the browser's console. */
  readonly messages: string[] = [];

  private constructor(readonly page: Page) {
    this.notebook = page.locator('.jp-NotebookPanel:not(.lm-mod-hidden)');
    page.on('request', (request) => {
      const { protocol, hostname } = new URL(request.url());
      if (/^(http|ws)s?:$/.test(protocol) && hostname !== '127.0.0.1' && hostname !== 'localhost')
        this.foreignRequests.push(request.url());
    });
    page.on('console', (message) => this.messages.push(`${message.type()}: ${message.text()}`));
    page.on('pageerror', (error) => this.messages.push(`uncaught: ${error.message}`));
  }

  /** Opens a notebook of the server's root folder and waits until its kernel is idle. */
  static async open(browser: Browser, server: JupyterServer, name: string): Promise<LabPage> {
    const page = new LabPage(await browser.newPage({ viewport: { width: 1440, height: 1000 } }));
    page.page.setDefaultTimeout(patienceMs);
    await page.page.goto(`${server.url}lab/tree/${encodeURIComponent(name)}?token=${server.token}&reset`);
    await page.ready();
    return page;
  }

  /** Waits until the notebook is there and has an idle kernel. */
  async ready(): Promise<void> {
    await this.notebook.locator('.jp-Cell').first().waitFor();
    await this.idle();
  }

  async idle(timeout = patienceMs): Promise<void> {
    // Before its kernel has started a notebook shows the name "No Kernel" and an idle indicator.
    await this.notebook.locator('.jp-KernelName', { hasNotText: 'No Kernel' }).waitFor({ timeout });
    await this.notebook
      .locator('.jp-Notebook-ExecutionIndicator[data-status="idle"]')
      .first()
      .waitFor({ timeout });
  }

  cell(index: number): Locator {
    return this.notebook.locator('.jp-CodeCell').nth(index);
  }

  outputs(index: number): Locator {
    return this.cell(index).locator('.jp-OutputArea-output');
  }

  /** The number in front of a cell: `[3]:`, `[*]:` while it runs, `[ ]:` before. */
  prompt(index: number): Locator {
    return this.cell(index).locator('.jp-InputPrompt');
  }

  /** Replaces the text of a cell by typing. */
  async type(index: number, text: string): Promise<void> {
    await this.cell(index).locator('.cm-content').click();
    await this.page.keyboard.press('Control+a');
    await this.page.keyboard.type(text);
  }

  /** Runs a cell without waiting for its end. */
  async start(index: number): Promise<void> {
    await this.cell(index).locator('.cm-content').click();
    await this.page.keyboard.press('Control+Enter');
  }

  /** Runs a cell and waits for its number and an idle kernel. */
  async run(index: number): Promise<void> {
    const before = await this.prompt(index).textContent();
    await this.start(index);
    await this.finished(index, before);
  }

  /** Waits until a cell has a number that is not `before`. */
  async finished(index: number, before: string | null = null): Promise<void> {
    const cell = await this.cell(index).elementHandle();
    await this.page.waitForFunction(
      ([element, old]) => {
        const prompt = element?.querySelector('.jp-InputPrompt')?.textContent ?? '';
        return /^\[\d+\]:$/.test(prompt) && prompt !== old;
      },
      [cell, before] as const,
    );
    await this.idle();
  }

  /** Presses a button of the notebook's toolbar, by the name JupyterLab gives the item. */
  async press(item: 'interrupt' | 'restart' | 'restart-and-run' | 'save'): Promise<void> {
    await this.notebook.locator(`.jp-Toolbar-item[data-jp-item-name="${item}"]`).click();
  }

  /** Presses Save and waits until the server has written the file and the notebook has nothing unsaved. */
  async save(): Promise<void> {
    const written = this.page.waitForResponse(
      (response) => response.request().method() === 'PUT' && response.url().includes('/api/contents/'),
    );
    await this.press('save');
    await written;
    await this.page
      .locator('.lm-DockPanel-tabBar .lm-TabBar-tab.jp-mod-current:not(.jp-mod-dirty)')
      .waitFor();
  }

  /** Run > Run All Cells, then waits until every code cell has its number, or one failed, and the kernel is idle. */
  async runAll(timeout: number): Promise<void> {
    await this.page.getByRole('menuitem', { name: 'Run', exact: true }).click();
    await this.page.getByRole('menuitem', { name: 'Run All Cells', exact: true }).click();
    await this.page.waitForFunction(
      () => {
        const panel = document.querySelector('.jp-NotebookPanel:not(.lm-mod-hidden)');
        const prompts = [...(panel?.querySelectorAll('.jp-CodeCell .jp-InputPrompt') ?? [])];
        const texts = prompts.map((prompt) => prompt.textContent ?? '');
        // After an error the cells behind it stay without a number.
        const started = texts.some((text) => /^\[\d+\]:$/.test(text));
        return started && !texts.some((text) => text.includes('*'));
      },
      undefined,
      { timeout, polling: 250 },
    );
    await this.idle(timeout);
  }

  /** The errors among the outputs of the notebook's model: what is drawn does not tell them from stderr. */
  async errors(): Promise<string[]> {
    return await this.page.evaluate(() => {
      const { shell } = (window as unknown as { jupyterapp: LabApp }).jupyterapp;
      const { cells } = shell.currentWidget.content.model.toJSON();
      return cells
        .flatMap(({ outputs = [] }) => outputs)
        .filter(({ output_type }) => output_type === 'error')
        .map(({ ename, evalue }) => `${ename}: ${evalue}`);
    });
  }
}

/** As much of JupyterLab's application object as the tests use. */
interface LabApp {
  shell: { currentWidget: { content: { model: { toJSON(): { cells: { outputs?: Output[] }[] } } } } };
}

interface Output {
  output_type: string;
  ename?: string;
  evalue?: string;
}
