/** `widget({ esm, css, state })` in JupyterLab with anywidget's extension: one live state for the kernel and every page. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { packageRoot } from '../../scripts/setup/part.js';
import { keepScreenshot, type Lab, minutes } from './lab.js';
import type { LabPage } from './lab-page.js';

/** The example of the README. */
const counter = /## Widgets\n.*?```ts\n(.*?)\n```/s.exec(
  readFileSync(path.join(packageRoot, 'README.md'), 'utf8'),
)![1]!;

const bytes = `const bytes = widget({
  esm: \`
    function render({ model, el }) {
      const button = document.createElement('button');
      button.className = 'bytes';
      const show = () => {
        const points = model.get('points');
        const numbers = new Float32Array(points.buffer.slice(points.byteOffset, points.byteOffset + points.byteLength));
        button.textContent = 'sum ' + numbers.reduce((sum, value) => sum + value, 0);
      };
      model.on('change:points', show);
      model.on('msg:custom', (content, buffers) => {
        button.textContent = content.answer + ' ' + buffers[0].getUint8(0);
      });
      button.onclick = () => {
        model.set('points', new DataView(Float32Array.of(1, 2, 3).buffer));
        model.save_changes();
        model.send({ question: 'how many?' }, undefined, [Uint8Array.of(7).buffer]);
      };
      show();
      el.append(button);
    }
    export default { render };\`,
  css: '.bytes { background: rgb(160, 0, 90) }',
  state: { points: Float32Array.of(10, 20) },
});
bytes.on('msg:custom', (content, buffers) => {
  bytes.send({ answer: JSON.stringify(content) }, [Uint8Array.of(buffers[0][0] + 1)]);
});
bytes`;

const cells = {
  counter,
  bytes,
  read: 'counter.state.clicks',
  set: 'counter.state.clicks = 40',
  again: 'display(counter)',
  points: '[...bytes.state.points]',
  setPoints: 'bytes.state.points = Float32Array.of(100, 200)',
  broken: "widget({ esm: 'export default { render( }' })",
};
type Name = keyof typeof cells;
const at = (name: Name): number => Object.keys(cells).indexOf(name);

export function widgets(lab: () => Lab): void {
  describe('a live widget', () => {
    let page: LabPage;
    const run = (name: Name) => page.run(at(name));
    const view = (name: Name, of = page) => of.outputs(at(name)).locator('button');
    const says = (name: Name, text: string, of = page) => view(name, of).filter({ hasText: text }).waitFor();
    /** What the kernel says the state is. */
    const state = async (name: 'read' | 'points') => {
      await run(name);
      return await page.outputs(at(name)).innerText();
    };
    beforeAll(async () => {
      page = await lab().openCells('widgets.ipynb', Object.values(cells));
      await run('counter');
    }, 2 * minutes);
    afterAll(() => lab().close(page));

    it(
      'is drawn in its style; a click in the page changes the state in the kernel',
      async () => {
        await says('counter', 'clicked 1 times');
        const color = await view('counter').evaluate((button) => getComputedStyle(button).backgroundColor);
        expect(color).toBe('rgb(0, 90, 160)');
        await view('counter').click();
        await says('counter', 'clicked 2 times');
        expect(await state('read')).toBe('2');
      },
      2 * minutes,
    );

    it(
      'the kernel changes the state in the page; a second view follows the first',
      async () => {
        await run('again');
        await run('set');
        await says('counter', 'clicked 40 times');
        await says('again', 'clicked 40 times');
        await view('again').click();
        await says('counter', 'clicked 41 times');
        expect(await state('read')).toBe('41');
        await keepScreenshot(page.cell(at('counter')), 'widget.png');
      },
      2 * minutes,
    );

    it(
      'binary state and custom messages pass in both directions',
      async () => {
        await run('bytes');
        await says('bytes', 'sum 30');
        await run('setPoints');
        await says('bytes', 'sum 300');
        await view('bytes').click();
        await says('bytes', '{"question":"how many?"} 8');
        expect(await state('points')).toBe('[ 1, 2, 3 ]');
      },
      2 * minutes,
    );

    it('widgets keep their own styles', async () => {
      const colors = (name: Name) =>
        view(name).evaluate((button) => getComputedStyle(button).backgroundColor);
      expect(await colors('counter')).toBe('rgb(0, 90, 160)');
      expect(await colors('bytes')).toBe('rgb(160, 0, 90)');
    });

    it(
      'a mistake in the module is an error of the cell, with its place',
      async () => {
        await run('broken');
        const shown = await page.outputs(at('broken')).innerText();
        expect(shown).toContain('SyntaxError: widget: the esm is not a JavaScript module');
        expect(shown).toContain('[esm:1:');
      },
      2 * minutes,
    );

    it(
      'is live again when the page is loaded again, and in a second page beside it',
      async () => {
        await page.save();
        await page.page.reload();
        await page.ready();
        await says('counter', 'clicked 41 times');
        await says('bytes', 'sum 6');
        await view('counter').click();
        await says('again', 'clicked 42 times');
        const second = await lab().open('widgets.ipynb');
        await says('counter', 'clicked 42 times', second);
        await view('counter', second).click();
        await says('counter', 'clicked 43 times');
        expect(await state('read')).toBe('43');
        await run('set');
        await says('counter', 'clicked 40 times', second);
        for (const { messages } of [page, second])
          expect(messages.filter((message) => message.startsWith('uncaught'))).toEqual([]);
        await lab().close(second);
      },
      3 * minutes,
    );
  });
}
