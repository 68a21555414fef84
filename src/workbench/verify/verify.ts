/**
 * The checks a notebook makes: `verify` a result against a reference within a derived bound, `refute` a known mistake
 * by showing that it really differs, and three plain assertions. Each one shows a small table, is recorded in
 * `verifications()`, and throws `VerificationError` when it fails.
 */
import { isDeepStrictEqual } from 'node:util';
import { formatNumber } from '../../display/format.js';
import type { Bound } from './bounds.js';
import { type Allowance, compare, shapeDifference } from './compare.js';
import { evidenceOf } from './evidence.js';
import type { VerificationFacts } from './facts.js';
import { type Observed, observe } from './observe.js';
import { type Comparable, formatOf, toValues, type Values } from './values.js';
import { conclude, type Verification } from './verification.js';

/** A value, a promise of one, or a function that computes one; with a function the path that ran is known too. */
export type Actual = Comparable | Promise<Comparable> | (() => Comparable | Promise<Comparable>);

export interface Tolerance {
  /** Allowed |error|: a number, or a bound derived in `bounds`. Without any tolerance values must be equal. */
  bound?: number | Bound;
  /** Allowed |error| per |expected|, added to the others. */
  rtol?: number;
  /** Allowed |error|, added to the others. */
  atol?: number;
  /** Allowed error in units in the last place of float32, added to the others. */
  ulp?: number;
}

export interface VerifyOptions extends Tolerance {
  /** What the expected value is, in two or three words: `float64, PyTorch`. Default: its number format, if it has one. */
  against?: string;
  /** Accept NaN where the expected value is NaN. Default false: a NaN is outside every bound. */
  nanEqual?: boolean;
}

/**
 * Compares every element of `actual` with `expected`, shows the error, the bound and the verdict, and throws when an
 * element is outside, a value is NaN, or the shapes differ.
 * @throws VerificationError naming `name`, with the worst element, its error, the bound and how it was derived
 * @throws TypeError, RangeError when the values cannot be read or the tolerance is no number >= 0
 */
export async function verify(
  name: string,
  actual: Actual,
  expected: Comparable | Promise<Comparable>,
  options: VerifyOptions = {},
): Promise<Verification> {
  const caller = `verify(${name})`;
  const { allowance, formula } = toAllowance(caller, options);
  const observed = await observe(`${caller}, actual`, actual);
  const a = observed.values;
  const e = await toValues(`${caller}, expected`, await expected);
  const evidence = evidenceOf(a, e, isOneObject(actual, expected));
  const common = {
    kind: 'verify' as const,
    name,
    formula,
    evidence,
    ...origin(observed),
    ...reference(e, options),
  };
  const difference = shapeDifference(a, e);
  if (difference) return conclude({ ...common, passed: false, detail: difference });
  const comparison = compare(a, e, allowance, options);
  const { outside, count, worst } = comparison;
  const passed = outside === 0;
  const nan = worst && Number.isNaN(worst.error) ? ', with NaN among them' : '';
  const detail = passed
    ? count === 0
      ? `nothing to compare: shape [${a.shape ?? 0}] is empty`
      : `all ${count} values within the bound`
    : `${outside} of ${count} values outside the bound${nan}`;
  return conclude({ ...common, passed, detail, comparison });
}

/**
 * Shows that a known mistake is one: `wrong` must differ from `right` by more than `by` somewhere (or have another
 * shape, or NaN). Throws when the claimed mistake agrees after all, or when `right` itself holds NaN.
 */
export async function refute(
  name: string,
  wrong: Actual,
  right: Comparable | Promise<Comparable>,
  { by, against }: { by: number | Bound; against?: string },
): Promise<Verification> {
  const caller = `refute(${name})`;
  const { allowance, formula } = toAllowance(caller, { bound: by });
  const observed = await observe(`${caller}, wrong`, wrong);
  const a = observed.values;
  const e = await toValues(`${caller}, right`, await right);
  const evidence = evidenceOf(a, e, isOneObject(wrong, right));
  const common = {
    kind: 'refute' as const,
    name,
    formula,
    evidence,
    ...origin(observed),
    ...(against !== undefined && { reference: against }),
  };
  if (e.data.some(Number.isNaN)) {
    return conclude({ ...common, passed: false, detail: 'the right value holds NaN, so it refutes nothing' });
  }
  const difference = shapeDifference(a, e);
  if (difference) return conclude({ ...common, passed: true, detail: difference });
  const comparison = compare(a, e, allowance);
  const passed = comparison.outside > 0;
  const detail = passed
    ? `${comparison.outside} of ${comparison.count} values differ by more than the bound`
    : 'the claimed mistake agrees with the right value';
  return conclude({ ...common, passed, detail, comparison });
}

/** Requires that `fn` throws (or rejects with) an error whose message matches `pattern`. */
export async function expectThrows(name: string, fn: () => unknown, pattern: RegExp): Promise<Verification> {
  const check = { kind: 'throws' as const, name };
  let returned: unknown;
  try {
    returned = await fn();
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    const passed = text.search(pattern) >= 0;
    return conclude({
      ...check,
      passed,
      detail: passed ? text : `threw "${text}", which does not match ${pattern}`,
    });
  }
  const kind = returned === undefined ? '' : ` and returned a ${typeof returned}`;
  return conclude({ ...check, passed: false, detail: `nothing was thrown${kind}; expected ${pattern}` });
}

/** Requires deep equality of plain values: counts, names, lists, shapes. NaN equals NaN here. */
export async function verifyEqual(name: string, actual: unknown, expected: unknown): Promise<Verification> {
  const passed = isDeepStrictEqual(actual, expected);
  const detail = passed ? show(actual) : `actual ${show(actual)}, expected ${show(expected)}`;
  return conclude({ kind: 'equal', name, passed, detail });
}

/** Requires a stated relation, for example an inequality; `detail` shows the numbers in it. */
export async function verifyRelation(
  name: string,
  condition: boolean,
  detail: string,
): Promise<Verification> {
  return conclude({ kind: 'relation', name, passed: condition === true, detail });
}

function toAllowance(caller: string, options: Tolerance): { allowance: Allowance; formula: string } {
  const { bound = 0, rtol = 0, atol = 0, ulp = 0 } = options;
  const derived = typeof bound === 'number' ? { absolute: bound, relative: 0 } : bound;
  for (const [key, value] of Object.entries({ ...derived, rtol, atol, ulp })) {
    if (key !== 'formula' && !(typeof value === 'number' && value >= 0 && value < Number.POSITIVE_INFINITY)) {
      throw new RangeError(
        `${caller}: the tolerance (${key}) must be a finite number >= 0, got ${String(value)}`,
      );
    }
  }
  const allowance = { absolute: derived.absolute + atol, relative: derived.relative + rtol, ulp };
  const terms = [
    typeof bound === 'number' ? (bound > 0 ? formatNumber(bound) : '') : bound.formula,
    atol > 0 ? formatNumber(atol) : '',
    rtol > 0 ? `${formatNumber(rtol)}·|expected|` : '',
    ulp > 0 ? `${formatNumber(ulp)} ULP` : '',
  ].filter((term) => term !== '');
  return { allowance, formula: terms.join(' + ') || '0 (equal values)' };
}

function isOneObject(actual: unknown, expected: unknown): boolean {
  return typeof actual === 'object' && actual !== null && actual === expected;
}

function origin({ values, backend, path }: Observed): Pick<VerificationFacts, 'dtype' | 'backend' | 'path'> {
  const dtype = formatOf(values);
  return { ...(dtype && { dtype }), ...(backend && { backend }), ...(path && { path }) };
}

/** Said by the caller, or the number format of the expected value. */
function reference(expected: Values, { against = formatOf(expected) }: VerifyOptions) {
  return { ...(against && { reference: against }) };
}

function show(value: unknown): string {
  const text =
    typeof value === 'bigint' ? `${value}n` : (JSON.stringify(value, showSpecial) ?? String(value));
  return text.length > 200 ? `${text.slice(0, 200)}…` : text;
}

function showSpecial(_key: string, value: unknown): unknown {
  if (typeof value === 'number' && !Number.isFinite(value)) return String(value);
  return typeof value === 'bigint' ? `${value}n` : value;
}
