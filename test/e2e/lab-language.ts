/** `languageSwitch()` in JupyterLab: one language at a time, in prose, headings, folds and outputs; remembered; harmless untrusted. */
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { keepScreenshot, type Lab, minutes } from './lab.js';
import type { LabPage } from './lab-page.js';

const markdown = (id: string, source: string) => ({ cell_type: 'markdown', id, metadata: {}, source });
const code = (id: string, source: string) => ({
  cell_type: 'code',
  id,
  metadata: {},
  execution_count: null,
  outputs: [],
  source,
});
const cells = [
  markdown(
    'title',
    '# Rotary / 旋转\n\n<div lang="en">\n\nAn angle.\n\n</div>\n\n<div lang="zh">\n\n一个角度。\n\n</div>',
  ),
  code('switch', "import { languageSwitch } from 'kernelbook';\nawait languageSwitch();"),
  markdown('question', '## 1. Why $D$? / 为什么是 $D$？'),
  code('output', 'await display.html(\'<p><span lang="en">error</span><span lang="zh">误差</span></p>\')'),
];

export function language(lab: () => Lab): void {
  describe('the language switch', () => {
    const name = 'language.ipynb';
    let page: LabPage;
    const choose = (label: string) => page.notebook.getByRole('button', { name: label, exact: true }).click();
    const heading = (level: number) =>
      page.notebook.locator(`.jp-RenderedMarkdown h${level}`).first().innerText();
    const words = async () =>
      (await page.notebook.locator('.jp-RenderedMarkdown, .jp-OutputArea-output p').allInnerTexts()).join(
        '\n',
      );
    const file = () => path.join(lab().workspace.folder, name);
    beforeAll(async () => {
      const kernelspec = { name: 'kernelbook', display_name: 'kernelbook', language: 'typescript' };
      writeFileSync(
        file(),
        JSON.stringify({ nbformat: 4, nbformat_minor: 5, metadata: { kernelspec }, cells }),
      );
      page = await lab().open(name);
      await page.run(0);
      await page.run(1);
    }, 3 * minutes);
    afterAll(() => lab().close(page));

    it(
      'shows one language, in prose, headings and outputs, with the number of a section in each',
      async () => {
        await choose('EN');
        await expect.poll(words).not.toMatch(/\p{Script=Han}/u);
        expect(await words()).toMatch(/An angle\.[\s\S]*error/);
        expect(await heading(2)).toMatch(/^1\. Why/);
        await choose('中文');
        await expect.poll(words).not.toMatch(/An angle|Rotary|error/);
        expect(await heading(2)).toMatch(/^1\. 为什么是/);
        await keepScreenshot(page.page, 'language-switch.png');
        await choose('EN + 中文');
        await expect.poll(words).toMatch(/An angle\.[\s\S]*一个角度。[\s\S]*error/);
        expect((await heading(2)).match(/1\./g)).toHaveLength(1);
      },
      2 * minutes,
    );

    it(
      'follows a cell that is drawn anew, and is remembered when the notebook is opened again',
      async () => {
        await choose('EN');
        await page.save();
        await page.page.reload();
        await page.ready();
        await expect.poll(words, { timeout: minutes }).not.toMatch(/\p{Script=Han}/u);
      },
      3 * minutes,
    );

    it(
      'shows both languages and no dead button where the notebook is not trusted',
      async () => {
        await lab().close(page);
        const saved = JSON.parse(readFileSync(file(), 'utf8')) as {
          cells: { id: string; source: unknown }[];
        };
        // Another text of a code cell is another signature.
        saved.cells[3]!.source = '1';
        writeFileSync(file(), JSON.stringify(saved));
        page = await lab().open(name);
        await page.notebook.locator('.jp-RenderedMarkdown').first().waitFor();
        expect(await words()).toMatch(/An angle\.[\s\S]*一个角度。/);
        expect(await page.notebook.getByRole('button', { name: 'EN', exact: true }).count()).toBe(0);
      },
      3 * minutes,
    );
  });
}
