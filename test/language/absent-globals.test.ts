/** What passes the check is there when it runs: every global that is declared to a cell, and every one that it has. */
import { spawnSync } from 'node:child_process';
import { builtinModules } from 'node:module';
import ts from 'typescript';
import { beforeEach, describe, expect, it } from 'vitest';
import { CheckerEngine } from '../../kernel/language/checker-engine.js';
import { PersistentChecker } from '../../kernel/language/persistent-checker.js';
import { ServiceEngine } from '../../kernel/language/service-engine.js';
import { Notebook } from '../evaluator/notebook.js';
import { atCursor, check, define, errorsOf } from './support.js';

const cwd = process.cwd();
const engine = new CheckerEngine({ cwd });
beforeEach(() => engine.reset());

function declaredValues(): string[] {
  const checker = new PersistentChecker(cwd);
  const symbols = checker.checker.getSymbolsInScope(checker.add('0'), ts.SymbolFlags.Value);
  return symbols
    .map(({ name }) => name)
    .filter((name) => /^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u.test(name));
}

/** The names that a cell may use as values. */
async function usable(names: readonly string[]): Promise<string[]> {
  const cell = await check(engine, names.map((name) => `void ${name};`).join('\n'));
  const refused = new Set(cell.ok ? [] : cell.diagnostics.map(({ line }) => names[line - 1]));
  return names.filter((name) => !refused.has(name));
}

it('every name that is declared and passes the check is there when it runs', async () => {
  const names = declaredValues();
  expect(names.length).toBeGreaterThan(1000);
  const passing = await usable(names);
  const notebook = new Notebook(cwd);
  const missing = `[${passing.map((name) => `'${name}'`)}].filter((name) => {
    try { (0, eval)(name); } catch { return true; }
    return false;
  }).join()`;
  expect(await notebook.texts(missing)).toEqual(["''"]);
  expect(passing).toEqual(
    expect.arrayContaining(['fetch', 'structuredClone', 'performance', 'crypto', 'display', 'require']),
  );
});

it('every global that a cell has passes the check', async () => {
  // A program of its own: this process has globals of the test runner.
  const script = 'process.stdout.write(Object.getOwnPropertyNames(globalThis).join())';
  const { stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' });
  const names = stdout.split(',').filter((name) => !builtinModules.includes(name));
  expect(names.length).toBeGreaterThan(60);
  const passing = await usable(names);
  expect(names.filter((name) => !passing.includes(name))).toEqual([]);
});

describe.each([
  ['the checker', () => engine],
  ['the LanguageService', () => new ServiceEngine({ cwd })],
])('%s', (_, engineOf) => {
  it.each(
    'name status event length prompt document window self location alert localStorage Image Worker __dirname __filename module exports'.split(
      ' ',
    ),
  )('says that there is no %s before anything runs', async (name) => {
    const result = await check(engineOf(), `const person = 'Ada';\nconsole.log(person, ${name});`);
    if (result.ok) throw new Error(`${name} passes`);
    expect(result.diagnostics).toMatchObject([{ code: 2304, line: 2, column: 21 }]);
    expect(result.diagnostics[0]!.message).toMatch(new RegExp(`^Cannot find name '${name}'\\. \\w`));
  });
});

describe('no error', () => {
  it.each([
    'typeof document === "undefined"',
    'const name = "Ada"; name.length',
    'function greet(name: string, length = 1) { return name + length; } greet("a")',
    'const { status, document: page } = { status: 1, document: 2 }; [status, page]',
    '[{ name: 1, event: 2 }].map(({ name, event }) => name + event)',
    'let page: Document | undefined; let image: typeof Image | undefined; [page, image]',
    'if (typeof window !== "undefined") console.log(window.location.href)',
    'typeof document !== "undefined" && document.title',
    'globalThis.document?.title',
    'name: for (;;) break name',
    'declare const document: Document; () => document.title',
    'class Node { next?: Node } new Node()',
    'globalThis.document = { title: "mine" } as Document; document.title',
  ])('%s', async (code) => {
    expect(await errorsOf(engine, code)).toEqual([]);
  });

  it('for what an earlier cell has made global', async () => {
    await define(engine, 'Object.assign(globalThis, { localStorage: new Map() })');
    expect(await errorsOf(engine, 'localStorage')).toEqual([]);
    engine.reset();
    expect(await errorsOf(engine, 'localStorage')).toEqual(['1:1 2304']);
  });
});

it('names of browsers are not offered', () => {
  expect(engine.complete(...atCursor('docum|')).matches).not.toContain('document');
  expect(engine.complete(...atCursor('__dirn|')).matches).toEqual([]);
  expect(engine.complete(...atCursor('const documents = 1; docum|')).matches[0]).toBe('documents');
  expect(engine.complete(...atCursor('let d: Docum|')).matches).toContain('Document');
  expect(engine.complete(...atCursor('structuredCl|')).matches).toEqual(['structuredClone']);
});
