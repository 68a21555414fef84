// biome-ignore-all lint/suspicious/noTemplateCurlyInString: cells are text here
/** What needs a process of its own: the user's `.ts` files, and errors nobody awaits. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { runCells } from './support/run-cells.js';

const folder = mkdtempSync(join(tmpdir(), 'kernelbook-cells-'));
afterAll(() => rmSync(folder, { recursive: true }));

it('runs the user’s .ts files, and their newest version after a change', async () => {
  const { cells, printed } = await runCells(folder, [
    { write: 'deep.ts', text: 'export enum Mode { A = 1, B }\nexport type Only = number' },
    {
      write: 'mine.ts',
      text: 'import { Mode, type Only } from "./deep.js"; import { Only as Plain } from "./deep";\nexport const value: Only | Plain = Mode.B;\nexport let calls = 0;\nexport function call(): number { return ++calls }',
    },
    'import { value, call } from "./mine"; call(); value',
    'import { call as again } from "./mine.ts"; again()',
    { write: 'mine.ts', text: 'export const value = "new"; export const call = (): number => 0' },
    'import { value } from "./mine"; value.toUpperCase()',
    'value',
  ]);
  expect(cells.map((cell) => cell.text ?? cell.error ?? cell.plain)).toEqual(['2', '2', "'NEW'", "'new'"]);
  expect(printed).toBe('');
});

it('takes up a change in a file that an imported file imports', async () => {
  const { cells } = await runCells(folder, [
    { write: 'inner.ts', text: 'export const factor: number = 2' },
    {
      write: 'outer.ts',
      text: 'import { factor } from "./inner.ts";\nexport const twice = (n: number): number => n * factor',
    },
    'import { twice } from "./outer.ts"; twice(4)',
    { write: 'inner.ts', text: 'export const factor: number = 3' },
    'import { twice } from "./outer.ts"; twice(4)',
  ]);
  expect(cells.map((cell) => cell.text)).toEqual(['8', '12']);
});

it('names the place in the user’s file in a stack', async () => {
  const { cells } = await runCells(folder, [
    {
      write: 'fails.ts',
      text: 'interface Unused { a: number }\n\nexport function fail(): never {\n  const x: number = 1;\n  throw new RangeError(`bad ${x}`);\n}',
    },
    '\nimport { fail } from "./fails"\nfail()',
  ]);
  expect(cells[0]).toMatchObject({ error: 'RangeError: bad 1' });
  const frames = cells[0]!
    .traceback!.split('\n')
    .filter((line) => line.startsWith('    at '))
    .map((line) => line.trim());
  expect(frames).toEqual(['at fail (fails.ts:5:9)', 'at cell 1:3:1']);
});

it('says what is wrong with a .ts file that cannot run', async () => {
  const { cells } = await runCells(folder, [
    { write: 'throws.ts', text: 'export const x: number = JSON.parse("{")' },
    'const module = await import("./throws.ts")',
  ]);
  expect(cells[0]!.error).toMatch(/^SyntaxError: /);
});

it('imports kernelbook, packages of the folder and built-ins far from any project', async () => {
  const home = join(folder, 'node_modules', 'local-package');
  mkdirSync(home, { recursive: true });
  writeFileSync(join(home, 'package.json'), '{"name":"local-package","version":"1.0.0","main":"index.js"}');
  // Names assigned in a loop escape Node's detection of CommonJS exports.
  writeFileSync(join(home, 'index.js'), 'for (const name of ["a", "b"]) exports[name] = name;');
  const { cells, printed } = await runCells(folder, [
    'import { display as show } from "kernelbook"; import { b } from "local-package"; import * as all from "local-package"; import whole from "local-package"; import { sep } from "node:path"; [typeof show, b, all.a, whole.b, sep]',
    'const { a } = await import("local-package"); a',
  ]);
  expect(cells.map((cell) => cell.text ?? cell.error ?? cell.plain)).toEqual([
    "[ 'function', 'b', 'a', 'b', '/' ]",
    "'a'",
  ]);
  expect(printed).toBe('');
});

it('imports JSON of a package, and whatever comes after it', async () => {
  const home = join(folder, 'node_modules', 'with-json');
  mkdirSync(home, { recursive: true });
  writeFileSync(join(home, 'package.json'), '{"name":"with-json","version":"1.2.3","type":"module"}');
  writeFileSync(join(home, 'data.json'), '{"data":[1]}');
  const { cells } = await runCells(folder, [
    'import manifest from "with-json/package.json"; manifest.version',
    'import { data } from "with-json/data.json"; data',
    { write: 'here.json', text: '{"here":true}' },
    'import { here } from "./here.json"; here',
    { write: 'after-json.ts', text: 'export const after: number = 1' },
    'import { after } from "./after-json.ts"; after',
    'import { sep } from "node:path"; sep',
    'await import("./after-json.ts").then((module) => module.after)',
  ]);
  expect(cells.map((cell) => cell.text ?? cell.error ?? cell.plain)).toEqual([
    "'1.2.3'",
    '[ 1 ]',
    'true',
    '1',
    "'/'",
    '1',
  ]);
});

it('resolves in import.meta.resolve what import loads', async () => {
  const home = join(folder, 'node_modules', 'two-ways');
  mkdirSync(home, { recursive: true });
  const exports = { '.': { import: './way.mjs', require: './way.cjs' }, './sub': './sub.js' };
  writeFileSync(
    join(home, 'package.json'),
    JSON.stringify({ name: 'two-ways', version: '1.0.0', exports, types: 'way.d.ts' }),
  );
  writeFileSync(join(home, 'way.mjs'), 'export const url = import.meta.url;');
  writeFileSync(join(home, 'way.cjs'), 'exports.url = "cjs";');
  writeFileSync(join(home, 'sub.js'), '');
  const { cells } = await runCells(folder, [
    '["node:fs", "fs", "two-ways/sub", "./other.ts", "./absent.js"].map((name) => import.meta.resolve(name).replace(import.meta.url.replace("__cell.js", ""), ""))',
    { write: 'other.ts', text: 'export {}' },
    'import.meta.resolve("./other") === import.meta.resolve("./other.js")',
    '// @ts-ignore\nimport { url } from "two-ways"; url === import.meta.resolve("two-ways")',
    '/dist\\/src\\/index\\.js$/.test(import.meta.resolve("kernelbook"))',
    'import.meta.resolve("no-such-package")',
  ]);
  expect(cells.slice(0, 4).map((cell) => cell.text ?? cell.error ?? cell.plain)).toEqual([
    "[ 'node:fs', 'node:fs', 'node_modules/two-ways/sub.js', 'other.ts', 'absent.js' ]",
    'true',
    'true',
    'true',
  ]);
  expect(cells[4]!.error).toMatch(/^Error: Cannot find package 'no-such-package'/);
});

it('reports unawaited errors to the cell they come from, and goes on', async () => {
  const { cells, stderr, code } = await runCells(folder, [
    'setTimeout(() => {\n  throw new Error("from a timer")\n}, 20)',
    'void Promise.reject(new TypeError("from a promise")); 1',
    'await new Promise<void>((resolve) => setTimeout(resolve, 80)); "still here"',
    'process.nextTick(() => { throw new Error("from a tick") }); await new Promise<void>((resolve) => setTimeout(resolve, 20))',
  ]);
  expect(cells.map((cell) => cell.text)).toEqual(['Timeout (20 ms)', '1', "'still here'", undefined]);
  expect(stderr.map(({ cell, text }) => [cell, text.split('\n')[0]])).toEqual([
    [2, 'TypeError: from a promise'],
    [1, 'Error: from a timer'],
    [4, 'Error: from a tick'],
  ]);
  expect(stderr[1]!.text).toContain('cell 1, line 2');
  expect(code).toBe(0);
});
