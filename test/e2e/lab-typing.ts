/** The help JupyterLab gives while a person types: completion with types, hover, and a type error with its place. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Lab, minutes } from './lab.js';
import type { LabPage } from './lab-page.js';

const definitions = `/**
 * Multiplies every element.
 * @param factor what to multiply with
 */
function scaled(values: number[], factor: number): number[] {
  return values.map((value) => value * factor);
}
const vector = scaled([1, 2], 3);`;

export function typing(lab: () => Lab): void {
  describe('while typing', () => {
    let page: LabPage;
    beforeAll(async () => {
      page = await lab().openCells('typing.ipynb', [definitions, '', '']);
      await page.run(0);
    }, 2 * minutes);
    afterAll(() => lab().close(page));

    it(
      'Tab shows the members of a value with their kinds, and picking one inserts it',
      async () => {
        await page.type(1, 'vector.fi');
        await page.page.keyboard.press('Tab');
        const items = page.page.locator('.jp-Completer:visible .jp-Completer-item');
        await items.first().waitFor();
        expect(await items.locator('.jp-Completer-match').allTextContents()).toEqual(
          expect.arrayContaining(['fill', 'filter', 'find', 'findIndex']),
        );
        expect(new Set(await items.locator('.jp-Completer-typeExtended').allTextContents())).toEqual(
          new Set(['method']),
        );
        expect(await items.first().locator('.jp-Completer-monogram').textContent()).toBe('m');
        await items.filter({ hasText: 'findIndex' }).click();
        await expect.poll(() => text(page, 1)).toBe('vector.findIndex');
      },
      2 * minutes,
    );

    it(
      'Tab tells functions from variables among the names of earlier cells',
      async () => {
        await page.type(1, 'let vectors = 1; ve');
        await page.page.keyboard.press('Tab');
        const kind = (name: string) =>
          page.page
            .locator('.jp-Completer:visible .jp-Completer-item')
            .filter({ has: page.page.locator('.jp-Completer-match', { hasText: new RegExp(`^${name}$`) }) })
            .locator('.jp-Completer-typeExtended');
        await kind('vector').waitFor();
        expect(await kind('vectors').textContent()).toBe('variable');
        expect(await kind('vector').textContent()).toBe('const');
        await page.page.keyboard.press('Escape');
      },
      2 * minutes,
    );

    it(
      'Shift-Tab shows the typed signature and the documentation',
      async () => {
        await page.type(1, 'scaled');
        await page.page.keyboard.press('Shift+Tab');
        const tooltip = page.page.locator('.jp-Tooltip:visible');
        await tooltip.waitFor();
        const shown = await tooltip.innerText();
        expect(shown).toContain('function scaled(values: number[], factor: number): number[]');
        expect(shown).toContain('Multiplies every element.');
        expect(shown).toContain('factor what to multiply with');
        await page.page.keyboard.press('Escape');
        await tooltip.waitFor({ state: 'hidden' });
      },
      2 * minutes,
    );

    it(
      'a type error stands under the cell with its line and a mark below the place, and the cell does not run',
      async () => {
        await page.type(1, "console.log('ran'); const wrong: number = 'text'");
        await page.run(1);
        const shown = (await page.outputs(1).innerText()).split('\n');
        expect(shown[0]).toBe("TS2322: Type 'string' is not assignable to type 'number'.");
        expect(shown[1]).toMatch(/^cell \d+, line 1$/);
        const line = shown.findIndex((text) => text.includes('const wrong'));
        expect(shown[line + 1]!.indexOf('^')).toBe(shown[line]!.indexOf('wrong'));
        expect(shown[line + 1]!.replace('|', '').trim()).toBe('^^^^^');
        expect(await page.errors()).toHaveLength(1);
        expect(await page.outputs(1).count()).toBe(1);
      },
      2 * minutes,
    );

    it(
      'a runtime error names the cell and the line of the TypeScript that was typed',
      async () => {
        await page.type(2, "interface Unused {}; throw new RangeError('too far')");
        await page.run(2);
        const shown = await page.outputs(2).innerText();
        expect(shown).toMatch(/RangeError: too far\ncell \d+, line 1\n/);
        expect(shown).toContain("> 1 | interface Unused {}; throw new RangeError('too far')");
      },
      2 * minutes,
    );
  });
}

const text = (page: LabPage, index: number): Promise<string> =>
  page.cell(index).locator('.cm-content').innerText();
