/**
 * Runs one golden case on the current backend: forward and gradients, each element compared with the reference within
 * its own derived bound.
 */
import type { NdArray } from '../../compute/ndarray.js';
import type { KernelPath } from '../../compute/path.js';
import { read } from '../../compute/read.js';
import { shown } from '../../compute/shapes.js';
import { tf } from '../../compute/tf.js';
import { formatNumber } from '../../display/format.js';
import { unitRoundoff } from '../verify/bounds.js';
import type { GoldenCase } from './case.js';
import type { Operation, Tensors } from './operations/operation.js';
import { operations } from './operations.js';
import { Parameters } from './parameters.js';

/** The element of an array that comes closest to its bound, or exceeds it most. */
export interface Worst {
  /** `out.Y` or `grad.X`. */
  array: string;
  error: number;
  bound: number;
}

export type CaseResult =
  | { status: 'passed'; worst: Worst; compared: string[] }
  | { status: 'failed'; reason: string }
  | { status: 'not implemented'; op: string };

/** Results below this may be flushed to zero: the smallest normal float32. */
const smallestNormal = 2 ** -126;

export async function runCase(golden: GoldenCase, path: KernelPath = 'auto'): Promise<CaseResult> {
  const operation = operations[golden.op];
  if (!operation) return { status: 'not implemented', op: golden.op };
  try {
    return await compareAll(golden, operation, path);
  } catch (error) {
    return { status: 'failed', reason: (error as Error).message };
  }
}

async function compareAll(golden: GoldenCase, operation: Operation, path: KernelPath): Promise<CaseResult> {
  const params = new Parameters(golden.params);
  const { out, grad } = operation.errors(golden, params);
  params.assertAllRead();
  const actual = await compute(golden, operation, params, path);
  const expected = new Map<string, [NdArray, NdArray | undefined]>();
  for (const [name, array] of Object.entries(golden.outputs))
    expected.set(`out.${name}`, [array, out[name]?.error]);
  for (const [name, array] of Object.entries(golden.gradients)) {
    expected.set(`grad.${name}`, [array, grad[name]?.error]);
  }
  return compareArrays(expected, actual);
}

/** By name: the reference with its bounds, against what the library computed. */
export function compareArrays(
  expected: ReadonlyMap<string, [reference: NdArray, bounds: NdArray | undefined]>,
  actual: Computed,
): CaseResult {
  let worst: Worst = { array: '', error: 0, bound: 0 };
  let failed: string | undefined;
  for (const [array, [reference, bounds]] of expected) {
    const values = actual.get(array);
    if (!values || !bounds) return { status: 'failed', reason: `the library has no ${array}` };
    if (shown(values.shape) !== shown(reference.shape)) {
      return {
        status: 'failed',
        reason: `${array} is ${shown(values.shape)}, expected ${shown(reference.shape)}`,
      };
    }
    const here = compare(values.data, reference.data, bounds.data);
    if (use(here) > use(worst)) {
      worst = { array, error: here.error, bound: here.bound };
      if (here.outside) failed = describe(array, here, values, reference);
    }
  }
  if (failed !== undefined) return { status: 'failed', reason: failed };
  return { status: 'passed', worst, compared: [...expected.keys()] };
}

function describe(
  array: string,
  { at, error, bound }: { at: number; error: number; bound: number },
  actual: { data: ArrayLike<number> },
  { shape, data }: NdArray,
): string {
  const index = shown(indexOf(at, shape));
  return `${array}${index} is ${actual.data[at]}, golden ${data[at]}, |error| ${formatNumber(error)}, bound ${formatNumber(bound)}`;
}

function indexOf(at: number, shape: readonly number[]): number[] {
  const index: number[] = [];
  let rest = at;
  for (const size of shape.toReversed()) {
    index.unshift(rest % size);
    rest = Math.floor(rest / size);
  }
  return index;
}

/** Share of the bound that is used; NaN counts as infinitely much. */
function use({ error, bound }: { error: number; bound: number }): number {
  if (error === 0) return 0;
  const share = error / bound;
  return Number.isNaN(share) ? Number.POSITIVE_INFINITY : share;
}

/** The worst element; `outside` when any element is off by more than its bound, or is NaN where it should not be. */
export function compare(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  bounds: ArrayLike<number>,
): { error: number; bound: number; at: number; outside: boolean } {
  let worst = { error: 0, bound: 0, at: 0 };
  let outside = false;
  for (let n = 0; n < expected.length; n++) {
    const [a, e] = [actual[n]!, expected[n]!];
    const error = a === e || (Number.isNaN(a) && Number.isNaN(e)) ? 0 : Math.abs(a - e);
    // The reference was itself rounded to float32 when it was stored, and so was the result.
    const bound = bounds[n]! + 2 * unitRoundoff * Math.abs(e) + smallestNormal;
    if (!(error <= bound) && error !== 0) outside = true;
    if (use({ error, bound }) > use(worst)) worst = { error, bound, at: n };
  }
  return { ...worst, outside };
}

export type Computed = ReadonlyMap<string, { shape: readonly number[]; data: ArrayLike<number> }>;

async function compute(
  golden: GoldenCase,
  operation: Operation,
  params: Parameters,
  path: KernelPath,
): Promise<Computed> {
  const wanted = Object.keys(golden.gradients);
  const inputs: Tensors = {};
  for (const [name, { shape, data }] of Object.entries(golden.inputs)) {
    inputs[name] = golden.integerInputs.has(name)
      ? tf.tensor(Int32Array.from(data), [...shape], 'int32')
      : tf.tensor(Float32Array.from(data), [...shape], 'float32');
  }
  const results: Tensors = tf.tidy(() => {
    const outputs = operation.run(inputs, params, path);
    const named = Object.entries(outputs).map(([name, tensor]) => [`out.${name}`, tensor] as const);
    return { ...Object.fromEntries(named), ...gradients() };
  });
  const computed = new Map<string, { shape: number[]; data: ArrayLike<number> }>();
  try {
    for (const [name, tensor] of Object.entries(results)) {
      computed.set(name, { shape: tensor.shape, data: await read(tensor) });
    }
  } finally {
    tf.dispose([Object.values(inputs), Object.values(results)]);
  }
  return computed;

  function gradients(): Tensors {
    if (wanted.length === 0) return {};
    const objective = (...variables: tf.Tensor[]) => {
      const given = { ...inputs, ...Object.fromEntries(wanted.map((name, n) => [name, variables[n]!])) };
      const outputs = operation.run(given, params, path);
      const terms = Object.entries(golden.cotangents).map(([name, { shape, data }]) => {
        const output = outputs[name];
        if (!output) throw new Error(`the library has no out.${name}, whose cotangent is given`);
        return tf.sum(tf.mul(output, tf.tensor(Float32Array.from(data), [...shape], 'float32')));
      });
      return tf.addN(terms);
    };
    const found = tf.grads(objective)(wanted.map((name) => inputs[name]!));
    return Object.fromEntries(wanted.map((name, n) => [`grad.${name}`, found[n]!]));
  }
}
