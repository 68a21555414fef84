/**
 * A result is given again only while everything the run was seen to ask is answered the same: files that a package reads in
 * whatever way, folders, variables. What cannot be asked again is never kept.
 */
import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { packageRoot } from '../../kernel/package-root.js';
import { Workplace } from '../run/helpers.js';

vi.setConfig({ testTimeout: 600_000, hookTimeout: 900_000 });

/** A package in CommonJS and one in ES modules: what a cell calls of them is not in the cell. */
const commonJs = `
const fs = require('fs');
exports.whole = (name) => fs.readFileSync(name, 'utf8');
exports.opened = (name) => { const fd = fs.openSync(name); const text = fs.readFileSync(fd, 'utf8'); fs.closeSync(fd); return text; };
exports.callback = (name) => new Promise((done) => fs.readFile(name, 'utf8', (_, text) => done(text)));
exports.there = (name) => fs.existsSync(name);
exports.size = (name) => fs.statSync(name, { throwIfNoEntry: false })?.size;
exports.names = (name) => fs.readdirSync(name).join();
exports.variable = (name) => process.env[name];
exports.child = () => require('child_process').execFileSync(process.execPath, ['-p', '1'], { encoding: 'utf8' });
exports.thread = () => new Promise((done) => new (require('worker_threads').Worker)('', { eval: true }).on('exit', done));
exports.writes = (name) => fs.writeFileSync(name, 'x');
exports.network = () => new Promise((done) => require('net').connect(9, '127.0.0.1').on('error', () => done(0)));
`;
const esModule = `
import { createReadStream, readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
export const named = (name) => readFileSync(name, 'utf8');
export const promised = (name) => readFile(new URL(name, 'file://' + process.cwd() + '/'), 'utf8');
export const streamed = async (name) => { let text = ''; for await (const part of createReadStream(name)) text += part; return text; };
`;

/** By file: what its cell does. The data of each lies in a file or folder of its name. */
const seen: Record<string, string> = {
  whole: "import { whole } from 'reads'; whole('whole.csv')",
  opened: "import { opened } from 'reads'; opened('opened.csv')",
  callback: "import { callback } from 'reads'; await callback('callback.csv')",
  named: "import { named } from 'reads-esm'; named('named.csv')",
  promised: "import { promised } from 'reads-esm'; await promised('promised.csv')",
  streamed: "import { streamed } from 'reads-esm'; await streamed('streamed.csv')",
  typescript: "import ts from 'typescript'; ts.sys.readFile('typescript.csv')!",
  there: "import { there } from 'reads'; there('there-later.csv')",
  size: "import { size } from 'reads'; size('size-later.csv') ?? 0",
  names: "import { names } from 'reads'; names('names')",
  variable: "import { variable } from 'reads'; variable('OWN_SETTING') ?? 'none'",
};
const never: Record<string, [source: string, reason: string]> = {
  child: ["import { child } from 'reads'; child()", 'it starts another process'],
  thread: ["import { thread } from 'reads'; await thread()", 'it starts another thread'],
  writes: ["import { writes } from 'reads'; writes('written.txt')", 'it writes '],
  network: ["import { network } from 'reads'; await network()", 'it uses the network'],
};
const same = {
  unchanged: "import { whole } from 'reads'; whole('unchanged.csv')",
  pure: "import { whole } from 'reads'; typeof whole",
};

let place: Workplace;
const reasons = new Map<string, string>();
let first = '';
let again = '';
let changed = '';
beforeAll(async () => {
  place = await Workplace.create();
  for (const [name, text, type, declared] of [
    ['reads', commonJs, 'commonjs', [...commonJs.matchAll(/^exports\.(\w+)/gm)]],
    ['reads-esm', esModule, 'module', [...esModule.matchAll(/^export const (\w+)/gm)]],
  ] as const) {
    await place.write(
      `node_modules/${name}/package.json`,
      JSON.stringify({ name, version: '1.0.0', type, main: 'index.js', types: 'index.d.ts' }),
    );
    await place.write(`node_modules/${name}/index.js`, text);
    const types = declared
      .map(([, one]) => `export declare const ${one}: (name?: string) => any;`)
      .join('\n');
    await place.write(`node_modules/${name}/index.d.ts`, types);
  }
  const sources = {
    ...seen,
    ...same,
    ...Object.fromEntries(Object.entries(never).map(([k, [s]]) => [k, s])),
  };
  for (const [name, source] of Object.entries(sources)) {
    await place.notebook(`${name}.ipynb`, 'kernelbook', [source]);
    await writeFile(place.path(`${name}.csv`), '1\n');
  }
  await symlink(join(packageRoot(), 'node_modules', 'typescript'), place.path('node_modules/typescript'));
  await mkdir(place.path('names'));
  await writeFile(place.path('names/a'), '');
  const run = async (env: NodeJS.ProcessEnv = {}) =>
    (
      await place.kernelbook(
        ['run', '--no-check', '--start-timeout', '600', '--results', 'results.json', '.'],
        undefined,
        {
          cache: true,
          env,
        },
      )
    ).stdout;
  first = await run();
  for (const { notebook, uncached } of JSON.parse(await readFile(place.path('results.json'), 'utf8'))
    .notebooks)
    reasons.set(notebook, uncached);
  again = await run();
  for (const name of Object.keys(seen))
    await writeFile(place.path(`${name}.csv`), `${await readFile(place.path(`${name}.csv`), 'utf8')}2\n`);
  await writeFile(place.path('there-later.csv'), '');
  await writeFile(place.path('size-later.csv'), '');
  await writeFile(place.path('names/b'), '');
  changed = await run({ OWN_SETTING: 'other' });
});
afterAll(() => place.remove());

const lineOf = (text: string, name: string) =>
  text.split('\n').find((line) => line.includes(`] ${name}.ipynb`)) ?? text;

describe('a run that passed', () => {
  it.each(Object.keys(seen))('is given again, and runs again when what it read changed: %s', (name) => {
    expect(lineOf(first, name)).toContain('passed  (1/1');
    expect(lineOf(again, name)).toContain('passed (cached)');
    expect(lineOf(changed, name)).toContain('passed  (1/1');
  });

  it.each(Object.keys(same))('is given again although other files changed: %s', (name) => {
    expect(lineOf(changed, name)).toContain('passed (cached)');
  });

  it.each(Object.entries(never))('runs each time: %s', (name, [, reason]) => {
    expect(lineOf(first, name)).toContain('passed  (1/1');
    expect(lineOf(again, name)).toContain('passed  (1/1');
    expect(reasons.get(`${name}.ipynb`)).toContain(reason);
  });
});
