/** The main job, on a small project: notebooks in, guides out, and an exit status that tells. */
import { readFile, rm } from 'node:fs/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Workplace } from './helpers.js';

let place: Workplace;
beforeAll(async () => {
  place = await Workplace.create();
  await place.notebook('notebooks/01-first.ipynb', 'kernelbook', [
    "import { useBackend, verify } from 'kernelbook'; await useBackend();",
    "await verify('one', [1], [1]);",
  ]);
  await place.notebook('notebooks/02-second.ipynb', 'kernelbook', ["console.log('second')"]);
  const entry = (file: string, en: string, zh: string) => ({ file, title: { en, zh } });
  const notebooks = [entry('02-second.ipynb', 'Second', '第二'), entry('01-first.ipynb', 'First', '第一')];
  await place.write('notebooks/index.json', JSON.stringify({ notebooks }));
});
afterAll(() => place.remove());

it('runs all, writes the guides in reading order, says where they are and what computed', async () => {
  const { status, stdout, stderr } = await place.kernelbook(['start']);
  expect(stderr).toBe('');
  expect(status).toBe(0);
  expect(stdout).toContain('Computed by cpu on ');
  expect(stdout).toContain('Executed notebooks: build/notebooks');
  expect(stdout).toContain('build/guides/01-first.html  1 check passed');
  expect(stdout).toContain('Study guides: build/guides/index.html');
  const index = await readFile(place.path('build/guides/index.html'), 'utf8');
  expect(index.indexOf('02-second.html')).toBeLessThan(index.indexOf('01-first.html'));
  expect(index).toContain('第二');
});

it('fails when a notebook fails, and still writes its guide', async () => {
  await rm(place.path('build'), { recursive: true });
  await place.notebook('notebooks/01-first.ipynb', 'kernelbook', [
    "import { verify } from 'kernelbook'; await verify('two', [1], [2]);",
  ]);
  const { status, stdout, stderr } = await place.kernelbook(['start', '--backend', 'cpu']);
  expect(status).toBe(3);
  expect(stderr).toContain('FAILED notebooks/01-first.ipynb, cell 1 (In [1]) "cell-1": VerificationError');
  expect(stderr).toContain('not verified: two');
  expect(stdout).toContain('build/guides/01-first.html  0 checks passed, 1 failed');
  const page = await readFile(place.path('build/guides/01-first.html'), 'utf8');
  expect(page).toMatch(/class="failures"[\s\S]*two/);
});

it('does nothing more when the notebooks cannot be run', async () => {
  await rm(place.path('build'), { recursive: true });
  await place.write('notebooks/03-third.ipynb', 'not a notebook');
  const { status, stderr } = await place.kernelbook(['start']);
  expect(status).toBe(2);
  expect(stderr.trim()).toMatch(/^kernelbook run: notebooks\/03-third\.ipynb: not a valid notebook: no JSON/);
  await expect(readFile(place.path('build/guides/index.html'))).rejects.toThrow('ENOENT');
});
