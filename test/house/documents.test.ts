import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { packageRoot } from '../../kernel/package-root.js';

const read = (path: string) => readFileSync(join(packageRoot(), path), 'utf8');

/** Folders of the README's tree, as paths from the root: two more blanks are a level more. */
function treeOf(readme: string): string[] {
  const [, block = ''] = /### The tree\n\n```\n([\s\S]*?)```/.exec(readme) ?? [];
  const above: string[] = [];
  return block.split('\n').flatMap((line) => {
    const [, indent, name] = /^( *)([\w-]+)\/ /.exec(line) ?? [];
    if (name === undefined) return [];
    above.length = indent!.length / 2;
    above.push(name);
    return [above.join('/')];
  });
}

const foldersIn = (folder: string): string[] =>
  readdirSync(join(packageRoot(), folder), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => `${folder}/${name}`);

describe("the README's tree", () => {
  const tree = treeOf(read('README.md'));

  it('has every folder of the kernel and of the library, and every room of it', () => {
    const rooms = foldersIn('src');
    const inside = rooms.filter((room) => !/\/(compute|display)$/.test(room)).flatMap(foldersIn);
    const folders = [...foldersIn('kernel'), ...rooms, ...inside];
    expect(folders.filter((folder) => !tree.includes(folder))).toEqual([]);
  });

  it('has no folder that is not there', () => {
    const there = (path: string) => foldersIn(path.slice(0, path.lastIndexOf('/'))).includes(path);
    expect(tree.filter((path) => path.includes('/') && !there(path))).toEqual([]);
    expect(tree.length).toBeGreaterThan(30);
  });
});

describe('the architecture', () => {
  const pages = ['kernel', 'library', 'commands', 'tests'].map((name) => `docs/architecture/${name}.md`);

  it('has a first page for ten minutes and a page per part of at most 150 lines', () => {
    const words = read('docs/architecture.md').split(/\s+/).length;
    expect(words).toBeLessThan(2000);
    for (const page of pages) expect(read(page).split('\n').length, page).toBeLessThanOrEqual(150);
  });

  it('names no folder of the project that is not there', () => {
    const missing = ['docs/architecture.md', ...pages].flatMap((page) =>
      [...read(page).matchAll(/`((?:src|kernel|scripts|test)(?:\/[\w-]+)+)`/g)]
        .map(([, path]) => path!)
        .filter((path) => !foldersIn(path.slice(0, path.lastIndexOf('/'))).includes(path))
        .map((path) => `${page}: ${path}`),
    );
    expect(missing).toEqual([]);
  });
});
