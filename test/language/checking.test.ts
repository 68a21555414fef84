/** What the engine reports: scoping across cells, positions, texts, directives, modules that come and change. */
import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import ts from 'typescript';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { CheckerEngine } from '../../kernel/language/checker-engine.js';
import { PersistentChecker } from '../../kernel/language/persistent-checker.js';
import { prettyDiagnostics } from '../../kernel/language/pretty.js';
import { check, define, errorsOf } from './support.js';

const engine = new CheckerEngine({ cwd: process.cwd() });
beforeEach(() => engine.reset());

describe('scope', () => {
  it('sees values, types, classes and imports of earlier cells', async () => {
    await define(
      engine,
      'const n = 1; let s = "a"; interface P { q: number } class A { x = n } enum E { One }',
      'import { join } from "node:path"; import type { Stats } from "node:fs"',
      'const p: P = { q: n }; s = join(s, "b"); const a: A = new A(); const e: E = E.One; let st: Stats | undefined',
    );
    expect(await errorsOf(engine, 'p.q.x; a.y; E.Two; join(1); st.size')).toEqual([
      '1:5 2339',
      '1:10 2339',
      '1:15 2339',
      '1:25 2345',
      '1:29 18048',
    ]);
  });

  it('a redeclared name has its new type, and old uses keep theirs', async () => {
    await define(engine, 'class T { a = 1 } const made = new T()', 'class T { b = 2 }', 'made.a; new T().b');
    expect(await errorsOf(engine, 'const wrong: T = made')).toEqual(['1:7 2741']);
  });

  it('a new value does not hide an old type of the same name', async () => {
    await define(engine, 'type Size = number', 'const Size = (x: Size) => x', 'const three: Size = Size(3)');
    await define(engine, 'interface Size { w: number }');
    expect(await errorsOf(engine, 'const four: Size = 4; Size(4)')).toEqual(['1:7 2322']);
  });

  it('only committed cells are seen', async () => {
    const first = await check(engine, 'const ghost = 1');
    expect(first.ok).toBe(true);
    expect(await errorsOf(engine, 'ghost')).toEqual(['1:1 2304']);
    if (first.ok) engine.commit(first.token);
    expect(await errorsOf(engine, 'ghost')).toEqual([]);
    engine.commit(12_345);
  });

  it('global augmentations hold from the cell that makes them, and vanish with a failed one', async () => {
    const failed = 'declare global { interface Array<T> { gone(): T } } const x: string = 1';
    expect(await errorsOf(engine, failed)).toEqual(['1:59 2322']);
    expect(await errorsOf(engine, '[1].gone()')).toEqual(['1:5 2339']);
    await define(
      engine,
      'declare global { interface Array<T> { last(): T } } Array.prototype.last = function () { return this[0] }',
    );
    expect(await errorsOf(engine, '[1].last().toUpperCase()')).toEqual(['1:12 2339']);
  });

  it('assignments in other cells give a bare let its type', async () => {
    await define(engine, 'let later; later = 5', 'later');
  });

  it('a let without value is not unassigned in the cells that follow', async () => {
    await define(engine, 'let count: number; let text: string | undefined', 'count = 1; text = "a"');
    await define(engine, 'count.toFixed(); if (text) text.length; (() => count)()');
    expect(await errorsOf(engine, 'let own: number; own.toFixed()')).toEqual(['1:18 2454']);
  });

  it('narrows by control flow within a cell, not across cells', async () => {
    await define(engine, 'let u: string | undefined = Math.random() > 2 ? "x" : undefined');
    expect(await errorsOf(engine, 'u.length')).toEqual(['1:1 18048']);
    expect(await errorsOf(engine, 'if (u) u.length')).toEqual([]);
  });

  it('reset forgets everything', async () => {
    await define(engine, 'const a = 1');
    engine.reset();
    expect(await errorsOf(engine, 'a')).toEqual(['1:1 2304']);
  });
});

describe('diagnostics', () => {
  it('reads like tsc --pretty, with cell, line, column, source line and squiggle', async () => {
    const result = await engine.compile('const ok = 1;\n  const bad: string = 42;', { count: 7 });
    expect(result).toMatchObject({
      ok: false,
      diagnostics: [
        {
          code: 2322,
          line: 2,
          column: 9,
          start: 22,
          length: 3,
          message: "Type 'number' is not assignable to type 'string'.",
        },
      ],
      plain:
        "cell 7:2:9 - error TS2322: Type 'number' is not assignable to type 'string'.\n\n2   const bad: string = 42;\n          ~~~",
    });
    if (!result.ok) expect(result.pretty).toContain('\u001b[91merror\u001b[0m');
  });

  it('does not show the file names of cells in types', async () => {
    await define(
      engine,
      'class A { #secret = 1; x = 1 } const old = new A()',
      'class A { #secret = 1; x = 1 }',
    );
    const result = await check(
      engine,
      'const a: A = old; function f(m: typeof import("node:path")) { return m } f(1)',
    );
    expect(JSON.stringify(result)).not.toMatch(/__cell|__scope/);
  });

  it('keeps positions behind emoji and tabs', async () => {
    expect(await errorsOf(engine, 'const e = "😀😀"; e.nope')).toEqual(['1:21 2339']);
    expect(await errorsOf(engine, '\t"😀"\n\t\tmissing')).toEqual(['2:3 2304']);
  });

  it('calls other cells by their number, and other files by their path from the notebook', async () => {
    const first = await engine.compile('\ninterface Far { a: number }', { count: 4 });
    if (first.ok) engine.commit(first.token);
    const missing = await engine.compile('const far: Far = {}', { count: 5 });
    if (missing.ok) throw new Error('accepted');
    expect(missing.plain).toContain('cell 4:2:17\n    2 interface Far { a: number }');
    const date = await engine.compile('new Date().getTme()', { count: 6 });
    if (date.ok) throw new Error('accepted');
    expect(date.plain).toContain('\n  node_modules/typescript/lib/lib.es5.d.ts:');
  });

  it('reads as TypeScript itself prints it', async () => {
    const checker = new PersistentChecker(process.cwd());
    checker.commit(checker.add('interface Far { a: number; b: string }'));
    const cell = [
      'const far: Far = { a: 1 }',
      'const w: Far = {',
      '  a: 1,',
      '  b: 2, c: 3 }',
      'const long = (() => {',
      '',
      '  return 1',
      '',
      '  })() satisfies (x: number) => {',
      '}; [1].map((x: string) => x);',
      '\tfar.aa; far.b.toUpperCas()',
    ].join('\n');
    const file = checker.add(cell);
    const found = [
      ...checker.diagnostics(file),
      ...checker.diagnostics(checker.add('new Map([1]); Math.mx(1)')),
    ];
    expect(found.length).toBeGreaterThan(5);
    const host = {
      getCurrentDirectory: () => process.cwd(),
      getCanonicalFileName: String,
      getNewLine: () => '\n',
    };
    const folder = process.cwd();
    for (const item of found)
      expect(prettyDiagnostics([item], folder)).toBe(
        ts.formatDiagnosticsWithColorAndContext([item], host).trimEnd(),
      );
  });

  it('follows references, and says which lead nowhere', async () => {
    expect(await errorsOf(engine, '/// <reference types="node" />\n1')).toEqual([]);
    const lost = '/// <reference path="./no.d.ts" />\n/// <reference types="no" />\n1';
    expect(await errorsOf(engine, lost)).toEqual(['1:22 6053', '2:23 2688']);
  });

  it('reports syntax errors alone', async () => {
    expect(await errorsOf(engine, 'const x = ;\nmissing')).toEqual(['1:11 1109']);
  });

  it('honours @ts-expect-error and @ts-ignore, and reports an unused expectation', async () => {
    expect(await errorsOf(engine, '// @ts-expect-error\nconst q: string = 1')).toEqual([]);
    expect(await errorsOf(engine, '// @ts-ignore\n\n// more\nconst r: string = 1')).toEqual([]);
    expect(await errorsOf(engine, 'const fine = 1\n// @ts-expect-error\nconst s: string = "a"')).toEqual([
      '2:1 2578',
    ]);
  });

  it('suggests what was meant, however often', async () => {
    await define(engine, 'const learningRate = 0.1');
    for (let attempt = 0; attempt < 25; attempt++) {
      const result = await check(engine, 'learningRat');
      if (result.ok) throw new Error('accepted');
      expect(result.diagnostics[0]).toMatchObject({
        code: 2552,
        message: "Cannot find name 'learningRat'. Did you mean 'learningRate'?",
      });
    }
  });

  it('refuses what cannot run, in words', async () => {
    expect((await check(engine, 'const a = <b>x</b>')).ok).toBe(false);
    const jsx = await check(engine, 'const a = <b>x</b>');
    if (!jsx.ok) expect(jsx.plain).toMatch(/^cell 1:1:11 - error: JSX is not supported in cells\./);
    const using = await check(engine, 'using a = { [Symbol.dispose]() {} }');
    if (!using.ok) expect(using.plain).toMatch(/^cell 1:1:1 - error: `using` at the top of a cell/);
    expect(await errorsOf(engine, 'const notJsx = 1 < 2 && 3 > 2')).toEqual([]);
  });
});

describe('modules', () => {
  const folder = mkdtempSync(join(tmpdir(), 'kernelbook-modules-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  const away = new CheckerEngine({ cwd: folder });

  /** Writes a file with a modification time of its own, so that no clock is too coarse. */
  let time = 1_700_000_000;
  const write = (name: string, text: string): void => {
    const path = join(folder, name);
    writeFileSync(path, text);
    utimesSync(path, time, time++);
  };

  it('finds kernelbook and the types of Node in a notebook far from any project', async () => {
    await define(
      away,
      'import { display as show } from "kernelbook"; import { readFileSync } from "node:fs"; process.cwd(); Buffer.from("a")',
    );
    expect(await errorsOf(away, 'show()')).toEqual(['1:1 2554']);
  });

  it('reads a relative file again when it changes', async () => {
    write('mine.ts', 'export const value: number = 1');
    await define(away, 'import { value } from "./mine"', 'value.toFixed()');
    write('mine.ts', 'export const value: string = "s"');
    expect(await errorsOf(away, 'value.toFixed()')).toEqual(['1:7 2551']);
    await define(away, 'value.toUpperCase()');
  });

  it('follows a change in a file that an imported file imports', async () => {
    write('deep.ts', 'export interface Deep { a: number }');
    write('outer.ts', 'import type { Deep } from "./deep.js"; export const deep: Deep = { a: 1 }');
    await define(away, 'import { deep } from "./outer.ts"', 'deep.a.toFixed()');
    write('deep.ts', 'export interface Deep { a: string }');
    expect(await errorsOf(away, 'deep.a.toFixed()')).toEqual(['1:8 2551']);
  });

  it('stays silent about packages without types', async () => {
    const home = join(folder, 'node_modules', 'untyped');
    mkdirSync(home, { recursive: true });
    writeFileSync(join(home, 'package.json'), '{"name":"untyped","version":"1.0.0","main":"index.js"}');
    writeFileSync(join(home, 'index.js'), 'exports.a = 1');
    await define(away, 'import untyped from "untyped"; untyped.anything');
  });

  it('finds a package that was installed after it was missed, and a file that was written', async () => {
    expect(await errorsOf(away, 'import { late } from "late-package"')).toEqual(['1:22 2307']);
    expect(await errorsOf(away, 'import { x } from "./late-file"')).toEqual(['1:19 2307']);
    const home = join(folder, 'node_modules', 'late-package');
    mkdirSync(home, { recursive: true });
    writeFileSync(
      join(home, 'package.json'),
      '{"name":"late-package","version":"1.0.0","types":"index.d.ts","main":"index.js"}',
    );
    writeFileSync(join(home, 'index.d.ts'), 'export declare const late: 1;');
    write('late-file.ts', 'export const x = 1');
    await define(away, 'import { late } from "late-package"; import { x } from "./late-file"; late + x');
  });
});
