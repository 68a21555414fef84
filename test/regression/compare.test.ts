/** The comparer on facts: what agrees, what differs, and that each difference says where, what, and how far. */
import { describe, expect, it, test } from 'vitest';
import { compareOutputs } from '../../scripts/regression/compare.js';
import { Differences, describeDifference } from '../../scripts/regression/difference.js';
import type { Fact } from '../../scripts/regression/fact.js';
import { compareTexts, steady } from '../../scripts/regression/text.js';
import { toFact } from '../../scripts/regression/to-fact.js';
import { defaultTolerance, type Tolerance } from '../../scripts/regression/tolerance.js';

const json = 'application/json';
const how = (tolerance: Partial<Tolerance> = {}, ignore: RegExp[] = []) => ({
  tolerance: { ...defaultTolerance, ...tolerance },
  ignore,
});

function lines(golden: unknown, actual: unknown, tolerance: Partial<Tolerance> = {}): string[] {
  const [g, a] = [{ [json]: toFact(golden) }, { [json]: toFact(actual) }];
  return compareOutputs([g], [a], how(tolerance)).found.map(describeDifference);
}

function texts(golden: string, actual: string, ignore: RegExp[] = []): string[] {
  const differences = new Differences('stdout');
  compareTexts(golden, actual, how({}, ignore), differences);
  return differences.found.map(describeDifference);
}

describe('numbers', () => {
  test.each<[string, unknown, unknown]>([
    ['equal', 1.5, 1.5],
    ['within the relative tolerance', 1000, 1000.01],
    ['rounding noise around zero', 3e-8, -2e-8],
    ['NaN and NaN', Number.NaN, Number.NaN],
    ['infinities of one sign', Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY],
    ['zero and minus zero', 0, -0],
    ['huge', 1.7e308, 1.70001e308],
    ['nothing at all', [], []],
  ])('%s agree', (_what, golden, actual) => expect(lines(golden, actual)).toEqual([]));

  test.each<[string, unknown, unknown]>([
    ['beyond the tolerance', 1000, 1000.1],
    ['NaN instead of a number', 1, Number.NaN],
    ['a number instead of NaN', Number.NaN, 1],
    ['infinities of two signs', Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY],
    ['an infinity instead of a huge number', 1.7e308, Number.POSITIVE_INFINITY],
    ['counts one apart', 1_000_000, 1_000_001],
    ['text instead of a number', 1, 'one'],
    ['null instead of a number', 1, null],
    ['a list instead of a number', 1, [1]],
    ['an empty list', [1], []],
  ])('%s differ', (_what, golden, actual) => expect(lines(golden, actual)).toHaveLength(1));

  it('tells value, golden value, difference and tolerance', () => {
    expect(lines({ a: [1, 0.5] }, { a: [1, 0.51] })).toEqual([
      `${json} a[1]: 0.51, golden 0.5, difference 0.01, tolerance 8.58e-6`,
    ]);
  });

  it('takes absolute, relative and float32 tolerances', () => {
    expect(lines(1, 1.09, { atol: 0.1 })).toEqual([]);
    expect(lines(10, 10.9, { rtol: 0.1 })).toEqual([]);
    const ulps = (ulp: number) => lines(1, 1 + 3 * 2 ** -23, { atol: 0, rtol: 0, ulp, exactCounts: false });
    expect(ulps(3)).toEqual([]);
    expect(ulps(2)).toHaveLength(1);
  });
});

describe('structures', () => {
  it('names fields that are missing and fields that are new', () => {
    expect(lines({ a: 1, b: 2 }, { a: 1, c: 3 })).toEqual([
      `${json} b: nothing, golden 2`,
      `${json} c: 3, golden nothing`,
    ]);
  });

  it('compares lists of another length as far as both go', () => {
    expect(lines([1, 2, 3], [1, 5])).toEqual([
      `${json}  length: 2, golden 3`,
      `${json} [1]: 5, golden 2, difference 3, tolerance 0`,
    ]);
  });

  it('names outputs that are missing or new, and forgives the missing ones of an unfinished cell', () => {
    const [one, two]: Record<string, Fact>[] = [{ stdout: 'one' }, { stdout: 'two' }];
    const compared = (golden: (typeof one)[], actual: (typeof one)[], complete?: boolean) =>
      compareOutputs(golden as never, actual as never, how(), complete).found.map(describeDifference);
    expect(compared([one, two], [one])).toEqual(['output 2, whole output: nothing, golden {"stdout":"two"}']);
    expect(compared([one], [one, two])).toEqual(['output 2, whole output: {"stdout":"two"}, golden nothing']);
    expect(compared([one, two], [one], false)).toEqual([]);
    expect(compared([one], [{ stderr: 'one' }])).toHaveLength(2);
  });

  it('compares the path of a profile only on the backend it was kept for', () => {
    const cpu = { name: 'a', 'path on cpu': ['composed'] };
    expect(lines(cpu, { name: 'a', 'path on webgpu': ['fused'] })).toEqual([]);
    expect(lines(cpu, { name: 'a', 'path on cpu': ['fused'] })).toHaveLength(1);
  });

  it('counts what it does not list', () => {
    const many = Array.from({ length: 300 }, (_, i) => ({ i }));
    const other = many.map(({ i }) => ({ i: i + 1 }));
    const { found, count } = compareOutputs([{ [json]: toFact(many) }], [{ [json]: toFact(other) }], how());
    expect([found.length, count]).toEqual([100, 300]);
  });
});

describe('long arrays', () => {
  // A small generator of our own, so that the same arrays are made on every machine.
  const random = (seed: number) => () => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return seed / 2 ** 32;
  };
  const next = random(7);
  const values = Array.from({ length: 1000 }, (_, i) => (next() - 0.5) * 10 ** (i % 7));

  it('agree whenever their elements do', () => {
    for (let trial = 0; trial < 50; trial++) {
      const { atol, rtol } = defaultTolerance;
      const sign = () => (trial % 3 === 0 ? 1 : Math.sign(next() - 0.5));
      const moved = values.map((v) => v + sign() * 0.999 * (atol + rtol * Math.abs(v)));
      expect(lines(values, moved)).toEqual([]);
    }
  });

  it('notice one element, two that change places, and two that change against each other', () => {
    const small = values.map((v) => v / 1e6);
    expect(lines(small, small.with(500, small[500]! + 0.1))).not.toEqual([]);
    expect(lines(small, small.with(6, small[13]!).with(13, small[6]!))).not.toEqual([]);
    const pushed = small.with(3, small[3]! + 0.2).with(8, small[8]! - 0.2);
    expect(lines(small, pushed).join()).toContain('weighted');
  });

  it('are exact where they count', () => {
    const counts = Array.from({ length: 500 }, (_, i) => 1000 + i);
    expect(lines(counts, counts.with(77, 1078)).join()).toContain('sum: 624751, golden 624750');
  });

  it('of two axes keep their shape, and name elements by it', () => {
    const rows = Array.from({ length: 8 }, (_, i) => values.slice(8 * i, 8 * i + 8));
    expect(toFact(rows)).toMatchObject({ shape: [8, 8] });
    expect(
      lines(
        rows,
        rows.map((row) => row.slice(0, 7)),
      ),
    ).toEqual([`${json}  shape: [8,7], golden [8,8]`]);
    expect(lines(rows, rows.with(7, rows[7]!.with(7, 1e9))).join('\n')).toContain('[7][7]: 1000000000');
  });

  it('know their NaN, infinities and huge sums', () => {
    const broken = values.with(9, Number.NaN).with(10, Number.POSITIVE_INFINITY);
    expect(lines(broken, broken)).toEqual([]);
    expect(lines(values, broken).join()).toContain('count of NaN and infinities: 2, golden 0');
    const huge = values.map(() => 1e308);
    expect(lines(huge, huge)).toEqual([]);
    expect(toFact(huge)).toMatchObject({ sum: 'Infinity' });
  });
});

describe('text', () => {
  it('compares numbers as numbers and names line and column', () => {
    expect(texts('step 1\nloss 0.1234', 'step 1\nloss 0.12340001')).toEqual([]);
    expect(texts('step 1\nloss 0.1234', 'step 1\nloss 0.1235')).toEqual([
      'stdout line 2, column 6: 0.1235, golden 0.1234, difference 1.00e-4, tolerance 2.84e-6',
    ]);
  });

  it('does not mind where lines break and how far columns are apart', () => {
    expect(texts('[ 0.1, 0.2 ]', '[\n  0.10000000149,\n  0.20000000298\n]')).toEqual([]);
    expect(texts('a  b\n─────\n1  2', 'a     b\n────────\n1     2')).toEqual([]);
  });

  it('compares words exactly, and stops at the first that differs', () => {
    expect(texts('all 3 passed\n1', 'all 3 failed\n2')).toEqual([
      'stdout line 1, column 7: "failed", golden "passed"',
    ]);
    expect(texts('one', 'one two')).toEqual(['stdout line 1, column 5: "two", golden nothing']);
    expect(texts('one two', 'one')).toEqual(['stdout line 1, column 5: nothing, golden "two"']);
    expect(texts('x1 layer', 'x2 layer')).toHaveLength(1);
  });

  it('knows NaN, infinities and signs in every spelling', () => {
    expect(texts('NaN -Infinity 1e-7 −2', 'nan -inf 0.0000001 -2')).toEqual([]);
    expect(texts('2', '-2')).toHaveLength(1);
    expect(texts('Infinity', '-Infinity')).toHaveLength(1);
    expect(texts('NaN', '0')).toHaveLength(1);
  });

  test.each([
    ['took 12.3 ms, 1.4e-3 s', 'took 999 µs, 3 min'],
    ['at 2024-01-02T03:04:05.678Z', 'at 2025-11-12T13:14:15Z'],
    ['copy 12.3 GB/s, 400 tokens/s', 'copy 1.5 MB/s, 7.25 tokens/s'],
    ['peak memory: 12.3 MiB', 'peak memory: 2 GiB'],
    ['webgpu on llvmpipe (LLVM 15), no GPU', 'cpu on CPU'],
    ['read /home/one/data.txt', 'read /Users/two/x/data.txt'],
    ['<Thing at 0x7f00>', '<Thing at 0x1234abcd>'],
    ['1 %\r50 %\r100 %\n', '100 %\n'],
    ['\u001b[31mred\u001b[0m', 'red'],
  ])('does not compare what is of the machine or the moment: %j', (golden, actual) => {
    expect(texts(golden, actual)).toEqual([]);
  });

  it('keeps what only looks like it', () => {
    for (const text of ['3 steps', 'F / C 2.7', 'cache of 2 GiB', '4 heads of 32', 'and/or'])
      expect(steady(text, [])).toBe(text);
  });

  it('leaves out what the cell says', () => {
    expect(texts('worst out.q, 3 ok', 'worst out.k, 3 ok', [/worst \S+/gu])).toEqual([]);
    expect(texts('worst out.q, 3 ok', 'worst out.k, 4 ok', [/worst \S+/gu])).toHaveLength(1);
  });
});
