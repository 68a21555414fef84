import { expect, test } from 'vitest';
import { Notebook } from './notebook.js';

test('a value that its cell displayed is not shown again as the result; in a later cell it is', async () => {
  const notebook = new Notebook();
  const show =
    'const table = { toMimeBundle: () => ({ "text/plain": "table" }) }; await display(table); table';
  expect((await notebook.run(show)).bundle).toBeUndefined();
  expect(notebook.displayed.map((output) => output.data['text/plain'])).toEqual(['table']);
  expect((await notebook.run('table')).text).toBe('table');
});
