/** The committed notebooks: clean, in the form the workbook promises, in both languages, with links that lead somewhere. */
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import ts from 'typescript';
import { describe, expect, test } from 'vitest';
import { packageRoot } from '../../kernel/package-root.js';
import { hasTag } from '../../scripts/notebook/format.js';
import { readNotebook } from '../../scripts/notebook/read.js';
import { readIndex } from '../../scripts/notebook/select.js';

const root = packageRoot();
const folder = join(root, 'notebooks');
const index = await readIndex(folder);

test('index.json lists every notebook once', async () => {
  const files = (await readdir(folder)).filter((file) => file.endsWith('.ipynb')).sort();
  expect(index.map((entry) => entry.file).sort()).toEqual(files);
});

describe.each(index)('$file', ({ file, title }) => {
  test('is committed without outputs, for the kernel kernelbook, with readable ids', async () => {
    const { cells, metadata } = await readNotebook(join(folder, file));
    expect(metadata.kernelspec).toEqual({
      name: 'kernelbook',
      display_name: 'TypeScript (kernelbook)',
      language: 'typescript',
    });
    expect(new Set(cells.map((cell) => cell.id)).size).toBe(cells.length);
    for (const cell of cells) {
      expect(cell.id, 'a readable cell id').toMatch(/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/);
      expect(Object.keys(cell.metadata).filter((key) => key !== 'tags' && key !== 'kernelbook')).toEqual([]);
      if (cell.cell_type === 'code') expect([cell.execution_count, cell.outputs]).toEqual([null, []]);
    }
  });

  test('starts with its titles, then typed parameters', async () => {
    const { cells } = await readNotebook(join(folder, file));
    expect(cells[0]!.source.split('\n')[0]).toBe(`# ${title.en} / ${title.zh}`);
    const firstCode = cells.find((cell) => cell.cell_type === 'code')!;
    expect(cells.filter((cell) => hasTag(cell, 'parameters'))).toEqual([firstCode]);
    const declarations = statementsOf(firstCode.source).slice(0, -1);
    for (const statement of declarations) {
      expect(statement.getText()).toMatch(/^let \w+: (number|string|boolean) = [^=]+;$/);
    }
  });

  test('code cells are short and end in something shown', async () => {
    const { cells } = await readNotebook(join(folder, file));
    for (const { cell_type, id, source } of cells) {
      if (cell_type !== 'code') continue;
      expect(source.split('\n').length, `lines of ${id}`).toBeLessThanOrEqual(15);
      expect(longest(source), `longest line of ${id}`).toBeLessThanOrEqual(110);
      const last = statementsOf(source).at(-1)!;
      const shows = ts.isExpressionStatement(last) || ts.isForOfStatement(last);
      expect(shows, `the last statement of ${id} shows something`).toBe(true);
    }
  });

  test('prose is in both languages', async () => {
    const { cells } = await readNotebook(join(folder, file));
    for (const { cell_type, id, source } of cells) {
      if (cell_type !== 'markdown') continue;
      const blocks = [...source.matchAll(/^<div lang="(en|zh)">\n\n[\s\S]*?\n\n<\/div>$/gm)];
      expect(source.match(/<\/?div/g)?.length ?? 0, `divs of ${id}`).toBe(2 * blocks.length);
      const pairs = blocks.map((_, i) => (i % 2 === 0 ? 'en' : 'zh'));
      expect(
        blocks.map((block) => block[1]),
        `languages of ${id}`,
      ).toEqual(pairs);
      expect(blocks.length > 0 && blocks.length % 2 === 0, `${id} is in both languages`).toBe(true);
      for (const heading of source.match(/^## .*/gm) ?? []) expect(heading).toMatch(/ \/ .*\p{Script=Han}/u);
    }
  });
});

test('relative links of the notebooks, the README and the pages in docs lead to files', async () => {
  const pages = (await readdir(join(root, 'docs'))).filter((name) => name.endsWith('.md'));
  const texts = [
    ...['README.md', ...pages.map((name) => join('docs', name))].map(async (path) => ({
      path,
      text: await readFile(join(root, path), 'utf8'),
    })),
    ...index.map(async ({ file }) => ({
      path: join('notebooks', file),
      text: (await readNotebook(join(folder, file))).cells
        .filter(({ cell_type }) => cell_type === 'markdown')
        .map(({ source }) => source)
        .join('\n'),
    })),
  ];
  for (const { path, text } of await Promise.all(texts)) {
    for (const [, target] of text.matchAll(/\]\(([^)#\s]+)(?:#[^)]*)?\)/g)) {
      if (/^https?:/.test(target!)) continue;
      expect(existsSync(resolve(root, dirname(path), target!)), `${path} links to ${target}`).toBe(true);
    }
  }
});

function statementsOf(source: string): ts.Statement[] {
  const file = ts.createSourceFile('cell.ts', source, ts.ScriptTarget.Latest, true);
  return [...file.statements];
}

function longest(source: string): number {
  return Math.max(...source.split('\n').map((line) => line.length));
}
