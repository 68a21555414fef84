/** Which mutants a cell has, where each stands, and that a seed always draws the same. */
import { describe, expect, test } from 'vitest';
import { findKernelSpec, KernelSpecError } from '../../kernel/kernelspec.js';
import type { CellAnalysis } from '../../scripts/audit/cells/cell.js';
import { analysePython } from '../../scripts/audit/cells/python-cells.js';
import { analyseTypeScript } from '../../scripts/audit/cells/typescript-cells.js';
import { applied } from '../../scripts/audit/mutants/edit.js';
import { javascriptHelper } from '../../scripts/audit/mutants/helper.js';
import { drawn } from '../../scripts/audit/mutants/sample.js';

const mutants = (source: string, { mutations }: CellAnalysis): string[] =>
  mutations.map((one) => `${one.kind}: ${applied(source, one)}`);

function ofTypeScript(source: string): string[] {
  return mutants(source, analyseTypeScript([source])[0]!);
}

describe('TypeScript', () => {
  test('signs, factors and half precision', () => {
    expect(ofTypeScript('const y = a - b;')).toEqual([
      'scale: const y = kernelbookAuditScaled(a - b);',
      'half precision: const y = kernelbookAuditHalf(a - b);',
      'sign: const y = a + b;',
    ]);
    expect(ofTypeScript('const y = q.mul(k);')).toContain('sign: const y = q.div(k);');
    expect(ofTypeScript('const y = -g;')).toContain('sign: const y = g;');
  });

  test('epsilon: left out, and ten times as large', () => {
    const source = 'const r = 1 / Math.sqrt(v + eps);';
    expect(ofTypeScript(source)).toEqual(
      expect.arrayContaining([
        'epsilon: const r = 1 / Math.sqrt(v);',
        'epsilon: const r = 1 / Math.sqrt(v + 10 * eps);',
      ]),
    );
    expect(ofTypeScript('norm(x, { eps: 1e-5 });')).toEqual(
      expect.arrayContaining(['epsilon: norm(x, { eps: 0 });', 'epsilon: norm(x, { eps: (10 * 1e-5) });']),
    );
  });

  test('indices, transpositions and the side of a mask', () => {
    expect(ofTypeScript('const s = k[i][j];')).toEqual(
      expect.arrayContaining(['index: const s = k[i][(j) + 1];', 'transposition: const s = k[j][i];']),
    );
    expect(ofTypeScript('const see = (i: number, j: number) => j <= i;')).toEqual([
      'mask side: const see = (i: number, j: number) => j < i;',
      'mask side: const see = (i: number, j: number) => j >= i;',
    ]);
    expect(ofTypeScript('attention(q, k, v, { causal: true });')).toContain(
      'mask side: attention(q, k, v, { causal: false });',
    );
    expect(ofTypeScript('const s = tf.matMul(q, k, false, true);')).toContain(
      'transposition: const s = tf.matMul(q, k, false, false);',
    );
    expect(ofTypeScript('for (let i = 0; i < n; i++) f(i);')).toContain(
      'index: for (let i = 1; i < n; i++) f(i);',
    );
  });

  test('what shows or checks is left alone: figures, references, bounds, messages', () => {
    expect(ofTypeScript('plot.line(x.map((a) => a + 1), { title: a + 1 });')).toEqual([]);
    expect(ofTypeScript("await verify('x', y, 2 * r, { bound: 1e-6 * r });")).toEqual([]);
    expect(ofTypeScript('throw new Error(String(n - 1));')).toEqual([]);
    expect(ofTypeScript("await verify('x', a + b, r);")).toContain("sign: await verify('x', a - b, r);");
  });

  test('inputs, bounds and references are left alone too', () => {
    expect(ofTypeScript('const x = seededNormal([4], 1);')).toEqual([]);
    expect(ofTypeScript('const bound = gamma(40 + n);')).toEqual([]);
    expect(ofTypeScript('const right = attentionOracle(q, k, v);')).toEqual([]);
  });

  test('a refute is tried with the right value in the place of the wrong one', () => {
    expect(ofTypeScript("await refute('x', wrong, right, { by: 1 });")).toEqual([
      "right for wrong: await refute('x', right, right, { by: 1 });",
    ]);
  });

  test('names: of other cells, with the scopes inside; changed in place; of the whole process', () => {
    const of = (source: string) => {
      const { reads, writes } = analyseTypeScript([source])[0]!;
      return { reads: [...reads].sort(), writes: [...writes].sort() };
    };
    expect(of('const y = (q: number) => q * scale;')).toEqual({ reads: ['#world', 'scale'], writes: ['y'] });
    expect(of('losses.push(1);').writes).toEqual(['losses']);
    expect(of('total += x;')).toEqual({ reads: ['#world', 'total', 'x'], writes: ['total'] });
    expect(of('tf.setBackend("cpu");').writes).toEqual(['#world']);
    expect(of('const { a, b: c } = pair;')).toEqual({ reads: ['#world', 'pair'], writes: ['a', 'c'] });
  });
});

test('a thousandth and half precision, of numbers, arrays and what holds them', () => {
  const { scaled, half } = new Function(
    `${javascriptHelper}; return { scaled: kernelbookAuditScaled, half: kernelbookAuditHalf };`,
  )() as Record<'scaled' | 'half', (x: unknown) => unknown>;
  expect(scaled(2)).toBeCloseTo(2.002, 12);
  expect(scaled([[1], 'text'])).toEqual([[1.001], 'text']);
  expect(half(1 + 2 ** -12)).toBe(1);
  expect(half(1 + 2 ** -10)).toBe(1 + 2 ** -10);
  expect(half({ shape: [1], data: Float64Array.of(1 / 3) })).toEqual({
    shape: [1],
    data: Float64Array.of(0.333251953125),
  });
  expect(half(Number.POSITIVE_INFINITY)).toBe(Number.POSITIVE_INFINITY);
  const f = () => 1;
  expect(half(f)).toBe(f);
});

test('a seed draws the same mutants, another one others, and every kind before any kind twice', () => {
  const source = 'const y = a - b;\nconst z = c * d + e;\nconst m = i < j;\nconst w = k[i][j];';
  const { mutations } = analyseTypeScript([source])[0]!;
  const [one, again, other] = [1, 1, 2].map((seed) => drawn(mutations, seed, 'cell'));
  expect(one).toEqual(again);
  expect(one).not.toEqual(other);
  const kinds = new Set(mutations.map(({ kind }) => kind)).size;
  expect(new Set(one!.slice(0, kinds).map(({ kind }) => kind)).size).toBe(kinds);
});

test('Python is read by its own parser', async ({ skip }) => {
  let spec: ReturnType<typeof findKernelSpec>;
  try {
    spec = findKernelSpec('python3');
  } catch (error) {
    if (!(error instanceof KernelSpecError)) throw error;
    return skip(`no kernel python3 is installed: ${error.message}`);
  }
  const sources = ['"é𝒙"; y = np.sqrt(v + eps)[i + 0]\nassert y == y', 'def f(:', 'scores @ v.T\ntotal += y'];
  const [first, second, third] = await analysePython(sources, spec);
  expect(mutants(sources[0]!, first!)).toEqual(
    expect.arrayContaining([
      'epsilon: "é𝒙"; y = np.sqrt(v)[i + 0]\nassert y == y',
      'index: "é𝒙"; y = np.sqrt(v + eps)[(i + 0) + 1]\nassert y == y',
    ]),
  );
  expect(first!.checks[0]!.args.map(({ same }) => same)).toEqual(['y', 'y']);
  expect([...first!.writes]).toEqual(['y']);
  expect(second!.fault).toMatch(/^Python's parser does not understand it/);
  expect(mutants(sources[2]!, third!)).toContain('transposition: scores @ v\ntotal += y');
  expect([...third!.writes]).toEqual(['total']);
  expect([...third!.reads]).toEqual(expect.arrayContaining(['scores', 'total', 'v', 'y']));
});
