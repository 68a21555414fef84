/** `kernelbook check --watch` on files that change, as editors save them. */
import { type ChildProcess, spawn } from 'node:child_process';
import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type ChildOutput, collectOutput } from '../../scripts/child-output.js';
import { Workplace } from '../run/helpers.js';

const main = fileURLToPath(new URL('../../dist/scripts/main.js', import.meta.url));

let place: Workplace;
let child: ChildProcess;
let output: ChildOutput;
beforeAll(async () => {
  place = await Workplace.create();
  await place.notebook('nb/one.ipynb', 'kernelbook', ["import { size } from '../lib/size.js';\nsize + 1;"]);
  await place.notebook('nb/two.ipynb', 'kernelbook', ['const two: number = 2;\ntwo;']);
  await place.write('lib/size.ts', 'export const size = 1;\n');
  child = spawn(process.execPath, [main, 'check', 'nb', '--watch'], { cwd: place.folder });
  output = collectOutput(child);
});
afterAll(async () => {
  child.kill('SIGKILL');
  await place.remove();
});

/** What the next round of checking prints, after `change`. */
async function after(change: () => void | Promise<void>): Promise<string> {
  const before = output.stdout.length;
  await change();
  const text = () => output.stdout.slice(before);
  await expect.poll(text, { interval: 100 }).toContain('Watching for changes.');
  return text();
}

it('checks again what a save concerns, and ends with 0 on Ctrl-C', async () => {
  expect(await after(() => {})).toContain('Checked: no errors in 2 notebooks. Watching');

  const broken = await after(() =>
    place.notebook('nb/two.ipynb', 'kernelbook', ['const two: number = "2";\ntwo;']),
  );
  expect(broken).toContain('Files changed, checking again.');
  expect(broken).toContain('nb/two.ipynb cell 1 "cell-1":1:7 - error TS2322');
  expect(broken).toContain('Checked: 1 error in 1 of 2 notebooks. Watching');

  // Saved by renaming, as many editors do; the other notebook's error stays.
  const imported = await after(() => {
    writeFileSync(place.path('lib/.size.tmp'), "export const size: number = 'x';\n");
    renameSync(place.path('lib/.size.tmp'), place.path('lib/size.ts'));
  });
  expect(imported).toContain('size.ts:1:14 - error TS2322');
  expect(imported).toContain('Checked: 2 errors in 2 of 2 notebooks.');

  const half = await after(() => place.write('nb/two.ipynb', '{"cells": ['));
  expect(half).toMatch(/nb\/two\.ipynb: not a valid notebook: no JSON/);
  expect(half).toContain('Checked: 1 error in 1 of 1 notebook.');

  await after(() => place.write('lib/size.ts', 'export const size = 2;\n'));
  const added = await after(() =>
    place.notebook('nb/three.ipynb', 'kernelbook', ['const x: string = 1; x;']),
  );
  expect(added).toContain('nb/three.ipynb cell 1');
  expect(added).toContain('Checked: 1 error in 1 of 2 notebooks.');

  // A folder that is new, and one whose name was there before.
  for (let time = 0; time < 2; time++) {
    const inside = await after(async () => {
      await place.notebook('nb/deep/er/four.ipynb', 'kernelbook', ['const y: string = 4; y;']);
    });
    const round = inside.includes('four.ipynb') ? inside : await after(() => {});
    expect(round).toContain('nb/deep/er/four.ipynb cell 1');
    const gone = await after(() => rmSync(place.path('nb/deep'), { recursive: true }));
    expect(gone).toContain('Checked: 1 error in 1 of 2 notebooks.');
  }

  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  child.kill('SIGINT');
  expect(await ended).toBe(0);
});

it('says what is missing from the beginning', async () => {
  const { status, stderr } = await place.kernelbook(['check', 'nowhere', '--watch']);
  expect(stderr).toContain('kernelbook check: nowhere: no such file or folder');
  expect(status).toBe(2);
});
