/** Parameters: types read from declarations, values checked against them, papermill's injected cell. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runInThisContext } from 'node:vm';
import { afterAll, describe, expect, it } from 'vitest';
import type { CodeCell, Notebook } from '../../../scripts/notebook/format.js';
import { parameterFiles } from '../../../scripts/run/parameters/parameter-file.js';
import {
  describeType,
  fitValue,
  ParameterMismatch,
  parseValue,
} from '../../../scripts/run/parameters/parameter-type.js';
import { applyParameters, UsageError } from '../../../scripts/run/parameters/parameters.js';
import { pythonLiteral, pythonParameters } from '../../../scripts/run/parameters/python-parameters.js';
import { noSecrets, Secrets } from '../../../scripts/run/parameters/secrets.js';
import {
  typescriptLiteral,
  typescriptParameters,
} from '../../../scripts/run/parameters/typescript-parameters.js';

const typeOf = (declaration: string) => typescriptParameters(declaration)[0]!.type;
const parse = (declaration: string, text: string) => parseValue(typeOf(declaration), text);

describe('types of declarations', () => {
  it.each([
    ['let n: number = 3', 'number'],
    ['const n = -3', 'number'],
    ['let n = 4 * 1024', 'number'],
    ['let n = 10n', 'bigint'],
    ['var s = `a`', 'string'],
    ['let flag = !true', 'boolean'],
    ["let layout: 'half' | 'interleaved' = 'half'", '"half" | "interleaved"'],
    ["type L = 'a' | 'b'; let x: L = 'a'", '"a" | "b"'],
    ['let sizes: number[] = []', 'number[]'],
    ['let sizes = [1, 2]', 'number[]'],
    ["let mixed = [1, 'a']", '(number | string)[]'],
    ['let shape: readonly [number, number] = [1, 2]', '[number, number]'],
    ['let shape: [T: number, D: number] = [1, 2]', '[number, number]'],
    ['let o: { eps: number; name?: string } = { eps: 1 }', '{ eps: number; name?: string }'],
    ['let x = 3 as number | null', 'number | null'],
    ['let x: string | undefined', 'string | undefined'],
    ['let x: {} = 1', 'unknown'],
    ['let shape: [T: number, D?: number] = [1]', 'unknown'],
    ['let shape: [T: number, ...rest: number[]] = [1]', 'unknown'],
    ['let x = 3 satisfies number', 'number'],
    ['let x: Map<string, number> = new Map()', 'unknown'],
    ['let x = compute()', 'unknown'],
    ['type R = R[]; let x: R = []', /^unknown(\[\])+$/],
  ])('%s', (declaration, expected) => {
    const shown = describeType(typeOf(declaration));
    if (typeof expected === 'string') expect(shown).toBe(expected);
    else expect(shown).toMatch(expected);
  });

  it('reads every plain declaration of the cell, with its keyword and annotation', () => {
    const found = typescriptParameters(
      'import x from "y";\nlet a = 1, b: string = "s";\nconst { c } = x;\n({ a });',
    );
    expect(found.map(({ declaration }) => declaration)).toEqual(['let a', 'let b: string']);
  });
});

describe('values', () => {
  it.each<[string, string, unknown]>([
    ['let n: number', '1e-5', 1e-5],
    ['let n: number', '0x10', 16],
    ['let n: number', '1_000', 1000],
    ['let n: number', '-Infinity', -Infinity],
    ['let n: number', 'NaN', Number.NaN],
    [
      'let t: [bigint, string]',
      '[12345678901234567890, "12345678901234567890"]',
      [12345678901234567890n, '12345678901234567890'],
    ],
    ['let s: string | undefined', '5', '5'],
    ['let s: string | undefined', 'undefined', undefined],
    ['let n: bigint', '12345678901234567890', 12345678901234567890n],
    ['let s: string', '3', '3'],
    ['let s: string', '"quoted"', '"quoted"'],
    ['let s: string', '', ''],
    ['let b: boolean', 'false', false],
    ['let s: string | null', 'null', null],
    ['let s: string | null', 'word', 'word'],
    ["let x: 'half' | 2", 'half', 'half'],
    ["let x: 'half' | 2", '2', 2],
    ['let a: number[]', '[1, 2.5]', [1, 2.5]],
    ['let o: { eps: number; name?: string }', '{"eps": 1}', { eps: 1 }],
    ['let x = compute()', '{"a": [true]}', { a: [true] }],
    ['let x = compute()', 'plain words', 'plain words'],
  ])('%s given %s', (declaration, text, value) => {
    expect(parse(declaration, text)).toEqual(value);
  });

  it.each<[string, string, string]>([
    ['let n: number', 'abc', 'is "abc", not number'],
    ['let n: number', '', 'is "", not number'],
    ['let n: number', '1e999', 'not number'],
    ['let n: number', 'true', 'is true, not number'],
    ['let b: boolean', 'yes', 'is "yes", not boolean'],
    ['let b: boolean', '1', 'is 1, not boolean'],
    ["let x: 'half' | 'full'", 'hal', 'not "half" | "full"'],
    ['let a: number[]', '3', 'is 3, not number[]'],
    ['let a: number[]', '[1, "2"]', 'its part [1] is "2", not number'],
    ['let a: number[][]', '[[1], [null]]', 'its part [1][0] is null, not number'],
    ['let t: [number, number]', '[1]', 'is [1], not [number, number]'],
    ['let o: { eps: number }', '{"eps": 1, "x": 2}', 'not { eps: number }'],
    ['let o: { eps: number }', '{}', 'not { eps: number }'],
    ['let o: { eps: number }', '{"eps": "1"}', 'its part .eps is "1"'],
    ['let n: bigint', '1.5', 'is 1.5, not bigint'],
  ])('%s refuses %s', (declaration, text, message) => {
    expect(() => parse(declaration, text)).toThrow(ParameterMismatch);
    expect(() => parse(declaration, text)).toThrow(message);
  });

  it('are written as source that evaluates to them', () => {
    for (const value of [1e21, -0, Number.NaN, Infinity, 'a"\n\u2028`', [1, [true, null]], { 'a b': 'c' }]) {
      expect(runInThisContext(`(${typescriptLiteral(value)})`)).toEqual(value);
    }
    expect(typescriptLiteral(5n)).toBe('5n');
    expect(pythonLiteral({ a: [true, null, 1.5, 'é"'], b: Number.NaN })).toBe(
      '{"a": [True, None, 1.5, "é\\""], "b": float("nan")}',
    );
  });
});

describe('Python parameters', () => {
  it('come from assignments, by annotation or literal', () => {
    const found = pythonParameters(
      'import os\nn = 3  # steps\nname: str = os.name\nflag = True\nxs = [1]\n  inner = 1\nn == 3',
    );
    expect(found.map(({ name, type }) => `${name}: ${describeType(type)}`)).toEqual([
      'n: int | float',
      'name: string',
      'flag: boolean',
      'xs: unknown[]',
    ]);
  });

  it('may have several lines, and what stands in strings and brackets is none', () => {
    const found = pythonParameters(
      "d = {  # not at the end\n  \"a\": 1,\n}  # beside\ntext = '''\ninner = 1\n'''\nq = \"#\\\"\"\nlong = 1 + \\\n  2\nn: int = 4",
    );
    expect(found.map(({ name, value, comment }) => [name, value, comment])).toEqual([
      ['d', '{  # not at the end\n  "a": 1,\n}', 'beside'],
      ['text', "'''\ninner = 1\n'''", ''],
      ['q', '"#\\""', ''],
      ['long', '1 + \\\n  2', ''],
      ['n', '4', ''],
    ]);
  });
});

describe('applyParameters', () => {
  const cell = (id: string, source: string, tags: string[] = []): CodeCell => ({
    cell_type: 'code',
    id,
    metadata: { tags },
    source,
    execution_count: null,
    outputs: [],
  });
  const notebook = (...cells: CodeCell[]): Notebook => ({
    nbformat: 4,
    nbformat_minor: 5,
    metadata: {},
    cells,
  });
  const given = (name: string, text: string) => [{ name, text }];
  const parameters = cell('p', "let steps: number = 3;\nconst layout: 'a' | 'b' = 'a';", ['parameters']);
  const entry = (book: Notebook, language = 'typescript', name = 'x.ipynb') => ({
    name,
    language,
    notebook: book,
  });

  it('puts an injected cell after the parameters, with the declared types', async () => {
    const original = notebook(cell('first', '1'), parameters, cell('last', 'steps'));
    const [result] = await applyParameters(
      [entry(original)],
      [...given('steps', '7'), ...given('layout', 'b')],
    );
    expect(result!.notebook.cells.map((one) => one.id)).toEqual([
      'first',
      'p',
      'injected-parameters',
      'last',
    ]);
    const injected = result!.notebook.cells[2]!;
    expect(result!.secrets.sourceOf(injected)).toBe(injected.source);
    expect(injected.source).toBe("// Parameters\nlet steps: number = 7;\nconst layout: 'a' | 'b' = \"b\";");
    expect(injected.metadata.tags).toEqual(['injected-parameters']);
    expect(result!.values).toEqual({ steps: 7, layout: 'b' });
    expect(original.cells).toHaveLength(3);
  });

  it('replaces the injected cell of an earlier run', async () => {
    const again = notebook(
      parameters,
      cell('old', 'let steps = 1', ['injected-parameters']),
      cell('last', ''),
    );
    const [result] = await applyParameters([entry(again)], given('steps', '9'));
    expect(result!.notebook.cells.map((one) => one.id)).toEqual(['p', 'old', 'last']);
    expect(result!.notebook.cells[1]!.source).toContain('= 9;');
  });

  it('gives each notebook the parameters it declares', async () => {
    const other = notebook(cell('q', 'let width = 1;', ['parameters']));
    const results = await applyParameters([entry(notebook(parameters)), entry(other)], given('width', '2'));
    expect(results.map(({ values }) => values)).toEqual([{}, { width: 2 }]);
    expect(results[0]!.notebook.cells).toHaveLength(1);
  });

  it('writes Python for a Python kernel', async () => {
    const python = notebook(cell('p', 'n = 1', ['parameters']));
    const [result] = await applyParameters([entry(python, 'python')], given('n', '2'));
    expect(result!.notebook.cells[1]!.source).toBe('# Parameters\nn = 2');
  });

  it.each([
    ['n: int = 1', '12345678901234567890', '12345678901234567890'],
    ['n: int = 1', '1.5', 'is 1.5, not int'],
    ['n = 1', '1.5', '1.5'],
    ['n = 1.5', '2', '2.0'],
    ['n: float = 1', '12345678901234567890', '12345678901234567000.0'],
    ['n = 0.5', 'inf', 'float("inf")'],
    ['n = None', 'None', 'None'],
    ['n = None', '12345678901234567890', '12345678901234567890'],
    ['n = False', 'True', 'True'],
    ["n = ''", 'None', '"None"'],
  ])('Python, %s: %s', async (declaration, text, expected) => {
    const book = notebook(cell('p', declaration, ['parameters']));
    const attempt = applyParameters([entry(book, 'python')], given('n', text));
    if (expected.startsWith('is')) await expect(attempt).rejects.toThrow(expected);
    else expect((await attempt)[0]!.notebook.cells[1]!.source).toBe(`# Parameters\nn = ${expected}`);
  });

  it.each<[string, Notebook, string, string, string]>([
    [
      'a wrong name',
      notebook(parameters),
      'typescript',
      'step',
      'unknown parameter step, did you mean steps?',
    ],
    [
      'a name far off',
      notebook(parameters),
      'typescript',
      'zzzzzz',
      'Known in x.ipynb: steps: number, layout: "a" | "b"',
    ],
    ['a name as far off as any', notebook(parameters), 'typescript', 'q', 'unknown parameter q. Known'],
    [
      'a type that only the annotation tells',
      notebook(cell('p', 'let map: Map<string, number>;\nlet n = count();', ['parameters'])),
      'typescript',
      'q',
      'Known in x.ipynb: map: Map<string, number>, n',
    ],
    [
      'a misspelt tag',
      notebook(cell('p', 'let n = 1', ['Parameter'])),
      'typescript',
      'n',
      'there is a tag "Parameter"',
    ],
    ['no parameters cell', notebook(cell('a', '1')), 'typescript', 'n', 'has no cell tagged "parameters"'],
    [
      'another language',
      notebook(cell('p', 'n <- 1', ['parameters'])),
      'r',
      'n',
      'cannot be given to a notebook in r',
    ],
    [
      'a wrong type',
      notebook(parameters),
      'typescript',
      'steps',
      'x.ipynb: parameter steps is "word", not number',
    ],
  ])('refuses %s', async (_, book, language, name, message) => {
    const attempt = applyParameters([entry(book, language)], given(name, 'word'));
    await expect(attempt).rejects.toThrow(UsageError);
    await expect(attempt).rejects.toThrow(message);
  });

  it('refuses a parameter given twice', async () => {
    const twice = [...given('steps', '1'), ...given('steps', '2')];
    await expect(applyParameters([entry(notebook(parameters))], twice)).rejects.toThrow('given twice');
  });

  it.each([
    ['typescript', "let steps = 3;\n/** Where to push. @secret */\nlet token: string = '';", '//'],
    ['typescript', "let steps = 3;\nlet token = ''; // @secret", '//'],
    ['python', "steps = 3\ntoken = '' # @secret", '#'],
  ])('gives a secret to the kernel and not to the file (%s)', async (language, source, comment) => {
    const book = notebook(cell('p', source, ['parameters']), cell('q', 'token'));
    const [result] = await applyParameters(
      [entry(book, language)],
      [...given('token', 'hunter2"<&'), ...given('steps', '4')],
    );
    const { notebook: saved, values, secrets } = result!;
    expect(JSON.stringify([saved, values])).not.toContain('hunter2');
    expect(values).toEqual({ token: '[redacted]', steps: 4 });
    expect(saved.cells[1]!.source).toContain(`${comment} token: [redacted]\n`);
    expect(secrets.sourceOf(saved.cells[1]!)).toContain('"hunter2\\"<&"');
    expect(secrets.sourceOf(saved.cells[2]!)).toBe('token');
  });
});

describe('Secrets', () => {
  const secrets = new Secrets(
    ['hunter2"<&', 'hunter2"<&-longer', { key: 'in an object' }, 123456, 'abc'],
    'x',
    '',
  );

  it.each([
    ['as it stands', 'a hunter2"<& b', 'a [redacted] b'],
    ['as JSON', JSON.stringify({ t: 'hunter2"<&' }), '{"t":"[redacted]"}'],
    ['as HTML', '<b>hunter2&quot;&lt;&amp;</b>', '<b>[redacted]</b>'],
    ['in a URL', '?t=hunter2%22%3C%26&x', '?t=[redacted]&x'],
    ['the longer of two', 'hunter2"<&-longer', '[redacted]'],
    ['inside an object', 'in an object!', '[redacted]!'],
    ['a number', 'pin 123456', 'pin [redacted]'],
    ['not where it is too short to be told from a word', 'abcdef', 'abcdef'],
  ])('are taken out %s', (_, text, expected) => {
    expect(secrets.redact({ data: { 'text/plain': [text] } })).toEqual({
      data: { 'text/plain': [expected] },
    });
  });

  it('are found where a stream was cut in two', () => {
    expect(secrets.join('first\nhunt', 'er2"<& last')).toBe('first\n[redacted] last');
    expect(noSecrets.join('a', 'b')).toBe('ab');
  });

  it('are found in a stream of many pieces, whose text is not copied for each of them', () => {
    const piece = 'x'.repeat(1_000);
    let text = '';
    let other = '';
    for (let i = 0; i < 20_000; i++) {
      text = secrets.join(text, i % 5_000 === 0 ? 'hunt' : piece);
      if (i % 5_000 === 0) {
        text = secrets.join(text, 'er2"<');
        text = secrets.join(text, '&');
        other = secrets.join(other, 'hunter2"<');
        other = secrets.join(other, '& ');
      }
    }
    expect(text.split('[redacted]').map(({ length }) => length)).toEqual([
      0, 4_999_000, 4_999_000, 4_999_000, 4_999_000,
    ]);
    expect(other).toBe('[redacted] '.repeat(4));
  });
});

describe('parameter files', () => {
  const folder = mkdtempSync(join(tmpdir(), 'kernelbook-parameters-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  const file = (name: string, text: string) => {
    const path = join(folder, name);
    writeFileSync(path, text);
    return path;
  };

  it('give typed values, exact whole numbers and all; a later file overrides', async () => {
    const first = file(
      'a.yaml',
      'steps: 3\nid: 12345678901234567890\nrates: [1e-3, .inf, .nan]\nname: "3"\nnothing: ~\n',
    );
    const second = file('b.json', '{"steps": 4, "nested": {"on": true, "date": "2026-01-01"}}');
    expect(await parameterFiles([first, second])).toEqual([
      { name: 'steps', value: 4 },
      { name: 'id', value: 12345678901234567890n },
      { name: 'rates', value: [1e-3, Infinity, Number.NaN] },
      { name: 'name', value: '3' },
      { name: 'nothing', value: null },
      { name: 'nested', value: { on: true, date: '2026-01-01' } },
    ]);
    expect(await parameterFiles([file('empty.yaml', '# nothing\n')])).toEqual([]);
  });

  it.each([
    ['list.yaml', '- 1\n- 2', 'a mapping, a line "name: value" for each; this one is a list'],
    ['word.yaml', 'steps', 'this one is the value "steps"'],
    ['twice.yaml', 'a: 1\na: 2', 'Map keys must be unique at line 2'],
    ['broken.yaml', 'a: [1', 'at line 1'],
    ['octal.yaml', 'a: 017', '017 is ambiguous'],
    ['tagged.yaml', 'a: !secret b', 'Unresolved tag: !secret at line 1'],
    ['ordered.yaml', 'a: !!omap [b: 1]', 'Unresolved tag'],
    ['several.yaml', 'a: 1\n---\na: 2', 'several documents'],
    [
      'bomb.yaml',
      `a: &a [1]\n${'bcdefghi'
        .split('')
        .map((c, n) => `${c}: &${c} [${`*${'abcdefgh'[n]},`.repeat(9)}]`)
        .join('\n')}`,
      'alias',
    ],
  ])('refuse %s', async (name, text, message) => {
    await expect(parameterFiles([file(name, text)])).rejects.toThrow(UsageError);
    await expect(parameterFiles([join(folder, name)])).rejects.toThrow(message);
  });

  it('merge keys are merged, as other readers of such files do', async () => {
    const path = file('merge.yaml', 'base: &base {a: 1, b: 2}\nrun:\n  <<: *base\n  b: 3\n<<: {c: 4}\n');
    expect(await parameterFiles([path])).toEqual([
      { name: 'base', value: { a: 1, b: 2 } },
      { name: 'run', value: { a: 1, b: 3 } },
      { name: 'c', value: 4 },
    ]);
  });

  it('a number that versions of YAML read differently counts where the file names its version', async () => {
    expect(await parameterFiles([file('1.1.yaml', '%YAML 1.1\n---\nmode: 017\n')])).toEqual([
      { name: 'mode', value: 15 },
    ]);
  });

  it('refuse a file that is not there', async () => {
    await expect(parameterFiles([join(folder, 'none.yaml')])).rejects.toThrow('no such parameter file');
  });

  it.each<[string, unknown, unknown]>([
    ['let n: number', 3, 3],
    ['let n: number', Infinity, Infinity],
    ['let n: bigint', 3, 3n],
    ['let ns: bigint[]', [3, 2n ** 70n], [3n, 2n ** 70n]],
    ['let s: string | null', null, null],
    ['let o: { eps: number }', { eps: 1e-5 }, { eps: 1e-5 }],
    ['let t: [bigint, number]', [3, 3], [3n, 3]],
    ['let o: { n: bigint; m?: bigint }', { n: 3 }, { n: 3n }],
    ['let u: bigint | null', 3, 3n],
    ['let u: (bigint | string)[]', [3, 'a'], [3n, 'a']],
    ['let u: bigint | number', 3, 3],
  ])('%s takes %s', (declaration, value, expected) => {
    expect(fitValue(typeOf(declaration), value)).toEqual(expected);
  });

  it.each<[string, unknown, string]>([
    ['let n: number', '3', 'is "3", not number'],
    ['let n: number', 2n ** 60n, 'is 1152921504606846976, which a number cannot hold exactly'],
    ['let s: string', 3, 'is 3, not string'],
    ['let n: bigint', 1.5, 'is 1.5, not bigint'],
    ['let ns: number[]', [2n ** 60n], 'its part [0] is 1152921504606846976, which a number cannot hold'],
    ['let ss: string[]', [Number.NaN], 'its part [0] is NaN, not string'],
    ['let s: string', 1.1, 'is 1.1, not string; in quotes it is text'],
    ['let b: boolean', 'yes', 'is "yes", not boolean; write true or false'],
  ])('%s refuses %s', (declaration, value, message) => {
    expect(() => fitValue(typeOf(declaration), value)).toThrow(message);
  });
});
