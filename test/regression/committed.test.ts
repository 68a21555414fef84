/** The committed golden files: one per notebook, canonical, small enough to review, and of cells that exist. */
import { readdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { packageRoot } from '../../kernel/package-root.js';
import { readNotebook } from '../../scripts/notebook/read.js';
import { goldenPath, readGolden, serialiseGolden } from '../../scripts/regression/golden-file.js';
import { checkSettings, goldenSettings } from '../../scripts/regression/settings.js';

const folder = join(packageRoot(), 'notebooks');
const files = readdirSync(folder).filter((file) => file.endsWith('.ipynb'));

test('each belongs to a notebook', () => {
  const names = files.map((file) => file.replace('.ipynb', '.golden.json'));
  expect(readdirSync(join(folder, 'golden')).sort()).toEqual(names.sort());
});

test.each(files)('of %s', async (file) => {
  const path = join(folder, file);
  const notebook = await readNotebook(path);
  expect(() => checkSettings(notebook)).not.toThrow();
  const golden = (await readGolden(goldenPath(path)))!;
  const text = await readFile(goldenPath(path), 'utf8');
  expect(text).toBe(serialiseGolden(golden));
  expect(text.length).toBeLessThan(50_000);
  // In the order of the notebook, and none of a cell that is to be skipped.
  const kept = notebook.cells.filter(
    (cell) => cell.cell_type === 'code' && !goldenSettings(notebook, cell).skip,
  );
  const ids = golden.map(({ cell }) => cell);
  expect(ids).toEqual(kept.map(({ id }) => id).filter((id) => ids.includes(id)));
  expect(kept.length - ids.length, 'cells that show nothing worth keeping').toBeLessThanOrEqual(2);
});
