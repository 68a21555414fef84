/** Cells checked ahead of their turn: the same answers as without, whatever became of the cell before. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, expect, it } from 'vitest';
import { CheckerEngine } from '../../kernel/language/checker-engine.js';
import type { Compiled, CompileResult } from '../../kernel/language/engine.js';
import { keepFilesOf } from '../../kernel/language/kept-files.js';
import { corpus, mutations } from './cells-corpus.js';

const folder = mkdtempSync(join(tmpdir(), 'kernelbook-ahead-'));
let engine: CheckerEngine;

/** All engines of this file share the parsed libraries. */
const newEngine = (): CheckerEngine => keepFilesOf(() => new CheckerEngine({ cwd: folder }));

beforeEach(() => {
  engine = newEngine();
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Compiles a cell that is right, and checks the next one ahead. */
function compileThen(code: string, next: string): Compiled {
  const result = engine.compile(code, { count: 1 });
  if (!result.ok) throw new Error(result.plain);
  engine.prepare(next, { count: 2 }, result.token);
  return result;
}

const errors = (result: CompileResult): number[] => (result.ok ? [] : result.diagnostics.map((d) => d.code));

const names = (code: string): string[] => engine.complete(code, code.length).matches;

it('what was found ahead is used when the cell before was committed', () => {
  // A type that takes the checker long enough to be seen.
  const slow = `
    type Digit = 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9;
    type Big = \`\${Digit}\${Digit}\${Digit}\${Digit}\`;
    const chosen: Big = first; const other: Exclude<Big, '0000'> = '0001';`;
  const first = compileThen("const first = '1234' as const", '1');
  // This process's own time: others do not count.
  let before = process.cpuUsage();
  engine.prepare(slow, { count: 2 }, first.token);
  const ahead = process.cpuUsage(before).user;
  engine.commit(first.token);
  before = process.cpuUsage();
  const result = engine.compile(slow, { count: 2 });
  const rest = process.cpuUsage(before).user;
  expect(errors(result)).toEqual([]);
  expect(rest).toBeLessThan(ahead / 3);
  if (result.ok) engine.commit(result.token);
  expect(errors(engine.compile('chosen.length + first.length', { count: 3 }))).toEqual([]);
});

it('a cell before that failed leaves no name, also to the cell that was checked after it', () => {
  compileThen('const gone = 1', 'const next = gone + 1');
  expect(errors(engine.compile('const next = gone + 1', { count: 2 }))).toEqual([2304]);
  expect(names('gon')).not.toContain('gone');
  expect(names('nex')).not.toContain('next');
  // Nor does an aborted cell.
  const kept = compileThen('const kept = 1', 'const aborted = kept');
  expect(names('abor')).not.toContain('aborted');
  engine.commit(kept.token);
  expect(names('abor')).not.toContain('aborted');
  expect(names('kep')).toContain('kept');
});

it('names of the cell before are declared anew by the next, with another type', () => {
  const first = compileThen('let value: number = 1', 'let value: string = String(value.toFixed(2))');
  engine.commit(first.token);
  const next = engine.compile('let value: string = String(value.toFixed(2))', { count: 2 });
  const plain = newEngine();
  plain.commit((plain.compile('let value: number = 1', { count: 1 }) as Compiled).token);
  const same = plain.compile('let value: string = String(value.toFixed(2))', { count: 2 });
  expect(errors(next)).toEqual(errors(same));
  if (next.ok) engine.commit(next.token);
});

it('another cell, another number or another scope is checked on its own', () => {
  const first = compileThen('const a = 1', 'a.length');
  engine.commit(first.token);
  expect(errors(engine.compile('a.length', { count: 2 }))).toEqual([2339]);
  const second = compileThen('const b = 1', 'const c = b');
  engine.commit(second.token);
  const renumbered = engine.compile('const c = b', { count: 7 });
  expect(renumbered.ok && renumbered.cell.count).toBe(7);
  // Committed in between: the name means something else now.
  const third = compileThen('const d = 1', 'const e: number = d');
  engine.commit(third.token);
  engine.commit((engine.compile('const d = "text"', { count: 9 }) as Compiled).token);
  expect(errors(engine.compile('const e: number = d', { count: 2 }))).toEqual([2322]);
});

it('files and packages that the cell before writes are seen', () => {
  const file = join(folder, 'mine.ts');
  writeFileSync(file, 'export const mine: number = 1;\n');
  engine.commit((engine.compile('import { mine } from "./mine.ts"', { count: 1 }) as Compiled).token);
  const next = 'import { mine } from "./mine.ts"; const n: number = mine';
  const first = compileThen('0', next);
  writeFileSync(file, 'export const mine: string = "changed";\n');
  engine.commit(first.token);
  expect(errors(engine.compile(next, { count: 2 }))).toEqual([2322]);

  const other = 'import { late } from "late-package"; late.toFixed()';
  const second = compileThen('1', other);
  const late = join(folder, 'node_modules', 'late-package');
  mkdirSync(late, { recursive: true });
  writeFileSync(join(late, 'package.json'), '{ "name": "late-package", "types": "index.d.ts" }');
  writeFileSync(join(late, 'index.d.ts'), 'export const late: number;\n');
  engine.commit(second.token);
  expect(errors(engine.compile(other, { count: 2 }))).toEqual([]);
});

it('a module is not loaded, and nothing global is declared, for a cell that may never run', () => {
  const augmenting = 'declare global { interface Array<T> { qqqqq: T } } export {}';
  compileThen('2', augmenting);
  expect(errors(engine.compile('[1].qqqqq', { count: 2 }))).toEqual([2339]);
  const types = join(folder, 'node_modules', 'global-types');
  mkdirSync(types, { recursive: true });
  writeFileSync(join(types, 'package.json'), '{ "name": "global-types", "types": "index.d.ts" }');
  writeFileSync(
    join(types, 'index.d.ts'),
    'declare global { interface Array<T> { wwwww: T } } export const x: 1;',
  );
  compileThen('3', 'import { x } from "global-types"');
  expect(errors(engine.compile('[1].wwwww', { count: 2 }))).toEqual([2339]);
});

it('every cell of the corpus, right and wrong, as without checking ahead', () => {
  const plain = newEngine();
  const cells = corpus.flatMap((code, index) => [
    ...mutations.map((mutate) => mutate(code)).filter((_, kind) => (index + kind) % 3 === 0),
    code,
  ]);
  let pending: Compiled = compileThen('0', cells[0]!);
  for (const [index, code] of cells.entries()) {
    engine.commit(pending.token);
    const ours = engine.compile(code, { count: 2 });
    const theirs = plain.compile(code, { count: 2 });
    expect({ ...ours, token: 0 }).toEqual({ ...theirs, token: 0 });
    if (theirs.ok) plain.commit(theirs.token);
    if (ours.ok) pending = ours;
    if (index + 1 < cells.length) engine.prepare(cells[index + 1]!, { count: 2 }, pending.token);
  }
});
