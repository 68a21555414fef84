/** Errors: what they say, where they point, and that a failed cell leaves no trace. */
import { describe, expect, it } from 'vitest';
import { Notebook } from './notebook.js';

const notebook = new Notebook();

describe('run-time errors', () => {
  it('points to the line and column of the TypeScript that was typed', async () => {
    const cell = [
      'interface Options { deep?: { value: number } }',
      'enum Unrelated { A, B }',
      'function read(options: Options): number {',
      '  const unused: number = 1;',
      '',
      '  return unused + [1].map(() => options.deep!.value)[0]!;',
      '}',
      'read({})',
    ].join('\n');
    const { error, traceback } = await notebook.run(cell);
    expect(error).toBe("TypeError: Cannot read properties of undefined (reading 'value')");
    expect(traceback).toContain(`cell ${notebook.count}, line 6\n`);
    expect(traceback).toContain('> 6 |   return unused + [1].map(() => options.deep!.value)[0]!;');
    const lines = traceback!.split('\n');
    const caret = lines.findIndex((line) => line.startsWith('> 6')) + 1;
    expect(lines[caret]!.indexOf('^')).toBe(lines[caret - 1]!.indexOf('value)[0]'));
    const frames = lines.filter((line) => line.startsWith('    at '));
    expect(frames.map((line) => line.trim())).toEqual([
      `at cell ${notebook.count}:6:47`,
      'at Array.map (<anonymous>)',
      `at read (cell ${notebook.count}:6:23)`,
      `at cell ${notebook.count}:8:1`,
    ]);
  });

  it('follows a function of an earlier cell, and hoisted code', async () => {
    await notebook.run('1\n\nfunction inner(): never {\n  throw new RangeError("deep")\n}');
    const first = notebook.count;
    const { traceback } = await notebook.run('\ninner()');
    expect(traceback).toContain(`at inner (cell ${first}:4:9)`);
    expect(traceback).toContain(`at cell ${first + 1}:2:1`);
    expect(traceback).toContain(`cell ${first}, line 4`);
  });

  it('works after an await, and in the emitter of decorators', async () => {
    const late = await notebook.run(
      'await null\nconst asyncFail = async () => {\n  await null\n  throw new Error("late")\n}\nawait asyncFail()',
    );
    expect(late.traceback).toContain(`at asyncFail (cell ${notebook.count}:4:9)`);
    const decorated = await notebook.run(
      'const note = (_: unknown, __: ClassMethodDecoratorContext) => {}\n\nclass D {\n  @note\n  fail() { throw new Error("in class") }\n}\nnew D().fail()',
    );
    expect(decorated.traceback).toContain(`(cell ${notebook.count}:5:18)`);
  });

  it('shows causes and the members of an aggregate', async () => {
    const cause = await notebook.run('throw new Error("outer", { cause: new TypeError("inner") })');
    expect(cause.traceback).toMatch(/Error: outer[\s\S]*Caused by:\nTypeError: inner/);
    const aggregate = await notebook.run('await Promise.any([Promise.reject(new RangeError("one"))])');
    expect(aggregate.error).toMatch(/^AggregateError: /);
    expect(aggregate.traceback).toMatch(/One of:\nRangeError: one/);
  });

  it('reports what is thrown that is no error', async () => {
    expect((await notebook.run('throw 5')).error).toBe('Thrown: 5');
    expect((await notebook.run('throw { code: 7 }')).error).toBe('Thrown: { code: 7 }');
    expect((await notebook.run('throw undefined')).error).toBe('Thrown: undefined');
  });

  it.each([
    [
      'new Proxy({}, { get() { throw 1 }, getPrototypeOf() { throw 2 }, ownKeys() { throw 3 } })',
      'Thrown: {}',
    ],
    ['new Proxy(new Error("x"), { get() { throw 1 } })', 'Error: (its message cannot be read)'],
    ['Object.assign(new Error("x"), { name: { toString() { throw 1 } } })', 'Error: x'],
    [
      'Object.defineProperty(new Error("x"), "message", { get() { throw 1 } })',
      'Error: (its message cannot be read)',
    ],
    ['Object.defineProperty(new Error("x"), "stack", { get() { throw 1 } })', 'Error: x'],
    ['Object.freeze(new Error("x"))', 'Error: x'],
    ['Object.create(null)', 'Thrown: [Object: null prototype] {}'],
    ['(await import("node:vm")).runInNewContext("new RangeError(1)")', 'RangeError: 1'],
    ['new DOMException("gone", "AbortError")', 'AbortError: gone'],
  ])('survives throw %s', async (thrown, error) => {
    expect((await notebook.run(`throw ${thrown}`)).error).toBe(error);
  });

  it('shortens messages, ends cycles, counts the rest of many', async () => {
    const long = await notebook.run('throw new Error("m".repeat(2_000_000))');
    expect(long.error).toMatch(/^Error: m{10000}… \(1990000 more characters\)$/);
    expect(long.traceback!.length).toBeLessThan(30_000);
    const cycle = await notebook.run(
      'const ring: Error = new Error("ring", { cause: new Error("other", { cause: "because" }) }); (ring.cause as Error).cause = ring; throw ring',
    );
    expect(cycle.traceback).toMatch(/Caused by:\nError: other[\s\S]*Caused by: Error, shown above$/);
    const many = await notebook.run('throw new AggregateError(Array.from({ length: 200 }, (_, i) => i))');
    expect(many.traceback).toMatch(/One of: 0\n\nOne of: 1\n[\s\S]*… and 192 more$/);
  });

  it('takes no line of a message for a frame', async () => {
    const { traceback } = await notebook.run('throw new Error("a\\n    at fake (x:1:1)")');
    expect(traceback!.match(/^ +at fake/gm)).toHaveLength(1);
  });

  it('shows the place in a very long line, under wide characters', async () => {
    const { traceback } = await notebook.run(`const 宽 = "宽"; ${'宽.length + '.repeat(60)}JSON.parse("{")`);
    const lines = traceback!.split('\n');
    const marked = lines.findIndex((line) => line.startsWith('> 1'));
    expect(lines[marked]!.length).toBeLessThan(180);
    const columns = lines[marked]!.slice(0, lines[marked]!.indexOf('parse(')).replaceAll('宽', '宽 ').length;
    expect(lines[marked + 1]!.indexOf('^')).toBe(columns);
  });

  it('uses the name an error class gives itself', async () => {
    const { error } = await notebook.run(
      'class Odd extends Error { override name = "OddError" } throw new Odd("x")',
    );
    expect(error).toBe('OddError: x');
  });

  it('gives console.error and error.stack the same places', async () => {
    const { text } = await notebook.run('\nnew Error("seen").stack!.split("\\n")[1]!.trim()');
    expect(text).toBe(`'at cell ${notebook.count}:2:1'`);
  });

  it('counts columns past characters beyond the basic plane, after carriage returns', async () => {
    const line = 'const emoji = "😀😀"; JSON.parse("null").length';
    const { traceback } = await notebook.run(`const é = "ü";\r\n${line}`);
    expect(traceback).toContain(`at cell ${notebook.count}:2:${line.indexOf('.length') + 1}`);
    expect(traceback).toContain(`> 2 | ${line}\n`);
  });
});

describe('a failed cell leaves no trace', () => {
  it('of its names', async () => {
    expect((await notebook.run('const lost = 1; throw new Error("x")')).error).toBe('Error: x');
    expect((await notebook.run('lost')).typeErrors).toEqual(['1:1 2304']);
  });

  it('of new values or types for names that were there', async () => {
    await notebook.run('const kept = 1; function same() { return "old" }');
    await notebook.run('const kept = "text"; function same() { return 2 } throw new Error("x")');
    expect(await notebook.texts('kept.toFixed(1) + same().toUpperCase()')).toEqual(["'1.0OLD'"]);
  });

  it('but keeps what it did to values', async () => {
    await notebook.run('const list: number[] = []; let total = 0');
    await notebook.run('list.push(1); total = 5; throw new Error("x")');
    expect(await notebook.texts('[list, total]')).toEqual(['[ [ 1 ], 5 ]']);
  });

  it('and nothing of a cell with a type error runs', async () => {
    await notebook.run('let ran = false');
    expect((await notebook.run('ran = true; ran.nope')).typeErrors).toEqual(['1:17 2339']);
    expect(await notebook.texts('ran')).toEqual(['false']);
  });

  it('of an abandoned cell, whose end is never reported', async () => {
    await notebook.run('const before = 1');
    const compiled = notebook.engine.compile(
      'const before = "new"; await new Promise(r => setTimeout(r, 20)); before',
      { count: 1 },
    );
    if (!compiled.ok) throw new Error(compiled.plain);
    let calls = 0;
    notebook.evaluator.run(compiled.cell, undefined, () => calls++);
    notebook.evaluator.abandon(undefined);
    expect(await notebook.texts('before')).toEqual(['1']);
    await new Promise((resolve) => setTimeout(resolve, 60));
    expect(calls).toBe(0);
  });
});
