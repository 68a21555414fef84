/** The engine in a child process, and the fallback behind the same interface. */
import { afterAll, describe, expect, it } from 'vitest';
import { CheckerEngine } from '../../kernel/language/checker-engine.js';
import { createEngine } from '../../kernel/language/create-engine.js';
import { RemoteEngine } from '../../kernel/language/remote-engine.js';
import { ServiceEngine } from '../../kernel/language/service-engine.js';
import { missingInternals } from '../../kernel/language/typescript-internal.js';
import { atCursor, define, errorsOf } from './support.js';

const cwd = process.cwd();

describe('choice of engine', () => {
  it('the pinned TypeScript has all the internals; what is missing is named', () => {
    expect(missingInternals()).toEqual([]);
    expect(missingInternals({ createTypeChecker() {}, Completions: {} })).toContain(
      'Completions.getCompletionsAtPosition',
    );
  });

  it('takes the persistent checker and starts empty', async () => {
    const warnings: string[] = [];
    const engine = createEngine({ cwd }, (line) => warnings.push(line));
    expect(engine).toBeInstanceOf(CheckerEngine);
    expect(warnings).toEqual([]);
    expect(await errorsOf(engine, 'a')).toEqual(['1:1 2304']);
  });
});

describe('the LanguageService fallback', () => {
  const engine = new ServiceEngine({ cwd });

  it('compiles to the same code as the persistent checker', async () => {
    const checker = new CheckerEngine({ cwd });
    for (const code of [
      'import { join, type ParsedPath } from "node:path"; import { Stats } from "node:fs"; let p: ParsedPath | Stats | undefined; p',
      'enum E { A } E.A',
      'join("a", "b")',
    ]) {
      const [ours, theirs] = [checker.compile(code, { count: 1 }), engine.compile(code, { count: 1 })];
      if (!ours.ok || !theirs.ok) throw new Error(`${code} was rejected`);
      expect(theirs.cell).toEqual(ours.cell);
      checker.commit(ours.token);
      engine.commit(theirs.token);
    }
  });

  it('completes, inspects, judges completeness and forgets', async () => {
    await define(engine, '/** The speed. */\nconst learningRate = 0.1');
    expect(engine.complete(...atCursor('learn| + 1'))).toMatchObject({
      matches: ['learningRate'],
      start: 0,
      end: 5,
    });
    expect(engine.inspect(...atCursor('learning|Rate')).text).toMatch(
      /const learningRate: 0\.1[\s\S]*The speed\./,
    );
    expect(engine.isComplete('f(')).toEqual({ status: 'incomplete', indent: '  ' });
    engine.reset();
    expect(await errorsOf(engine, 'learningRate')).toEqual(['1:1 2304']);
  });
});

describe('the engine as a process', () => {
  const engine = new RemoteEngine({ cwd });
  afterAll(() => engine.close());

  it('answers everything the interface asks', async () => {
    await define(engine, 'const remoteRate = 1');
    expect(await errorsOf(engine, 'remoteRate.x')).toEqual(['1:12 2339']);
    expect((await engine.complete(...atCursor('remoteR|'))).matches).toEqual(['remoteRate']);
    expect(await engine.inspect(...atCursor('remote|Rate'), 0)).toMatchObject({
      found: true,
      text: 'const remoteRate: 1',
    });
    expect(await engine.isComplete('{')).toEqual({ status: 'incomplete', indent: '  ' });
    await engine.reset();
    expect(await errorsOf(engine, 'remoteRate')).toEqual(['1:1 2304']);
  });

  it('starts again after a crash and knows the cells that ran', async () => {
    await define(engine, 'const survivor: number = 2');
    const compiled = await engine.compile('const late = survivor', { count: 2 });
    const pid = engine.processId!;
    process.kill(pid, 'SIGKILL');
    const interrupted = await engine.compile('survivor', { count: 3 }).then(
      () => 'answered',
      (error: Error) => error.message,
    );
    expect(interrupted).toMatch(/answered|its process ended/);
    // The cell compiled by the dead process ran meanwhile.
    if (compiled.ok) await engine.commit(compiled.token);
    expect(await errorsOf(engine, 'survivor.toFixed() + late.toFixed(); late.nope')).toEqual(['1:43 2339']);
    expect(engine.processId).not.toBe(pid);
  });

  it('refuses work once closed', async () => {
    const closed = new RemoteEngine({ cwd });
    closed.close();
    await expect(closed.isComplete('1')).rejects.toThrow('language engine: it has been closed');
  });
});
