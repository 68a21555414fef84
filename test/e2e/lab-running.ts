/** Running cells in JupyterLab: input, outputs that change, interrupt, restart, and a kernel that dies. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Lab, minutes } from './lab.js';
import type { LabPage } from './lab-page.js';

const cells = {
  total: 'let total = 1; total',
  more: 'total += 1',
  name: "const name = await input('Your name? '); ['Hello', name].join(', ')",
  secret: "const secret = await input('Secret? ', { password: true }); [...secret].reverse().join('')",
  progress: "await display({ done: 0 }, { displayId: 'progress' });",
  update: "for (const done of [50, 100]) await display({ done }, { displayId: 'progress', update: true });",
  endless: "console.log('begins'); for (;;) {}",
  scratch: '',
  death: "process.kill(process.pid, 'SIGKILL');",
};
type Name = keyof typeof cells;
const at = (name: Name): number => Object.keys(cells).indexOf(name);

export function running(lab: () => Lab): void {
  describe('running cells', () => {
    let page: LabPage;
    const run = (name: Name) => page.run(at(name));
    const shown = (name: Name) => page.outputs(at(name)).allInnerTexts();
    beforeAll(async () => {
      page = await lab().openCells('running.ipynb', Object.values(cells));
      await run('total');
    }, 2 * minutes);
    afterAll(() => lab().close(page));

    /** Runs a cell that asks, looks at its box, types an answer. */
    const answer = async (name: Name, prompt: string, kind: string | null, value: string) => {
      await page.start(at(name));
      const box = page.cell(at(name)).locator('.jp-Stdin-input');
      await box.waitFor();
      expect(await page.cell(at(name)).locator('.jp-Stdin-prompt').innerText()).toBe(prompt);
      expect(await box.getAttribute('type')).toBe(kind);
      await box.click();
      await page.page.keyboard.type(value);
      await page.page.keyboard.press('Enter');
      await page.finished(at(name));
    };

    it(
      'input() asks in a box below the cell, and what is typed reaches the cell',
      async () => {
        await answer('name', 'Your name? ', null, 'Ada');
        expect((await shown('name')).join('\n')).toMatch(/Your name\?\s+Ada\n+'Hello, Ada'/);
      },
      2 * minutes,
    );

    it(
      'a password is hidden while it is typed and afterwards',
      async () => {
        await answer('secret', 'Secret? ', 'password', 'xyzzy');
        expect((await shown('secret')).join('\n')).toContain("'yzzyx'");
        expect(await page.cell(at('secret')).innerText()).not.toContain('xyzzy');
      },
      2 * minutes,
    );

    it(
      'a display is updated in place, by a later cell too',
      async () => {
        await run('progress');
        expect(await shown('progress')).toEqual(['{ done: 0 }']);
        await run('update');
        await expect.poll(() => shown('progress')).toEqual(['{ done: 100 }']);
        expect(await shown('update')).toEqual([]);
      },
      2 * minutes,
    );

    it(
      'during an endless loop completion works; the interrupt button stops it, and the next cell runs',
      async () => {
        await page.start(at('endless'));
        await page.outputs(at('endless')).getByText('begins').waitFor();
        await page.type(at('scratch'), 'total.toFix');
        await page.page.keyboard.press('Tab');
        const item = page.page.locator('.jp-Completer:visible .jp-Completer-item', { hasText: 'toFixed' });
        await item.click();
        await page.cell(at('scratch')).locator('.cm-content').getByText('total.toFixed').waitFor();
        expect(await page.prompt(at('endless')).textContent()).toBe('[*]:');
        await page.press('interrupt');
        await page.finished(at('endless'));
        expect((await shown('endless')).join('\n')).toContain('KeyboardInterrupt');
        await run('more');
        expect(await shown('more')).toEqual(['2']);
      },
      2 * minutes,
    );

    it(
      'a kernel that dies is announced and started again, with nothing left of its cells',
      async () => {
        await page.start(at('death'));
        const dialog = page.page.locator('.jp-Dialog', { hasText: 'appears to have died' });
        await dialog.waitFor();
        expect(await dialog.innerText()).toContain('It will restart automatically');
        await dialog.getByRole('button', { name: 'Ok' }).click();
        await page.idle();
        await run('more');
        expect((await shown('more')).join('\n')).toContain("Cannot find name 'total'");
        await run('total');
        expect(await page.prompt(at('total')).textContent()).toBe('[2]:');
      },
      2 * minutes,
    );
  });

  describe('restart and run all', () => {
    it(
      'asks, then runs every cell in a new kernel, counting from one',
      async () => {
        const page = await lab().openCells('restart.ipynb', [cells.total, cells.more]);
        await page.run(0);
        await page.run(1);
        await page.run(1);
        expect(await page.outputs(1).innerText()).toBe('3');
        await page.press('restart-and-run');
        const dialog = page.page.locator('.jp-Dialog', { hasText: 'Restart Kernel?' });
        await dialog.getByRole('button', { name: 'Confirm Kernel Restart' }).click();
        await page.finished(1, '[3]:');
        expect(await page.prompt(0).textContent()).toBe('[1]:');
        expect(await page.prompt(1).textContent()).toBe('[2]:');
        expect(await page.outputs(0).allInnerTexts()).toEqual(['1']);
        expect(await page.outputs(1).allInnerTexts()).toEqual(['2']);
        await lab().close(page);
      },
      3 * minutes,
    );
  });
}
