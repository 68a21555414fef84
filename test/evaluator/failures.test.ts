/** Errors: what they say, where they point, and what a failed cell leaves. */
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

describe('the line that is marked', () => {
  const fail = '(null as any).x';
  it.each([
    ['the first of several statements', `${fail};\nconst a = 1;\na`, 1],
    ['a statement in the middle', `const a = 1;\n${fail};\na`, 2],
    ['the last expression', `const a = 1;\nconst b = 2;\n${fail}`, 3],
    ['a global that is not there, last', 'const a = 1;\nconst b = 2;\n(0, eval)("absent.title")', 3],
    ['a name used before it is there', 'const read = () =>\n  soon.x;\nread();\nconst soon = { x: 1 };', 2],
    ['a last expression of several lines', `const a = 1;\n[\n  a,\n  ${fail},\n].length`, 4],
    ['a chain of several lines', `const a = [1];\na\n  .map((x) => x)\n  .map(() => ${fail})\n  .length`, 4],
    ['a template', `const a = 1;\n\`\n\${${fail}}\``, 3],
    ['the last awaited expression', `const a = 1;\nawait Promise.resolve(a).then(\n  () => ${fail},\n)`, 3],
    ['after an await', `const a = 1;\nawait null;\n${fail}`, 3],
    ['a declaration', `const a = 1;\nconst b = a,\n  c = ${fail};`, 3],
    ['a pattern', `const a = 1;\nconst {\n  b,\n  c = ${fail},\n} = { b: 1 } as any;`, 4],
    ['a function further down', `f();\n\nfunction f() {\n  return ${fail};\n}`, 4],
    ['a class', `const a = 1;\nclass C {\n  static b = ${fail};\n}`, 3],
    ['a loop', `const a = 1;\nfor (var i = 0; i < 3; i++) {\n  if (i === 2)\n    ${fail};\n}`, 4],
    ['an export', `export const a = 1;\nexport default ${fail};`, 2],
    ['throw', 'const a = 1;\n\nthrow new Error("x")', 3],
  ])('%s', async (_, code, line) => {
    const { error, traceback, plain } = await notebook.run(code);
    expect(plain).toBeUndefined();
    expect(error).toBeDefined();
    expect(traceback).toContain(`cell ${notebook.count}, line ${line}\n`);
  });

  it('stands in the asynchronous part of a stack too', async () => {
    const code =
      'async function inner() {\n  await null;\n  throw new Error("deep");\n}\nasync function outer() {\n  await inner();\n}\nawait outer()';
    const { traceback } = await notebook.run(code);
    const frames = traceback!.split('\n').filter((line) => line.startsWith('    at '));
    expect(frames.map((line) => line.trim())).toEqual([
      `at inner (cell ${notebook.count}:3:9)`,
      `at async outer (cell ${notebook.count}:6:3)`,
      `at async cell ${notebook.count}:8:1`,
    ]);
  });
});

describe('the first line of a stack', () => {
  const captured = (target: string) =>
    `const target: any = ${target}; Error.captureStackTrace(target); const stack: string = target.stack`;
  it.each([
    [captured('{}'), 'Error'],
    [captured('{ name: "Odd", message: "m" }'), 'Odd: m'],
    [captured('{ toString: () => "mine" }'), 'Error'],
    [captured('Object.create(null)'), 'Error'],
    [
      'class Own extends Error { override toString() { return "mine" } } const stack = new Own("m").stack!',
      'Error: m',
    ],
    [
      'let stack = ""; try { require("node:fs").readFileSync(null) } catch (error) { stack = (error as Error).stack! }',
      'TypeError [ERR_INVALID_ARG_TYPE]: The "path" argument must be of type string or an instance of Buffer or URL. Received null',
    ],
  ])('%s', async (code, header) => {
    expect(await notebook.texts(code, 'stack.split("\\n")[0]')).toEqual([undefined, `'${header}'`]);
  });
});

describe('a failed cell keeps what it had done', () => {
  it('the names that had their values, with their types, and no others', async () => {
    const code =
      'const got = await Promise.resolve({ rows: 3 });\nconst lost = (null as any).x;\nconst never2 = 1';
    expect((await notebook.run(code)).error).toMatch(/^TypeError: /);
    expect(await notebook.texts('got', 'got.rows.toFixed(1)')).toEqual(['{ rows: 3 }', "'3.0'"]);
    expect((await notebook.run('lost')).typeErrors).toEqual(['1:1 2304']);
    expect((await notebook.run('never2')).typeErrors).toEqual(['1:1 2304']);
    expect(await notebook.texts('const lost = "later"; lost')).toEqual(["'later'"]);
  });

  it('each kind of name', async () => {
    await notebook.run(
      `import { sep } from 'node:path';
export const exported = 1;
const { a, b: [c, ...d], ...e } = { a: 1, b: [2, 3], f: 4 };
let empty: string | undefined;
var old = 5;
class Made { static made = old }
enum Kind { One = 1 }
namespace Space { export const inside = 7 }
interface Shape { side: number }
type Alias = Shape;
if (old) { var deep = 8 }
for (var turn = 0; ; turn++) if (turn === 3) throw new Error('x');
const after1 = 1; class After {} enum AfterKind { A } var after2 = 2;
function hoisted() { return 'hoisted' }`,
    );
    const shape = 'const shape: Alias = { side: 9 };';
    const names =
      'sep, exported, a, c, d, e, empty, old, Made.made, Kind.One, Space.inside, shape.side, deep, turn, hoisted()';
    expect(await notebook.texts(`${shape} JSON.stringify([${names}])`)).toEqual([
      `'["/",1,1,2,[3],{"f":4},null,5,5,1,7,9,8,3,"hoisted"]'`,
    ]);
    for (const name of ['after1', 'After', 'AfterKind', 'after2'])
      expect((await notebook.run(name)).typeErrors).toEqual(['1:1 2304']);
  });

  it('of several in one statement those before the error', async () => {
    await notebook.run('const one1 = 1, two1 = one1 + 1, three1 = (null as any).x, four1 = 4');
    expect(await notebook.texts('[one1, two1]')).toEqual(['[ 1, 2 ]']);
    expect((await notebook.run('three1')).typeErrors).toEqual(['1:1 2304']);
  });

  it('new values and types of names that were there, where they had them', async () => {
    await notebook.run('const kept = 1; const same = "old"');
    await notebook.run('const kept = "text"; throw new Error("x"); const same = 2');
    expect(await notebook.texts('kept.toUpperCase() + same.toUpperCase()')).toEqual(["'TEXTOLD'"]);
  });

  it('a global that it meant to hide and did not is there', async () => {
    await notebook.run('const process = (null as any).x');
    expect(await notebook.texts('process.pid > 0')).toEqual(['true']);
    await notebook.run('const structuredClone = "mine"; throw new Error("x")');
    expect(await notebook.texts('structuredClone')).toEqual(["'mine'"]);
  });

  it('what it did to values', async () => {
    await notebook.run('const list: number[] = []; let total = 0');
    await notebook.run('list.push(1); total = 5; throw new Error("x")');
    expect(await notebook.texts('[list, total]')).toEqual(['[ [ 1 ], 5 ]']);
  });

  it('nothing of a cell with a type error runs', async () => {
    await notebook.run('let ran = false');
    expect((await notebook.run('ran = true; ran.nope')).typeErrors).toEqual(['1:17 2339']);
    expect(await notebook.texts('ran')).toEqual(['false']);
  });

  it('also an abandoned one, whose end is never reported', async () => {
    await notebook.run('const before = 1');
    const compiled = notebook.engine.compile(
      'const first = "new"; await new Promise(r => setTimeout(r, 20)); const before = "new"; before',
      { count: 1 },
    );
    if (!compiled.ok) throw new Error(compiled.plain);
    let calls = 0;
    notebook.evaluator.run(compiled.cell, undefined, () => calls++);
    const undone = notebook.evaluator.abandon(undefined);
    expect(undone).toEqual(['before']);
    notebook.engine.commit(compiled.token, undone);
    expect(await notebook.texts('first')).toEqual(["'new'"]);
    expect(await notebook.texts('before')).toEqual(['1']);
    await new Promise((resolve) => setTimeout(resolve, 60));
    expect(calls).toBe(0);
  });
});
