/** Files and packages that change between two cells: types and running code both follow. */
import { mkdirSync, mkdtempSync, realpathSync, renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { Notebook } from './notebook.js';

const folder = realpathSync(mkdtempSync(join(tmpdir(), 'kernelbook-disk-')));
afterAll(() => rmSync(folder, { recursive: true }));

/** Each version has a time of its own, so that no clock is too coarse. */
let time = 1_700_000_000;
function write(files: Record<string, string>): void {
  for (const [name, text] of Object.entries(files)) {
    const path = join(folder, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
    utimesSync(path, time, time++);
  }
}

function install(name: string, version: string, files: Record<string, string>): void {
  const manifest = { name, version, type: 'module', main: 'index.js', types: 'index.d.ts' };
  const home = `node_modules/${name}`;
  write({ [`${home}/package.json`]: JSON.stringify(manifest) });
  for (const [file, text] of Object.entries(files)) write({ [`${home}/${file}`]: text });
}

write({ 'package.json': JSON.stringify({ imports: { '#lib/*': './lib/*.ts' } }) });
const notebook = new Notebook(folder);

it('a change in an imported file, and in what that imports', async () => {
  write({
    'b.ts': 'export const b: number = 1',
    'a.ts': 'import { b } from "./b.ts"; export const a = () => b',
  });
  expect(await notebook.texts('import { a } from "./a.ts"; a()')).toEqual(['1']);
  write({ 'b.ts': 'export const b: string = "text"' });
  // Types are those of the files; code runs again with the import.
  expect(await notebook.texts('a().toFixed()', 'import { a } from "./a"; a().toUpperCase()')).toEqual([
    'TS 1:5 2551',
    "'TEXT'",
  ]);
});

it('errors in an imported file name the file and the line, and hold the cell back', async () => {
  write({ 'b.ts': '\nexport const b: string = 5' });
  const wrong = await notebook.run('import { a } from "./a"; a()');
  expect(wrong.plain).toBe(
    "b.ts:2:14 - error TS2322: Type 'number' is not assignable to type 'string'.\n\n2 export const b: string = 5\n               ~",
  );
  write({ 'b.ts': 'export const b: string = ' });
  expect((await notebook.run('import { a } from "./a"; a()')).plain).toMatch(/^b\.ts:1:25 - error TS1109/);
  write({ 'b.ts': '// @ts-expect-error\nexport const b: string = 5' });
  expect(await notebook.texts('import { a } from "./a"; typeof a()')).toEqual(["'number'"]);
});

it('a file that is deleted, renamed, comes back', async () => {
  write({ 'old.ts': 'export const o = 1' });
  expect(await notebook.texts('import { o } from "./old"; o')).toEqual(['1']);
  renameSync(join(folder, 'old.ts'), join(folder, 'new.ts'));
  const cells = ['import { o } from "./old"; o', 'import { o } from "./new"; o', 'o'];
  expect(await notebook.texts(...cells)).toEqual(['TS 1:19 2307', '1', '1']);
  write({ 'old.ts': 'export const o = "back"' });
  expect(await notebook.texts('import { o } from "./old"; o')).toEqual(["'back'"]);
});

it.each([
  ['m.mts', 'export const x = 1', 'export const x = 2'],
  ['m.mjs', 'export const x = 1', 'export const x = 2'],
  ['m.cjs', 'exports.x = 1', 'exports.x = 2'],
  ['data.json', '{ "x": 1 }', '{ "x": 2 }'],
])('%s is read again', async (file, before, after) => {
  write({ [file]: before });
  expect(await notebook.texts(`import { x } from "./${file}"; x`)).toEqual(['1']);
  write({ [file]: after });
  expect(await notebook.texts(`import { x } from "./${file}"; x`)).toEqual(['2']);
});

it('CommonJS files that require each other', async () => {
  write({ 'inner.cjs': 'exports.v = 1', 'outer.cjs': 'exports.v = require("./inner.cjs").v' });
  expect(await notebook.texts('import outer from "./outer.cjs"; outer.v')).toEqual(['1']);
  write({ 'inner.cjs': 'exports.v = 2' });
  expect(await notebook.texts('import outer from "./outer.cjs"; outer.v')).toEqual(['2']);
});

it('JSON in a TypeScript file, TypeScript behind a package import', async () => {
  write({
    'settings.json': '{ "rate": 0.5 }',
    'lib/uses.ts': 'import settings from "../settings.json"; export const rate = settings.rate',
  });
  expect(await notebook.texts('import { rate } from "#lib/uses"; rate')).toEqual(['0.5']);
});

it('an unchanged file keeps its state, whatever else changes', async () => {
  write({ 'state.ts': 'export const calls: number[] = []' });
  await notebook.run('import { calls } from "./state"; calls.push(1)');
  write({ 'b.ts': 'export const b = 7' });
  expect(await notebook.texts('import { calls } from "./state"; calls')).toEqual(['[ 1 ]']);
});

it('npm install between two cells', async () => {
  expect(await notebook.texts('import { late } from "late"; late')).toEqual(['TS 1:22 2307']);
  expect((await notebook.run('await import("late" as string)')).error).toMatch(/Cannot find package 'late'/);
  install('late', '1.0.0', {
    'index.d.ts': 'export declare const late: 1',
    'index.js': 'export const late = 1',
  });
  expect(await notebook.texts('import { late } from "late"; late')).toEqual(['1']);
});

it('a loaded package stays at its version, types and code, until the kernel restarts', async () => {
  install('late', '2.0.0', {
    'index.d.ts': 'export declare const late: 2',
    'index.js': 'export const late = 2',
  });
  expect(await notebook.texts('import { late } from "late"; const one: 1 = late; one')).toEqual(['1']);
});

it('types that are installed after the package', async () => {
  write({
    'node_modules/untyped/package.json': '{"name":"untyped","version":"1.0.0","main":"index.js"}',
    'node_modules/untyped/index.js': 'exports.u = 1',
  });
  expect(await notebook.texts('import { u } from "untyped"; u.anything')).toEqual([undefined]);
  write({
    'node_modules/@types/untyped/package.json':
      '{"name":"@types/untyped","version":"1.0.0","types":"index.d.ts"}',
    'node_modules/@types/untyped/index.d.ts': 'export declare const u: number',
  });
  expect(await notebook.texts('import { u } from "untyped"; u.anything')).toEqual(['TS 1:32 2339']);
});

it('an error in an imported file points into it, and at the import that ran it', async () => {
  write({ 'thrower.ts': 'interface Gone {}\n\nthrow new TypeError("at load")' });
  const { error, traceback } = await notebook.run('\nimport "./thrower.ts"');
  expect(error).toBe('TypeError: at load');
  expect(traceback).toContain('at thrower.ts:3:7');
  expect(traceback).toContain(`cell ${notebook.count}, line 2`);
  write({ 'broken.mjs': 'export const = 1' });
  const broken = await notebook.run('import "./broken.mjs"');
  expect(broken.traceback).toContain('> 1 | import "./broken.mjs"');
  expect(broken.traceback).not.toContain('node:internal');
});
