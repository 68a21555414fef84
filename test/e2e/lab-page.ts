/** What a person does in JupyterLab, done in a headless browser: open a notebook, Run All, wait, look. */
import type { Browser, Locator, Page } from 'playwright-core';
import type { JupyterServer } from './jupyter-server.js';

export interface LabPage {
  page: Page;
  notebook: Locator;
  /** Addresses outside this machine that the page asked for. */
  foreignRequests: string[];
}

/** Opens a notebook of the server's root folder and waits until its kernel is idle. */
export async function openNotebook(browser: Browser, server: JupyterServer, name: string): Promise<LabPage> {
  const page = await browser.newPage({ viewport: { width: 1440, height: 1000 } });
  const foreignRequests: string[] = [];
  page.on('request', (request) => {
    const { protocol, hostname } = new URL(request.url());
    if (/^(http|ws)s?:$/.test(protocol) && hostname !== '127.0.0.1' && hostname !== 'localhost') {
      foreignRequests.push(request.url());
    }
  });
  await page.goto(`${server.url}lab/tree/${encodeURIComponent(name)}?token=${server.token}&reset`);
  const notebook = page.locator('.jp-NotebookPanel:not(.lm-mod-hidden)');
  await notebook.locator('.jp-Cell').first().waitFor({ timeout: 60_000 });
  await idle(notebook, 60_000);
  return { page, notebook, foreignRequests };
}

/** Waits until the notebook has a kernel and the kernel reports idle. */
export async function idle(notebook: Locator, timeout: number): Promise<void> {
  // Before its kernel has started a notebook shows the name "No Kernel" and an idle indicator.
  await notebook.locator('.jp-KernelName', { hasNotText: 'No Kernel' }).waitFor({ timeout });
  await notebook.locator('.jp-Notebook-ExecutionIndicator[data-status="idle"]').first().waitFor({ timeout });
}

/** Run > Run All Cells, then waits until every code cell has its number and the kernel is idle. */
export async function runAll({ page, notebook }: LabPage, timeout: number): Promise<void> {
  await page.getByRole('menuitem', { name: 'Run', exact: true }).click();
  await page.getByRole('menuitem', { name: 'Run All Cells', exact: true }).click();
  await page.waitForFunction(
    () => {
      const panel = document.querySelector('.jp-NotebookPanel:not(.lm-mod-hidden)');
      const prompts = [...(panel?.querySelectorAll('.jp-CodeCell .jp-InputPrompt') ?? [])];
      const running = prompts.some((prompt) => prompt.textContent?.includes('*'));
      // After an error the cells behind it stay without a number.
      const failed = panel?.querySelector('[data-mime-type="application/vnd.jupyter.error"]') !== null;
      const done = prompts.every((prompt) => /^\[\d+\]:$/.test(prompt.textContent ?? ''));
      return prompts.length > 0 && !running && (done || failed);
    },
    undefined,
    { timeout, polling: 250 },
  );
  await idle(notebook, timeout);
}

/** The texts of the error outputs, leaving out cells that are tagged to raise one. */
export async function errorOutputs(notebook: Locator): Promise<string[]> {
  return notebook.locator('[data-mime-type="application/vnd.jupyter.error"]').allInnerTexts();
}
