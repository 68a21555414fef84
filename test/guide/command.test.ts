/** `kernelbook guide` on the command line: exit statuses and one clear line for what is wrong. */
import { existsSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { serializeNotebook } from '../../scripts/notebook/serialize.js';
import { Workplace } from '../run/helpers.js';
import { markdown, notebook, sample } from './fixture.js';

let place: Workplace;
beforeAll(async () => {
  place = await Workplace.create();
  await place.write('done/sample.ipynb', serializeNotebook(await sample()));
  await place.write('broken.ipynb', '{"nbformat": 4}');
  await place.write('formula.ipynb', serializeNotebook(notebook(markdown('a', '# T $\\nonsense$'))));
});
afterAll(() => place.remove());

it('writes a guide of any executed notebooks, wherever they are', async () => {
  const { status, stdout, stderr } = await place.kernelbook(['guide', 'done', '-o', 'pages']);
  expect(stderr).toBe('');
  expect(status).toBe(0);
  expect(stdout).toContain('pages/sample.html  1 check passed, 1 failed');
  expect(stdout).toContain('failed in cell "checks": rope.interleaved');
  expect(existsSync(place.path('pages/index.html'))).toBe(true);
});

it('fails where something could not be shown, with the page written all the same', async () => {
  const { status, stderr } = await place.kernelbook(['guide', 'formula.ipynb', '-o', 'formula']);
  expect(stderr).toMatch(/^kernelbook guide: formula\.ipynb, cell 1: formula "\\\\nonsense"/);
  expect(status).toBe(1);
  expect(existsSync(place.path('formula/formula.html'))).toBe(true);
});

it('says of a notebook that was not executed what its page lacks', async () => {
  await place.notebook('open.ipynb', 'kernelbook', ['1 + 1', '']);
  const { status, stderr } = await place.kernelbook(['guide', 'open.ipynb', '-o', 'open']);
  expect(stderr).toBe(
    'kernelbook guide: open.ipynb was not executed, so its page lacks results; run it first: kernelbook run open.ipynb\n',
  );
  expect(status).toBe(0);
});

it.each<[string, string[], RegExp]>([
  [
    'nothing executed yet',
    [],
    /^kernelbook guide: there is no build\/notebooks yet; run "kernelbook run" first/,
  ],
  [
    'a folder that is not there',
    ['dome'],
    /^kernelbook guide: dome: no such file or folder; did you mean done\?$/,
  ],
  [
    'an invalid notebook',
    ['broken.ipynb'],
    /^kernelbook guide: .*broken\.ipynb: not a valid notebook: nbformat_minor is missing/,
  ],
])('%s: one clear line, exit 2, nothing written', async (_, args, message) => {
  const { status, stdout, stderr } = await place.kernelbook(['guide', ...args, '-o', 'bad']);
  expect(stderr.trim()).toMatch(message);
  expect(stderr.trim().split('\n')).toHaveLength(1);
  expect(stdout).toBe('');
  expect(status).toBe(2);
  expect(existsSync(place.path('bad'))).toBe(false);
});
