/** The engine of a kernel whose notebook was checked before: the same answers as the checker's, and a process only when it is needed. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { CheckerEngine } from '../../kernel/language/checker-engine.js';
import { EngineAhead } from '../../kernel/language/engine-ahead.js';
import { checkNotebook } from '../../scripts/check/check-notebook.js';
import { type CellText, notebookOf } from '../check/notebook-of.js';

let folder: string;
const opened: EngineAhead[] = [];
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'kernelbook-ahead-'));
});
afterEach(() => {
  for (const engine of opened.splice(0)) engine.close();
});
afterAll(() => rmSync(folder, { recursive: true }));

/** What the check of a run leaves, and an engine that begins with it. */
async function checkedBefore(cells: CellText[], skipped?: Map<string, string>): Promise<EngineAhead> {
  const notebook = notebookOf(cells);
  const one = { name: 'a.ipynb', path: join(folder, 'a.ipynb'), notebook, isRun: true };
  const { ahead } = await checkNotebook(new CheckerEngine({ cwd: folder }), {
    ...one,
    ...(skipped && { skipped }),
  });
  const file = join(folder, `${opened.length}.json`);
  writeFileSync(file, JSON.stringify(ahead));
  const engine = new EngineAhead(file, { cwd: folder });
  opened.push(engine);
  return engine;
}

/** The errors of the cell; it runs where it has none. */
async function run(engine: EngineAhead, code: string, count: number): Promise<number[]> {
  const result = await engine.compile(code, { count });
  if (result.ok) await engine.commit(result.token);
  return result.ok ? [] : result.diagnostics.map((item) => item.code);
}

describe('cells that come as they were checked', () => {
  it('are what the checker makes of them, without a process', async () => {
    const cells: CellText[] = [
      "import { join, type ParsedPath } from 'node:path';\nlet p: ParsedPath | undefined;",
      'enum E { A = 1 }\nconst f = async (x: number) => x * 2;',
      '',
      'await f(E.A) + (p?.base ?? join("a", "b")).length',
      ['f("s")', 'raises-exception'],
      'for (const x of [1, 2]) console.log(x); E',
    ];
    const engine = await checkedBefore(cells);
    const checker = new CheckerEngine({ cwd: folder });
    let count = 0;
    for (const cell of cells) {
      const source = typeof cell === 'string' ? cell : cell[0];
      if (source === '') continue;
      const [ours, theirs] = [
        await engine.compile(source, { count: ++count }),
        checker.compile(source, { count }),
      ];
      expect({ ...ours, token: 0 }).toEqual({ ...theirs, token: 0 });
      if (ours.ok) await engine.commit(ours.token);
      if (theirs.ok) checker.commit(theirs.token);
    }
    expect(count).toBe(5);
    expect(engine.processId).toBeUndefined();
  });

  it('may follow cells that are not run here, questions to the pager, and one that failed as it must', async () => {
    const engine = await checkedBefore(
      ['const a = 1', 'const gpu = 2', 'a?', ['throw new Error("x" + a)', 'raises-exception'], 'a + 1'],
      new Map([['c2', 'needs a GPU']]),
    );
    expect(await run(engine, 'const a = 1', 1)).toEqual([]);
    // Count 2 is the question; the cell that throws is not committed.
    expect(await engine.compile('throw new Error("x" + a)', { count: 3 })).toMatchObject({ ok: true });
    expect(await run(engine, 'a + 1', 4)).toEqual([]);
    expect(engine.processId).toBeUndefined();
  });
});

describe('what comes otherwise is checked by an engine that knows what ran', () => {
  const cells = ['const a: number = 1', 'const b = a + 1', 'a + b'];

  it.each([
    ['another source', 'const b = a.nope', 2, [2339]],
    ['another count', 'const b = a + 1', 3, []],
    ['a cell from further on', 'a + b', 2, [2304]],
    ['a cell whose forerunner did not run', 'a + b', 3, [2304]],
  ])('%s', async (_what, source, count, errors) => {
    const engine = await checkedBefore(cells);
    await run(engine, cells[0]!, 1);
    expect(await run(engine, source, count)).toEqual(errors);
    expect(engine.processId).toBeTypeOf('number');
    expect(await run(engine, 'a.nope', 9)).toEqual([2339]);
  });

  it('a completion, while a cell runs that was checked before', async () => {
    const engine = await checkedBefore(cells);
    const first = await engine.compile(cells[0]!, { count: 1 });
    expect((await engine.complete('cons', 4)).matches).toContain('const');
    if (first.ok) await engine.commit(first.token);
    expect(await run(engine, 'a.nope', 2)).toEqual([2339]);
  });

  it('a file that was changed, or made, by a cell before', async () => {
    const file = join(folder, 'helper.ts');
    writeFileSync(file, 'export const h: number = 1;');
    const engine = await checkedBefore([
      'const changed = "helper.ts made.ts"',
      'import { h } from "./helper.ts"; h.toFixed()',
      'import { m } from "./made.ts"; m.toFixed()',
    ]);
    await run(engine, 'const changed = "helper.ts made.ts"', 1);
    writeFileSync(file, 'export const h: string = "one";');
    writeFileSync(join(folder, 'made.ts'), 'export const m: number = 1;');
    expect(await run(engine, 'import { h } from "./helper.ts"; h.toFixed()', 2)).toEqual([2551]);
    expect(await run(engine, 'import { m } from "./made.ts"; m.toFixed()', 3)).toEqual([]);
  });

  it('a module that was missing when the cells were checked', async () => {
    const source = 'import { late } from "./late.ts"; late';
    const engine = await checkedBefore([
      ['"late.ts"; 1', 'x'],
      [source, 'raises-exception'],
    ]);
    await run(engine, '"late.ts"; 1', 1);
    writeFileSync(join(folder, 'late.ts'), 'export const late = 1;');
    expect(await run(engine, source, 2)).toEqual([]);
  });

  it.each(['absent.json', 'half.json'])('where the file is not to be read: %s', async (name) => {
    writeFileSync(join(folder, 'half.json'), '[{"source": "1"');
    const engine = new EngineAhead(join(folder, name), { cwd: folder });
    opened.push(engine);
    expect(await run(engine, 'const x = 1', 1)).toEqual([]);
    expect(await run(engine, 'x.nope', 2)).toEqual([2339]);
  });
});
