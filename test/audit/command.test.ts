/** The command line on a notebook in which faults were planted, executed and mutated on real kernels. */
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Finished, Workplace } from '../run/helpers.js';

let place: Workplace;

const planted = [
  "import { refute, verify, verifyEqual } from 'kernelbook';",
  [
    'const logits = [0.1, 0.7, 0.25];',
    'function softmax(z: number[]): number[] {',
    '  const powers = z.map((one) => Math.exp(one));',
    '  const total = powers.reduce((a, b) => a + b, 0);',
    '  return powers.map((one) => one / total);',
    '}',
  ].join('\n'),
  "const p = softmax(logits);\nawait verify('itself', p, softmax(logits), { bound: 1e-9 });",
  "const rounded = p.map((one) => Math.fround(one));\nawait verify('loose', rounded, p, { bound: 1e-3 });",
  "const wrong = p.map((one) => one + 0.1);\nawait refute('a tenth more', wrong, rounded, { by: 1e-12 });",
  'const lost = logits.map((one) => one * 2);\nlost;',
];

const sharp = [
  "import { verify } from 'kernelbook';",
  'const mean = (x: number[]) => x.reduce((a, b) => a + b, 0) / x.length;',
  "await verify('the mean of three', mean([0.5, 1.5, 4]), 2, { bound: 1e-15 });",
];

async function kernelbook(...args: string[]): Promise<Finished> {
  return place.kernelbook(args);
}

beforeAll(async () => {
  place = await Workplace.create();
  await place.notebook('in/planted.ipynb', 'kernelbook', planted);
  await place.notebook('in/sharp.ipynb', 'kernelbook', sharp);
  const run = await kernelbook('run', '--output', 'out', 'in');
  expect(run.status, run.stderr).toBe(0);
});

afterAll(() => place.remove());

test('finds each planted fault at its cell and line, and the mutants that the loose checks let live', async () => {
  const { status, stdout, stderr } = await kernelbook(
    'audit',
    '--mutants',
    '4',
    '--json',
    'out/planted.ipynb',
  );
  expect(status, stderr).toBe(0);
  const { notebooks, figures, seed } = JSON.parse(stdout);
  const found = notebooks[0].findings
    .filter(({ rule }: { rule: string }) => rule !== 'survivor')
    .map(({ rule, cell, line }: { rule: string; cell: number; line: number }) => `${cell}:${line} ${rule}`);
  expect(found).toEqual([
    '3:2 same-value',
    '3:2 zero-error',
    '4:2 loose-bound',
    '5:2 refuted-right',
    '6:1 unchecked-cell',
  ]);
  expect(seed).toBe(1);
  expect(figures).toMatchObject({ checks: 3, above1000: 1, zeroErrors: 1 });
  const ofSoftmax = notebooks[0].mutants.filter(({ cell }: { cell: number }) => cell === 2);
  expect(ofSoftmax).toHaveLength(4);
  // Both sides call the mutated function: nothing that is consistent can be caught.
  expect(ofSoftmax.every(({ fate }: { fate: string }) => fate === 'within bounds')).toBe(true);
});

test('a sharp check lets nothing live that changes its value; limits, SARIF and JUnit', async () => {
  const files = ['--sarif', 'audit.sarif', '--junit', 'audit.xml'];
  const limits = ['--max-survivors', '0', '--max-slack', '100', '--max-findings', '0'];
  const good = await kernelbook('audit', '--mutants', '30', '--json', ...limits, 'out/sharp.ipynb');
  const mutants = JSON.parse(good.stdout).notebooks[0].mutants as {
    fate: string;
    kind: string;
    alive: boolean;
  }[];
  expect(mutants.length).toBeGreaterThan(4);
  expect(mutants.filter(({ kind, alive }) => alive && kind !== 'half precision')).toEqual([]);
  const bad = await kernelbook('audit', '--no-mutants', ...limits, ...files, 'out/planted.ipynb');
  expect(bad.status).toBe(3);
  expect(bad.stderr).toMatch(/the largest slack is [\d.e+]+, more than 100/);
  expect(bad.stdout).toContain('median slack');
  const sarif = JSON.parse(await readFile(place.path('audit.sarif'), 'utf8')).runs[0];
  expect(sarif.results.map(({ ruleId }: { ruleId: string }) => ruleId)).toContain('refuted-right');
  expect(await readFile(place.path('audit.xml'), 'utf8')).toContain('<testsuites name="kernelbook audit"');
});

test('a notebook that was not executed is told, and a file that is none', async () => {
  const { status, stdout } = await kernelbook('audit', '--no-mutants', 'in/sharp.ipynb');
  expect(status).toBe(0);
  expect(stdout).toContain('in/sharp.ipynb: it was not executed: nothing is recorded of its checks');
  expect((await kernelbook('audit', 'none.ipynb')).status).toBe(2);
});
