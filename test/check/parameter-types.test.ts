/** Parameters whose types only the language engine knows: what help prints of them, and which values fit. */
import { dirname } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Engines } from '../../scripts/check/engines.js';
import { ParameterTypes } from '../../scripts/check/parameter-types.js';
import type { Notebook } from '../../scripts/notebook/format.js';
import { readNotebook } from '../../scripts/notebook/read.js';
import { helpOfNotebook } from '../../scripts/run/parameters/help-notebook.js';
import { applyParameters, type NamedNotebook } from '../../scripts/run/parameters/parameters.js';
import { Workplace } from '../run/helpers.js';

const declarations = `/** How many
 * steps. */
const steps = 3; // at least 1

// Not this one.

// Sizes
let sizes = [1, 2];
let options = defaults();
let path: ParsedPath | undefined;
let mode: 'a' | 'b' = 'a';
let label = String(1);
let loose: any = 1;
let nested: Partial<ParsedPath>[] = [];`;

let place: Workplace;
let engines: Engines;
let typed: NamedNotebook;
beforeAll(async () => {
  place = await Workplace.create();
  engines = new Engines(1);
  await place.notebook('typed.ipynb', 'kernelbook', [
    "import type { ParsedPath } from 'node:path';\nfunction defaults() { return { rate: 0.1, name: 'adam' }; }",
    [declarations, 'parameters'],
    'console.log(options.rate, label);',
  ]);
  await place.notebook('python.ipynb', 'python3', [
    ["# How many\nsteps = 3  # at least 1\n\nrate: float = 0.5\nname = 'a#b' # hash", 'parameters'],
  ]);
  const notebook: Notebook = await readNotebook(place.path('typed.ipynb'));
  const setting = { cwd: dirname(place.path('typed.ipynb')), dialect: 'typescript' };
  const types = () => ParameterTypes.of(notebook, setting, engines);
  typed = { name: 'typed.ipynb', language: 'typescript', notebook, types };
});
afterAll(async () => {
  engines.close();
  await place.remove();
});

describe('help', () => {
  it('prints types as the engine infers them, defaults as written, and the comments', async () => {
    expect(await helpOfNotebook(typed)).toBe(`typed.ipynb:
  steps: number = 3
      How many
      steps.
      at least 1
  sizes: number[] = [1, 2]
      Sizes
  options: { rate: number; name: string; } = defaults()
  path: ParsedPath | undefined
  mode: "a" | "b" = 'a'
  label: string = String(1)
  loose: any = 1
  nested: Partial<ParsedPath>[] = []`);
  });

  it('is printed by kernelbook run --help-notebook, which runs nothing; for Python too', async () => {
    const { status, stdout, stderr } = await place.kernelbook([
      'run',
      '--help-notebook',
      'typed.ipynb',
      'python.ipynb',
    ]);
    expect(stderr).toBe('');
    expect(stdout).toContain('  options: { rate: number; name: string; } = defaults()\n');
    expect(stdout).toContain(`python.ipynb:
  steps: int | float = 3
      How many
      at least 1
  rate: float = 0.5
  name: string = 'a#b'
      hash
`);
    expect(stdout).not.toContain('Executed');
    expect(status).toBe(0);
  });
});

describe('values', () => {
  const give = async (name: string, text: string) =>
    (await applyParameters([typed], [{ name, text }]))[0]!.values[name];

  it.each<[string, string, unknown]>([
    ['options', '{"rate": 1, "name": "sgd"}', { rate: 1, name: 'sgd' }],
    ['label', '5', '5'],
    ['label', 'five', 'five'],
    ['label', '[1]', '[1]'],
    ['loose', '5', 5],
    ['loose', 'five', 'five'],
    ['nested', '[{"base": "x"}]', [{ base: 'x' }]],
  ])('%s %s', async (name, text, value) => {
    expect(await give(name, text)).toEqual(value);
  });

  it.each<[string, string, string]>([
    [
      'options',
      '{"rate": 1}',
      `parameter options is "{\\"rate\\": 1}", not { rate: number; name: string; }: Property 'name' is missing in type '{ rate: number; }' but required in type '{ rate: number; name: string; }'.`,
    ],
    ['options', '{"rate": 1, "name": "a", "nmae": "b"}', 'may only specify known properties'],
    ['path', 'null', "not ParsedPath | undefined: Type 'null' is not assignable"],
    ['nested', '[{"bse": "x"}]', '\'"bse"\' does not exist in type'],
    ['nested', 'text', 'parameter nested is "text", not'],
  ])('%s %s is refused before anything starts', async (name, text, message) => {
    await expect(give(name, text)).rejects.toThrow(message);
  });

  it('a wrong value on the command line is bad usage, in one line', async () => {
    const { status, stderr } = await place.kernelbook(['run', 'typed.ipynb', '-p', 'options', '3']);
    expect(stderr).toBe(
      'kernelbook run: typed.ipynb: parameter options is "3", not { rate: number; name: string; }: ' +
        "Type 'number' is not assignable to type '{ rate: number; name: string; }'.\n",
    );
    expect(status).toBe(2);
  });
});
