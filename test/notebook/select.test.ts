/** Choosing notebooks: files, folders, reading order, and one clear line for what is not there. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readIndex, SelectionError, selectNotebooks } from '../../scripts/notebook/select.js';

let root: string;
const put = async (file: string, content = '') => {
  await mkdir(dirname(join(root, file)), { recursive: true });
  await writeFile(join(root, file), content);
};
const index = (...files: string[]) =>
  JSON.stringify({ notebooks: files.map((file) => ({ file, title: { en: file, zh: '题' } })) });

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'select-'));
  await put('books/b.ipynb');
  await put('books/a.ipynb');
  await put('books/deep/c.ipynb');
  await put('books/.ipynb_checkpoints/a-checkpoint.ipynb');
  await put('books/node_modules/x/y.ipynb');
  await put('books/notes.txt');
  await put('books/index.json', index('b.ipynb'));
  await put('empty/readme.txt');
  await put('broken/index.json', '{"notebooks": 3}');
  await put('broken/a.ipynb');
  await put('stale/index.json', index('gone.ipynb'));
  await put('stale/a.ipynb');
});
afterAll(() => rm(root, { recursive: true, force: true }));

const places = async (...targets: string[]) =>
  (await selectNotebooks(targets, root)).map(({ place }) => place);

describe('selectNotebooks', () => {
  it('takes a folder in reading order, then by name, without checkpoints', async () => {
    expect(await places('books')).toEqual(['b.ipynb', 'a.ipynb', 'deep/c.ipynb']);
  });

  it('takes each notebook once, in the order named', async () => {
    expect(await places('books/a.ipynb', 'books')).toEqual(['a.ipynb', 'b.ipynb', 'deep/c.ipynb']);
  });

  it('names paths relative to where the command was started', async () => {
    expect((await selectNotebooks(['books/deep'], root))[0]).toMatchObject({
      name: join('books', 'deep', 'c.ipynb'),
      path: join(root, 'books', 'deep', 'c.ipynb'),
    });
  });

  it.each([
    ['books/aa.ipynb', 'books/aa.ipynb: no such file or folder; did you mean books/a.ipynb?'],
    ['nowhere/at/all.ipynb', /^nowhere\/at\/all\.ipynb: no such file or folder$/],
    ['empty', 'empty: the folder holds no notebooks'],
    ['broken', 'there must be a list "notebooks"'],
    ['stale', 'lists gone.ipynb, which does not exist'],
  ])('refuses %s', async (target, message) => {
    const attempt = selectNotebooks([target], root);
    await expect(attempt).rejects.toThrow(SelectionError);
    await expect(attempt).rejects.toThrow(message);
  });
});

describe('readIndex', () => {
  it.each([
    ['[1]', 'notebooks[0].file must be a string'],
    ['[{"file": "a", "title": "x"}]', 'notebooks[0].title must be'],
    ['{', 'JSON'],
  ])('refuses %s', async (content, message) => {
    await put('one/index.json', content);
    await expect(readIndex(join(root, 'one'))).rejects.toThrow(message);
  });

  it('is empty where there is no index', async () => {
    expect(await readIndex(join(root, 'empty'))).toEqual([]);
  });
});
