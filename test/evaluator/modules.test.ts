/** What a module is in a cell and in a file: default exports, CommonJS, JSX. */
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { Notebook } from './notebook.js';

const folder = realpathSync(mkdtempSync(join(tmpdir(), 'kernelbook-modules-')));
afterAll(() => rmSync(folder, { recursive: true }));

function write(path: string, text: string): void {
  mkdirSync(dirname(join(folder, path)), { recursive: true });
  writeFileSync(join(folder, path), text);
}

const notebook = new Notebook(folder);

describe('a default export at the end of a cell is its value, as of a file', () => {
  const values = [
    ['class { v = 1 }', '[class default]'],
    ['abstract class { abstract v: number }', '[class default]'],
    ['function () { return 1; }', '[Function: default]'],
    ['function* () { yield 1; }', '[GeneratorFunction: default]'],
    ['async function () { return 1; }', '[AsyncFunction: default]'],
    ['() => 1', '[Function: default]'],
    ['(class { })', '[class default]'],
    ['class extends Array<number> { }', '[class default extends Array]'],
    ['[1, 2].map((n) => n * 2)', '[ 2, 4 ]'],
    ['{ a: 1 }', '{ a: 1 }'],
  ];
  it.each(values)('export default %s', async (value, text) => {
    const code = `export default ${value}`;
    write(`default-${values.findIndex(([one]) => one === value)}.ts`, code);
    const imported = `(await import('./default-${values.findIndex(([one]) => one === value)}.ts')).default`;
    const [shown, ...again] = await notebook.texts(code, `${code};`, imported);
    expect(shown?.split('\n')[0]).toBe(text);
    expect(again).toEqual([shown, shown]);
  });

  it('named ones are declarations, and one in the middle is evaluated', async () => {
    expect(await notebook.texts('export default class Named { n = 1 }', 'new Named().n')).toEqual([
      undefined,
      '1',
    ]);
    expect(
      await notebook.texts('export default class { static { (globalThis as any).ran = 1 } }\n[5][0]'),
    ).toEqual(['5']);
    expect(await notebook.texts('(globalThis as any).ran', 'export default function () {}\n(7)')).toEqual([
      '1',
      '7',
    ]);
  });
});

describe('modules of CommonJS', () => {
  it('export = and import = in a .cts, imported and required', async () => {
    write(
      'whole.cts',
      `import path = require('node:path');\nclass Whole { at = path.posix.join('a', __filename.slice(-9)); }\nexport = Whole;`,
    );
    expect(
      await notebook.texts(
        `import Whole from './whole.cts'; new Whole().at`,
        `import Again from './whole.cjs'; Again === require('./whole.cts')`,
      ),
    ).toEqual(["'a/whole.cts'", 'true']);
  });

  it('a change is seen at the next import, and errors have the lines of the source', async () => {
    write('part.cts', 'export const n: number = 1;');
    expect(await notebook.texts(`import { n } from './part.cts'; n`)).toEqual(['1']);
    write(
      'part.cts',
      'interface Gone {}\n\nexport const n: number = 22;\nexport function fail(): never { throw new Error("here"); }',
    );
    expect(await notebook.texts(`import { n, fail } from './part.cts'; n`)).toEqual(['22']);
    expect((await notebook.run('fail()')).traceback).toContain('part.cts:4:39');
  });
});

it('JSX in a .tsx, with the functions its pragma names', async () => {
  write(
    'node_modules/tags/package.json',
    '{ "name": "tags", "exports": { "./jsx-runtime": { "types": "./runtime.d.ts", "default": "./runtime.mjs" } } }',
  );
  write(
    'node_modules/tags/runtime.mjs',
    "export const jsx = (tag, props) => '<' + tag + '>' + props.children + '</' + tag + '>'; export const jsxs = jsx;",
  );
  write(
    'node_modules/tags/runtime.d.ts',
    'export declare const jsx: (tag: string, props: object) => string; export declare const jsxs: typeof jsx; export declare namespace JSX { type Element = string; interface IntrinsicElements { b: { children?: unknown } } }',
  );
  write(
    'page.tsx',
    '/** @jsxImportSource tags */\nenum E { A } enum E { B = 1 }\nexport const page = <b>{E.B}</b>;',
  );
  write('plain.tsx', '/** @jsxImportSource tags */\nexport const page = <b>{2}</b>;');
  expect(
    await notebook.texts(`import { page } from './page'; page`, `import { page } from './plain.tsx'; page`),
  ).toEqual(["'<b>1</b>'", "'<b>2</b>'"]);
});
