/** What each rule of the audit finds in recorded checks and sources, and what it leaves alone. */
import { describe, expect, test } from 'vitest';
import { figuresOf } from '../../scripts/audit/figures.js';
import { looseBounds, zeroErrors } from '../../scripts/audit/rules/bounds.js';
import { uncheckedCells, uncheckedClaims } from '../../scripts/audit/rules/claims.js';
import { typedConstants } from '../../scripts/audit/rules/constants.js';
import { expectedErrors, refutedRights } from '../../scripts/audit/rules/refutes.js';
import { equalPaths, sameValues } from '../../scripts/audit/rules/same.js';
import { profileMimeType } from '../../src/workbench/profile/report.js';
import { auditedOf, code, compared, prose, recorded, said } from './notebook-of.js';

describe('bounds', () => {
  test('a bound a thousand times the error is told, one within the limit is not', () => {
    const cells = [
      code("await verify('wide', a, b, { bound: 1e-3 });", compared('wide', 1e-6, 1e-3)),
      code("await verify('near', a, b, { bound: 1e-5 });", compared('near', 1e-6, 1e-5)),
    ];
    expect(said(looseBounds(100), ...cells)).toEqual([
      expect.stringMatching(/^1: loose-bound: .*"wide".*1000 times/),
    ]);
    expect(said(looseBounds(5), ...cells)).toHaveLength(2);
  });

  test('no error is told where values need rounding, not of counts', () => {
    const simple = { evidence: { actual: 'a', expected: 'a', simple: true } };
    const cells = [
      code("await verify('rounded', a, b);", compared('rounded', 0, 1e-6)),
      code("await verify('counts', c, d);", compared('counts', 0, 0, simple)),
    ];
    expect(said(zeroErrors, ...cells)).toEqual([expect.stringMatching(/^1: zero-error: .*"rounded"/)]);
  });

  test('the figures: median, counts above a hundred and a thousand, errors of exactly 0', () => {
    const { checks } = auditedOf(
      code(
        'x;',
        compared('a', 1e-6, 1e-5),
        compared('b', 1e-6, 3e-4),
        compared('c', 1e-6, 5e-3),
        compared('d', 0, 1),
      ),
    );
    expect(figuresOf(checks, [], [])).toMatchObject({
      checks: 4,
      compared: 3,
      above100: 2,
      above1000: 1,
      zeroErrors: 1,
    });
    expect(figuresOf(checks, [], []).medianSlack).toBeCloseTo(300, 6);
  });
});

describe('a thing against itself', () => {
  test('one expression on both sides, written out, called, or behind names', () => {
    const cells = [
      code("await verify('written', f(x), f( x ));"),
      code("await verify('called', () => f(x), await f(x));"),
      code("const p = f(x);\nawait verify('named', p, f(x));"),
      code("const q = p;\nawait verifyEqual('twice named', q, p);"),
      code("await verifyRelation('relation', p === p, 'p');"),
    ];
    expect(said(sameValues, ...cells).map((line) => line.slice(0, 14))).toEqual([
      '1: same-value:',
      '2: same-value:',
      '3: same-value:',
      '4: same-value:',
      '5: same-value:',
    ]);
  });

  test('one object on both sides, which only the record tells', () => {
    const same = { evidence: { actual: 'a', expected: 'a', simple: false, same: true } };
    const cell = code('await checkBoth(a, b);', compared('hidden', 0, 1e-6, same));
    expect(said(sameValues, cell)).toEqual([expect.stringContaining('one object was given on both sides')]);
  });

  test('different expressions, numbers that happen to be equal, and a call that gave two values are left alone', () => {
    const cells = [
      code("const one = 3;\nconst other = 3;\nawait verifyEqual('counts', one, other);"),
      code("await verify('loops', plain(x), library(x));"),
      code("await verify('draws', draw(), draw(), { bound: 1 });", compared('draws', 0.2, 1)),
    ];
    expect(said(sameValues, ...cells)).toEqual([]);
  });

  test('a path with itself: in a check, and in a profile', () => {
    const check = code(
      "await verify('fused = composed', () => norm(x), norm(x, { path: 'composed' }));",
      compared('fused = composed', 0, 1e-6, { path: 'composed', backend: 'wasm' }),
    );
    const profiled = (paths: string[]) =>
      code(
        "profile('norm', () => norm(x), { compare: { composed: () => norm(x, { path: 'composed' }) } });",
        {
          [profileMimeType]: {
            name: 'norm',
            measurements: [
              { name: 'norm', path: paths[0] },
              { name: 'composed', path: paths[1] },
            ],
          },
        },
      );
    expect(said(equalPaths, check)).toEqual([
      '1: equal-paths: verify "fused = composed": both sides took composed on wasm',
    ]);
    expect(said(equalPaths, profiled(['composed', 'composed']))).toEqual([
      expect.stringMatching(
        /^1: equal-paths: profile "norm": "composed" and "norm" both took the path composed/,
      ),
    ]);
    expect(said(equalPaths, profiled(['fused: norm', 'composed']))).toEqual([]);
  });

  test('two things that both are composed are no pair of paths', () => {
    const record = {
      name: 'rms',
      measurements: [
        { name: 'rms', path: 'composed' },
        { name: 'layer', path: 'composed' },
      ],
    };
    const cell = code("profile('rms', () => rms(x), { compare: { layer: () => layer(x) } });", {
      [profileMimeType]: record,
    });
    expect(said(equalPaths, cell)).toEqual([]);
  });
});

describe('constants', () => {
  test('one that an earlier cell shows, and one that is the measured value to its last digit', () => {
    const shown = code('mean;', { 'text/plain': '0.8183' });
    const copied = code(
      "await verify('copied', mean, 0.8183, { bound: 1e-4 });",
      compared('copied', 2e-5, 1e-4),
    );
    const measured = code(
      "await verify('measured', mean, 1.2346, { bound: 1e-3 });",
      compared('measured', 3.2e-5, 1e-3),
    );
    expect(said(typedConstants, shown, copied, measured)).toEqual([
      expect.stringMatching(/^2: typed-constant: verify "copied": 0\.8183 is shown by cell 1/),
      expect.stringMatching(/^3: typed-constant: verify "measured": 1\.2346 is the measured value/),
    ]);
  });

  test('short constants, round ones, and those that differ from what is shown are left alone', () => {
    const shown = code('x;', { 'text/plain': '0.75 3000 0.5124' });
    const check = code(
      "await verify('hand', x, [0.75, 3000, 0.5125], { bound: 1e-9 });",
      compared('hand', 1e-4, 1e-9),
    );
    expect(said(typedConstants, shown, check)).toEqual([]);
  });
});

describe('refutes', () => {
  const refute = (name: string, actual: string, expected: string, allowed: number, more = {}) =>
    compared(name, 0.5, allowed, { kind: 'refute', evidence: { actual, expected, simple: false }, ...more });

  test('the right value is refuted by another refute', () => {
    const cells = [
      code("await refute('first', wrong, right, { by: 0.1 });", refute('first', 'w', 'r', 0.1)),
      code("await refute('second', right, other, { by: 0.1 });", refute('second', 'r', 'o', 0.1)),
    ];
    expect(said(refutedRights, ...cells)).toEqual([
      '1: refuted-right: refute "first": its right value is refuted itself, by "second" in cell 2',
    ]);
  });

  test('the right value is farther from its own reference than the margin', () => {
    const verified = compared('oracle', 1e-4, 1e-3, {
      evidence: { actual: 'r', expected: 'o', simple: false },
    });
    const cell = (by: number) =>
      code(`await refute('tight', wrong, right, { by: ${by} });`, refute('tight', 'w', 'r', by));
    expect(said(refutedRights, code('check();', verified), cell(1e-5))).toEqual([
      expect.stringContaining('away from its own reference ("oracle" in cell 1)'),
    ]);
    expect(said(refutedRights, code('check();', verified), cell(1e-3))).toEqual([]);
  });

  test('a margin below one rounding of the right value', () => {
    const cell = code("await refute('tiny', wrong, right, { by: 1e-12 });", refute('tiny', 'w', 'r', 1e-12));
    expect(said(refutedRights, cell)).toEqual([expect.stringContaining('rounded to float32')]);
  });

  test('errors that anything throws, and those that the notebook throws itself', () => {
    const throws = (name: string, detail: string) => recorded({ kind: 'throws', name, detail });
    const cells = [
      code(
        "await expectThrows('misspelt', () => tf.mask_fill(x), /not a function/);",
        throws('misspelt', 'tf.mask_fill is not a function'),
      ),
      code("const bad = () => { throw new Error('never divide'); };"),
      code("await expectThrows('own', bad, /divide/);", throws('own', 'never divide')),
      code(
        "await expectThrows('library', () => norm(x), /shape/);",
        throws('library', 'norm: the shape [2] is wrong'),
      ),
    ];
    expect(said(expectedErrors, ...cells).map((line) => line.slice(0, 19))).toEqual([
      '1: undeclared-name:',
      '3: own-error: throw',
    ]);
  });
});

describe('what no check shows', () => {
  test('a claim before cells without checks; not one before a check, a question or a heading', () => {
    const claim = '# Never\n\nIs it always so? The loss always falls with the width.';
    const plain = code('losses;');
    const check = code("await verify('x', a, b);", compared('x', 1e-7, 1e-6));
    expect(said(uncheckedClaims, prose(claim), plain)).toEqual([
      '1: unchecked-claim: "The loss always falls with the width.": the cells after it check nothing',
    ]);
    expect(said(uncheckedClaims, prose(claim), plain, check)).toEqual([]);
    expect(said(uncheckedClaims, prose('每行之和恰好为一。'), plain)).toHaveLength(1);
  });

  test('a cell whose names reach no check', () => {
    const cells = [
      code('const half = (x: number) => x / 2;'),
      code('const quarter = (x: number) => half(x) / 2;'),
      code("await verify('quarter', quarter(4), 1);", compared('quarter', 1e-7, 1e-6)),
      code('const lost = 3 * half(2);\nlost;'),
    ];
    expect(said(uncheckedCells, ...cells)).toEqual([
      '4: unchecked-cell: no check depends on what this cell computes',
    ]);
  });
});
