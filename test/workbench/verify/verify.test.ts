/** Every check passes when it should, throws when it should, and shows what it found without letting markup through. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ndarray } from '../../../src/compute/ndarray.js';
import { tf } from '../../../src/compute/tf.js';
import {
  type CurrentCell,
  currentCellKey,
  type Displayable,
  type DisplayOptions,
  type MimeBundle,
  publisherKey,
} from '../../../src/display/display.js';
import {
  clearVerifications,
  expectThrows,
  refute,
  sumBound,
  type Verification,
  VerificationError,
  verifications,
  verify,
  verifyEqual,
  verifyMimeType,
  verifyRelation,
} from '../../../src/workbench/verify/index.js';

const slot = globalThis as Record<symbol, unknown>;
const shown: unknown[] = [];

beforeEach(async () => {
  await tf.setBackend('cpu');
  shown.length = 0;
  clearVerifications();
  slot[publisherKey] = (value: unknown) => void shown.push(value);
});
afterEach(() => {
  slot[publisherKey] = undefined;
});

/** The error of a check that has to fail. */
async function failure(check: Promise<unknown>): Promise<VerificationError> {
  const outcome = await check.then(
    () => 'passed',
    (error: unknown) => error,
  );
  expect(outcome).toBeInstanceOf(VerificationError);
  return outcome as VerificationError;
}

describe('verify', () => {
  test('accepts tensors, NdArrays, nested and typed arrays and numbers', async () => {
    const expected = ndarray([2, 2], [1, 2, 3, 4]);
    for (const actual of [
      tf.tensor2d([1, 2, 3, 4], [2, 2]),
      expected,
      [
        [1, 2],
        [3, 4],
      ],
      Float32Array.of(1, 2, 3, 4),
      Promise.resolve(Int32Array.of(1, 2, 3, 4)),
    ]) {
      expect((await verify('four numbers', actual, expected)).passed).toBe(true);
    }
    expect((await verify('a number', 0.5, 0.5)).passed).toBe(true);
  });

  test('a wrong value throws, naming the component, the place, the error and the bound', async () => {
    const error = await failure(verify('norm.rms', [[1, 2.5]], [[1, 2]], { bound: sumBound(3, 1) }));
    expect(error.message).toMatch(
      /^verify\(norm\.rms\) failed: 1 of 2 values outside the bound; worst at \[0,1\]: actual 2.5, expected 2, \|error\| 0.5, bound 3.58e-7; bound: γ/,
    );
    expect(shown).toHaveLength(1);
  });

  test.each([
    ['bound', { bound: 0.1 }, { bound: 0.05 }],
    ['atol', { atol: 0.1 }, { atol: 0.05 }],
    ['rtol', { rtol: 0.04 }, { rtol: 0.03 }],
    ['ulp', { ulp: 2 ** 18 }, { ulp: 2 ** 17 }],
    ['their sum', { atol: 0.04, rtol: 0.02 }, { atol: 0.03, rtol: 0.01 }],
  ])('%s decides', async (_name, enough, tooSmall) => {
    expect((await verify('x', 2.0625, 2, enough)).passed).toBe(true);
    await failure(verify('x', 2.0625, 2, tooSmall));
  });

  test('without a tolerance values must be equal', async () => {
    const error = await failure(verify('x', [1 + 2 ** -52], [1]));
    expect(error.message).toContain('bound: 0 (equal values)');
  });

  test('NaN fails whatever the bound, and passes only beside NaN on request', async () => {
    const error = await failure(verify('x', [1, Number.NaN], [1, 2], { bound: 1e30 }));
    expect(error.message).toContain('with NaN among them');
    expect((await verify('x', [Number.NaN], [Number.NaN], { nanEqual: true })).passed).toBe(true);
  });

  test('different shapes fail, although the values agree', async () => {
    const error = await failure(verify('x', [[1, 2]], [[1], [2]], { bound: 1 }));
    expect(error.message).toContain('shapes differ: actual [1,2], expected [2,1]');
  });

  test('an empty value says that nothing was compared', async () => {
    const result = await verify('x', tf.zeros([0, 3]), ndarray([0, 3]));
    expect(result.facts.detail).toBe('nothing to compare: shape [0,3] is empty');
  });

  test('a senseless tolerance is refused', async () => {
    await expect(verify('x', 1, 1, { bound: Number.NaN })).rejects.toThrow(
      'verify(x): the tolerance (absolute)',
    );
    await expect(verify('x', 1, 1, { rtol: -1 })).rejects.toThrow(
      '(rtol) must be a finite number >= 0, got -1',
    );
    await expect(verify('x', 1, 2, { ulp: Number.POSITIVE_INFINITY })).rejects.toThrow('got Infinity');
  });

  test('a function is run, its backend named, its tensor freed, older tensors kept', async () => {
    const kept = tf.tensor1d([1, 2]);
    const before = tf.memory().numTensors;
    const made = await verify('x', () => kept.add(1), [2, 3]);
    await verify('x', () => kept, [1, 2]);
    expect(made.facts).toMatchObject({ backend: 'cpu', path: 'composed' });
    expect(tf.memory().numTensors).toBe(before);
    expect(kept.isDisposed).toBe(false);
  });

  test('an error in the function is its own error, not a failed check', async () => {
    const check = verify('x', () => Promise.reject(new Error('out of memory')), 1);
    await expect(check).rejects.toThrow(/^out of memory$/);
    expect(verifications()).toHaveLength(0);
  });
});

const words = (bundle: MimeBundle) =>
  String(bundle['text/html'])
    .replaceAll(/<[^>]*>/g, ' ')
    .replaceAll(/\s+/g, ' ')
    .trim();

describe('what is shown', () => {
  test('three forms of the same facts', async () => {
    const bundle = (await verify('rope', [1, 2.25], [1, 2], { bound: 0.5 })).toMimeBundle();
    expect(bundle['text/plain']).toBe('✓ rope · error 0.25 ≤ 0.5');
    expect(words(bundle)).toBe(
      '✓ rope · error 误差 0.25 ≤ 0.5 bound 上界 0.5 of the bound 占上界 50 % values 数值个数 2 worst 最差处 [1]: 2.25, expected 2 relative 相对 0.13',
    );
    expect(bundle[verifyMimeType]).toMatchObject({
      kind: 'verify',
      name: 'rope',
      passed: true,
      count: 2,
      maxAbsolute: 0.25,
      maxRelative: 0.125,
      worst: { index: [1], actual: 2.25, expected: 2, error: 0.25, allowed: 0.5 },
    });
  });

  test('what the value was compared with: said, or its number format; nothing for plain numbers', async () => {
    const text = async (check: Promise<Verification>) => (await check).toMimeBundle()['text/plain'];
    const against = 'float64, PyTorch';
    expect(await text(verify('x', [1], [1], { atol: 1, against }))).toBe(`✓ x · error 0 ≤ 1 · ${against}`);
    expect(await text(verify('x', [1], ndarray([1], [1])))).toBe('✓ x · equal to the bit · float64');
    expect(await text(verify('x', [1], Float32Array.of(1)))).toBe('✓ x · equal to the bit · float32');
    expect(await text(verify('x', [1], [1]))).toBe('✓ x · equal to the bit');
  });

  test('ULP stand beside float32 results only', async () => {
    const single = (await verify('x', Float32Array.of(1 + 2 ** -23), [1], { ulp: 1 })).toMimeBundle();
    expect(words(single)).toContain('in ULP 以 ULP 计 1');
    const double = (await verify('x', [1 + 2 ** -23], [1], { ulp: 1 })).toMimeBundle();
    expect(words(double)).not.toContain('ULP 计');
    expect(double[verifyMimeType]).toMatchObject({ maxUlp: 1 });
  });

  test('every other kind of check in its line', async () => {
    const thrower = () => Promise.reject(new Error('D must be even, got 3'));
    const lines = [
      await refute('no scale / 无缩放', [3, 4], [1, 2], { by: 0.1 }),
      await expectThrows('odd D', thrower, /even/),
      await verifyEqual('shape', [2, 3], [2, 3]),
      await verifyRelation('fewer bytes', true, '1 < 2'),
    ];
    expect(lines.map((line) => line.toMimeBundle()['text/plain'])).toEqual([
      '✓ no scale · differs by 2 > 0.1',
      '✓ odd D · throws D must be even, got 3',
      '✓ shape · = [2,3]',
      '✓ fewer bytes · 1 < 2',
    ]);
    expect(lines[0]!.toMimeBundle()['text/html']).toContain(
      '<span lang="en">no scale</span> <span lang="zh">无缩放</span>',
    );
  });

  test('round numbers are short', async () => {
    const bundle = (await verify('x', 2.5e-13, 0, { bound: 1e-12 })).toMimeBundle();
    expect(bundle['text/plain']).toBe('✓ x · error 2.5e-13 ≤ 1e-12');
  });

  test('two numbers that look alike get more digits', async () => {
    const error = await failure(verify('x', 1.0004, 0, { bound: 1 }));
    expect(verifications()[0]!.toMimeBundle()['text/plain']).toMatch(
      /^✗ x · error 1\.0004 > 1 at the scalar/,
    );
    expect(error.facts.passed).toBe(false);
  });

  test('the data survives JSON, NaN and infinities included', async () => {
    const error = await failure(verify('x', [Number.NaN, 1], [Number.POSITIVE_INFINITY, 1]));
    const bundle = verifications()[0]!.toMimeBundle();
    expect(JSON.parse(JSON.stringify(bundle[verifyMimeType]))).toMatchObject({
      passed: false,
      maxAbsolute: 'NaN',
      worst: { actual: 'NaN', expected: 'Infinity' },
    });
    expect(error.facts.name).toBe('x');
  });

  test('names and details are escaped', async () => {
    await verifyRelation('<img src=x onerror=alert(1)>', true, '"a" < \'b\' & <script>');
    const html = String(verifications()[0]!.toMimeBundle()['text/html']);
    expect(html).not.toMatch(/<img|<script/);
    expect(html).toContain('&lt;img src=x onerror=alert(1)&gt;');
    expect(html).toContain('&quot;a&quot; &lt; &#39;b&#39; &amp; &lt;script&gt;');
  });

  test('failed checks are shown and recorded before they throw', async () => {
    await failure(verify('bad', 1, 2));
    await verify('good', 1, 1);
    expect(verifications().map(({ facts }) => [facts.name, facts.passed])).toEqual([
      ['bad', false],
      ['good', true],
    ]);
    expect(shown).toEqual(verifications());
  });
});

describe('the checks of one cell', () => {
  interface Shown {
    bundle: MimeBundle;
    options: DisplayOptions;
  }
  const sent: Shown[] = [];
  const owned = new Set<object>();
  let pending: Promise<void>[] = [];

  beforeEach(() => {
    sent.length = 0;
    owned.clear();
    pending = [];
    slot[publisherKey] = (value: Displayable, options: DisplayOptions) => {
      const show = async () => void sent.push({ bundle: await value.toMimeBundle(), options });
      pending.push(show());
      return pending.at(-1);
    };
  });
  afterEach(() => {
    slot[currentCellKey] = undefined;
  });
  const newCell = () => {
    const cell: CurrentCell = { shown: (value) => void owned.add(value) };
    slot[currentCellKey] = () => cell;
  };

  test('are one output that grows, and one table', async () => {
    newCell();
    await verify('first', 1, 1);
    await refute('second', 1, 2, { by: 0.5 });
    const last = await verify('third', [1.5], ndarray([1], [1]), { bound: 1 });
    await Promise.all(pending);
    const ids = new Set(sent.map(({ options }) => options.displayId));
    expect(ids.size).toBe(1);
    expect(sent.map(({ options }) => options.update ?? false)).toEqual([
      false,
      ...sent.slice(1).map(() => true),
    ]);
    const { bundle } = sent.at(-1)!;
    expect(bundle['text/plain']).toBe(
      [
        '✓ first   equal to the bit',
        '✓ second  differs by 1 > 0.5',
        '✓ third   error 0.5 ≤ 1       float64',
      ].join('\n'),
    );
    expect(String(bundle['text/html']).match(/<details/g)).toHaveLength(1);
    expect((bundle[verifyMimeType] as { name: string }[]).map(({ name }) => name)).toEqual([
      'first',
      'second',
      'third',
    ]);
    // As the value of the cell the check is not shown again.
    expect(owned.has(last)).toBe(true);
  });

  test('another cell has a table of its own', async () => {
    newCell();
    await verify('here', 1, 1);
    newCell();
    await verify('there', 1, 1);
    await Promise.all(pending);
    expect(new Set(sent.map(({ options }) => options.displayId)).size).toBe(2);
    expect(sent.map(({ bundle }) => bundle['text/plain'])).toEqual([
      '✓ here · equal to the bit',
      '✓ there · equal to the bit',
    ]);
  });

  test('a failed check is in the table before the error ends the cell, and the fold is open', async () => {
    newCell();
    await verify('good', 1, 1);
    await failure(verify('bad', 1, 2));
    await Promise.all(pending);
    const { bundle } = sent.at(-1)!;
    expect(bundle['text/plain']).toContain('✗ bad   error 1 > 0 at the scalar: 1, expected 2');
    expect(bundle['text/html']).toContain('<details open');
  });

  test('thousands of checks do not send thousands of tables', async () => {
    newCell();
    for (let i = 0; i < 3000; i++) await verifyEqual(`check ${i}`, i, i);
    await Promise.all(pending);
    expect(sent.length).toBeLessThan(300);
    expect(sent.at(-1)!.bundle[verifyMimeType]).toHaveLength(3000);
  });
});

describe('refute', () => {
  test('a mistake that differs is refuted; one that agrees throws', async () => {
    expect((await refute('no scale', [3, 4], [1, 2], { by: 0.1 })).passed).toBe(true);
    const error = await failure(refute('no scale', [1, 2.0001], [1, 2], { by: 0.1 }));
    expect(error.message).toContain(
      'refute(no scale) failed: the claimed mistake agrees with the right value',
    );
  });

  test('another shape or a NaN in the wrong value refutes it, a NaN in the right one does not', async () => {
    expect((await refute('transposed', [[1, 2]], [[1], [2]], { by: 0 })).passed).toBe(true);
    expect((await refute('overflow', [Number.NaN], [1], { by: 10 })).passed).toBe(true);
    const error = await failure(refute('x', [1], [Number.NaN], { by: 0 }));
    expect(error.message).toContain('the right value holds NaN');
  });
});

describe('plain assertions', () => {
  test('expectThrows wants an error with the right message', async () => {
    const wrongShape = () => Promise.reject(new Error('rope: D must be even, got 3'));
    expect((await expectThrows('odd D', wrongShape, /D must be even/)).passed).toBe(true);
    expect((await failure(expectThrows('odd D', wrongShape, /T must/))).message).toContain(
      'does not match /T must/',
    );
    expect((await failure(expectThrows('odd D', () => 7, /D/))).message).toContain(
      'nothing was thrown and returned a number',
    );
  });

  test('expectThrows with a global pattern does not depend on its lastIndex', async () => {
    const pattern = /even/g;
    for (let i = 0; i < 2; i++) await expectThrows('x', () => Promise.reject(new Error('even')), pattern);
    expect(verifications()).toHaveLength(2);
  });

  test('verifyEqual compares deeply', async () => {
    await verifyEqual('shape', [2, Number.NaN, { heads: 8n }], [2, Number.NaN, { heads: 8n }]);
    const error = await failure(verifyEqual('shape', [2, 3], [2, 4]));
    expect(error.message).toBe('equal(shape) failed: actual [2,3], expected [2,4]');
  });

  test('verifyRelation takes nothing but true', async () => {
    await verifyRelation('flash moves fewer bytes', 1 < 2, '1 < 2');
    await failure(verifyRelation('x', 'yes' as unknown as boolean, 'a string'));
    await failure(verifyRelation('x', false, '3 < 2'));
  });
});
