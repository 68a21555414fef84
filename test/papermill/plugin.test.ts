/**
 * The plug-in in the real papermill: installed by pip into a folder of its own, values of every type arrive in our
 * kernel bit for bit, declared types are kept, and the parameters cell is described.
 */
import { execFile, execFileSync } from 'node:child_process';
import { cp, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { packageRoot } from '../../kernel/package-root.js';
import type { CodeCell } from '../../scripts/notebook/format.js';
import { parseNotebook, readNotebook } from '../../scripts/notebook/read.js';
import { serializeNotebook } from '../../scripts/notebook/serialize.js';
import { sketch } from '../convert/helpers.js';
import { Workplace } from '../run/helpers.js';
import { describeRequires } from '../support/requires.js';

const bin = join(packageRoot(), '.venv', 'bin');

/** Words that a template literal would take for its own. */
const placeholder = ['$', '{`;`}'].join('');
const awkward = `a "b" 'c' \`d\` ${placeholder} \\ \n\r\t\0 \u2028\u2029 注意 😀 </script>`;

/** What is declared, the value in YAML that papermill is given, and the value that the notebook must see. */
const cases: { declaration: string; yaml: string; value: unknown }[] = [
  { declaration: 'const steps: number = 4;', yaml: '8', value: 8 },
  { declaration: 'let tenth: number = 1;', yaml: '0.1', value: 0.1 },
  { declaration: 'let denormal: number = 1;', yaml: '5.0e-324', value: 5e-324 },
  { declaration: 'let largest: number = 1;', yaml: '1.7976931348623157e+308', value: Number.MAX_VALUE },
  { declaration: 'let minusZero: number = 1;', yaml: '-0.0', value: -0 },
  { declaration: 'let none: number = 1;', yaml: '.nan', value: Number.NaN },
  { declaration: 'let least: number = 1;', yaml: '-.inf', value: Number.NEGATIVE_INFINITY },
  {
    declaration: 'let big: bigint = 1n;',
    yaml: '123456789012345678901234567890',
    value: 123456789012345678901234567890n,
  },
  { declaration: 'let small = 7n;', yaml: '5', value: 5n },
  { declaration: 'var flag: boolean = false;', yaml: 'true', value: true },
  { declaration: 'let nothing: string | null = "x";', yaml: 'null', value: null },
  {
    declaration: "type Mode = 'fused' | 'plain';\nconst mode: Mode = 'fused';",
    yaml: 'plain',
    value: 'plain',
  },
  {
    declaration: "let text: string = '';",
    // To YAML 1.1 these two are line breaks.
    yaml: JSON.stringify(awkward).replace('\u2028\u2029', '\\u2028\\u2029'),
    value: awkward,
  },
  { declaration: 'const dims: number[] = [1];', yaml: '[]', value: [] },
  {
    declaration: 'let mixed: (number | string | null | boolean[])[] = [];',
    yaml: '[1, "2", null, [true]]',
    value: [1, '2', null, [true]],
  },
  {
    declaration: 'let table: Record<string, unknown> = {};',
    yaml: '{"a b": {"1": [0.5]}, "__proto__": 3, "ok": null, "é\\"": "x", "": {}}',
    value: Object.fromEntries([
      ['a b', { 1: [0.5] }],
      ['__proto__', 3],
      ['ok', null],
      ['é"', 'x'],
      ['', {}],
    ]),
  },
  { declaration: 'let date: string = "";', yaml: '2020-02-03', value: '2020-02-03' },
  { declaration: '// nothing declares it', yaml: '3', value: 3 },
];
const nameOf = (declaration: string) => /(?:const|let|var) (\w+)/.exec(declaration)?.[1] ?? 'undeclared';

/** A value as text from which every bit can be told; the notebook has the same function. */
function tell(value: unknown): string {
  if (typeof value === 'bigint') return `${value}n`;
  if (typeof value === 'number') return Object.is(value, -0) ? '-0' : String(value);
  if (Array.isArray(value)) return `[${value.map(tell).join()}]`;
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
    return `{${entries.map(([key, entry]) => `${tell(key)}:${tell(entry)}`).join()}}`;
  }
  return JSON.stringify(value).replace(/[\u007f-\uffff]/g, (one) => `<${one.charCodeAt(0).toString(16)}>`);
}

describeRequires(['venv', 'kernelspec'], 'papermill with our plug-in', () => {
  let place: Workplace;
  /** The first cell is the one with the parameters. */
  const notebook = (file: string, kernel: string, sources: string[]) => {
    const kernelspec = { name: kernel, display_name: kernel, language: 'typescript' };
    const cells = sources.map((source, index) => ({
      source,
      metadata: index === 0 ? { tags: ['parameters'] } : {},
    }));
    return place.write(file, serializeNotebook(sketch(cells, { kernelspec })));
  };
  const papermill = async (args: string[]) => {
    const env = { ...process.env, PYTHONPATH: place.path('site'), KERNELBOOK_BACKEND: 'cpu' };
    const run = promisify(execFile)(join(bin, 'papermill'), args, { cwd: place.folder, env });
    return run.catch((error: { stdout: string; stderr: string }) => error);
  };
  beforeAll(async () => {
    place = await Workplace.create();
    await cp(join(packageRoot(), 'scripts', 'papermill'), place.path('plugin'), { recursive: true });
    const args = [
      '-m',
      'pip',
      'install',
      '--quiet',
      '--disable-pip-version-check',
      '--no-deps',
      '--target',
      'site',
    ];
    // Without a network where setuptools is there already.
    const python = join(bin, 'python');
    const offline = (() => {
      try {
        execFileSync(python, ['-c', 'import setuptools, wheel'], { stdio: 'ignore' });
        return ['--no-build-isolation'];
      } catch {
        return [];
      }
    })();
    execFileSync(python, [...args, ...offline, './plugin'], { cwd: place.folder, stdio: 'pipe' });
  });
  afterAll(() => place.remove());

  it('brings values of every type, bit for bit, as the declared types', async () => {
    const parameters = cases.map(({ declaration }) => declaration).join('\n');
    const names = cases.map(({ declaration }) => nameOf(declaration));
    const show = [
      'for (const value of [',
      ...names.map((name) => `  ${name},`),
      '] as unknown[]) console.log(tell(value));',
      // Compiles only where the injected cell has kept these types.
      "const other: Mode = mode === 'fused' ? 'plain' : 'fused'; dims.push(1); mixed.push(null); nothing?.length;",
    ].join('\n');
    await notebook('types.ipynb', 'kernelbook', [
      parameters,
      tell.toString().replace('tell(value)', 'tell(value: unknown): string'),
      show,
    ]);
    await place.write(
      'p.yaml',
      cases.map(({ declaration, yaml }) => `${nameOf(declaration)}: ${yaml}\n`).join(''),
    );
    const { stderr } = await papermill(['types.ipynb', 'out.ipynb', '-f', 'p.yaml', '--no-progress-bar']);
    // Papermill records the values in the metadata, where its JSON has NaN and infinities in Python's words.
    const written = await readFile(place.path('out.ipynb'), 'utf8');
    const { cells } = parseNotebook(written.replace(/: (?:NaN|-Infinity)(?=,?$)/gm, ': null'));
    const code = cells.filter((cell): cell is CodeCell => cell.cell_type === 'code');
    expect(
      code.flatMap((cell) => cell.outputs.filter((one) => one.output_type === 'error')),
      stderr,
    ).toEqual([]);
    expect(code[1]!.metadata.tags).toEqual(['injected-parameters']);
    expect(code[1]!.source).toContain('// Parameters\nconst steps: number = 8;\n');
    expect(code[1]!.source).toContain('const mode: Mode = "plain";\n');
    expect(code[1]!.source).toContain('let undeclared = 3;\n');
    const shown = code[3]!.outputs[0];
    expect(shown).toMatchObject({ text: cases.map(({ value }) => `${tell(value)}\n`).join('') });
  });

  it('knows other TypeScript and JavaScript kernels, also from Python', async () => {
    const kernels = ['tslab', 'jslab', 'deno', 'another-kernel'];
    for (const kernel of kernels) await notebook(`${kernel}.ipynb`, kernel, ['let a = 1', 'a']);
    const script = [
      'import papermill, sys',
      'for name in sys.argv[1:]:',
      "  papermill.execute_notebook(f'{name}.ipynb', f'{name}-out.ipynb', {'a': 2}, prepare_only=True)",
    ].join('\n');
    const env = { ...process.env, PYTHONPATH: place.path('site') };
    execFileSync(join(bin, 'python'), ['-c', script, ...kernels], { cwd: place.folder, env, stdio: 'pipe' });
    for (const kernel of kernels) {
      const { cells } = await readNotebook(place.path(`${kernel}-out.ipynb`));
      expect(cells[1]!.source).toBe('// Parameters\nlet a = 2;\n');
    }
  });

  it('refuses a name that no variable can have, before anything runs', async () => {
    await notebook('name.ipynb', 'kernelbook', ['let a = 1']);
    const script = [
      'import papermill, sys',
      'for name in sys.argv[1:]:',
      '  try:',
      "    papermill.execute_notebook('name.ipynb', 'name-out.ipynb', {name: 3}, prepare_only=True)",
      '  except papermill.exceptions.PapermillException as error: print(error)',
    ].join('\n');
    const names = ['class', 'a-b', '1st', 'größe$_1'];
    const env = { ...process.env, PYTHONPATH: place.path('site'), PYTHONIOENCODING: 'utf8' };
    const options = { cwd: place.folder, env, stdio: 'pipe', encoding: 'utf8' } as const;
    const refused = execFileSync(join(bin, 'python'), ['-c', script, ...names], options);
    const lines = names.slice(0, 3).map((name) => `'${name}' cannot be the name of a parameter`);
    expect(refused.match(/'.*' cannot be the name of a parameter/g)).toEqual(lines);
    expect(await readFile(place.path('name-out.ipynb'), 'utf8')).toContain('let größe$_1 = 3;');
  });

  it('describes the parameters cell', async () => {
    const source = [
      '// How many steps',
      '// to take',
      'const steps: number = 4;',
      "let mode: 'fused' | 'plain' = 'fused', rate = 1e-3; // two at once",
      'const { a, b } = { a: 1, b: 2 };',
      'export const f: (x: number) => Map<string, number[]> = (x) => new Map([["a", [x]]]);',
      `let text = \`a ${placeholder} // no comment\`; /* a template */`,
      'let big = 10n',
      'let later: boolean',
      'const list = [',
      '  1, // inner',
      '];',
      'function g() { const inner = 1; }',
    ].join('\n');
    await notebook('help.ipynb', 'kernelbook', [source]);
    const { stdout } = await papermill(['--help-notebook', 'help.ipynb']);
    const [, list = ''] = stdout.split("'help.ipynb':\n");
    expect(list.split('\n').map((line) => line.trim().replaceAll(/\s+/g, ' '))).toEqual([
      'steps: number (default 4) How many steps to take',
      "mode: 'fused' | 'plain' (default 'fused')",
      'two at once',
      'rate: number (default 1e-3) two at once',
      'f: (x: number) => Map<string, number[]> (default (x) => new Map([["a", [x]]]))',
      `text: Unknown type (default \`a ${placeholder} // no comment\`)`,
      'a template',
      'big: bigint (default 10n)',
      'later: boolean (default )',
      'list: Unknown type (default [',
      '1, // inner',
      '])',
      '',
    ]);
  });
});
