/**
 * Every component on every backend, value and gradients against its float64 oracle, where inputs are unusual: one element,
 * odd and wide rows, no rows or no columns, huge numbers, NaN and infinities in one row. Sharper bounds for usual
 * inputs are in the tests of each component.
 */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type NdArray, ndarray } from '../../src/compute/ndarray.js';
import { seededNormal } from '../../src/compute/random.js';
import { fromNdArray, toNdArray } from '../../src/compute/read.js';
import { tf } from '../../src/index.js';
import { eachBackend } from '../compute/backends.js';
import { type Component, type Path, pathsOf } from './component.js';
import { components } from './components.js';

const referenced = Object.entries(components).filter(([, { reference }]) => typeof reference !== 'string');

eachBackend((backend) => {
  beforeEach(() => tf.engine().startScope());
  afterEach(() => tf.engine().endScope());

  const each = (title: string, check: (component: Component, path: Path) => Promise<void>) =>
    it.each(referenced)(`%s: ${title}`, async (_name, component) => {
      for (const path of pathsOf(component, backend)) await check(component, path);
    });

  describe('is right for', () => {
    each('one element, odd and wide rows', async (component, path) => {
      for (const [R, W] of [
        [1, 1],
        [3, 7],
        [5, 33],
        [2, 70],
      ] as const) {
        const inputs = usual(component.inputs(R, W));
        await compare(`${path}, ${R} rows of ${W}`, component, path, inputs, { floor: 1e-5 });
      }
    });

    each('no rows, and no columns', async (component, path) => {
      for (const [R, W] of [
        [0, 4],
        [3, 0],
      ] as const) {
        const inputs = usual(component.inputs(R, W));
        const refusal = component.refuses?.[R === 0 ? 'noRows' : 'noColumns'];
        if (refusal) expect(() => component.run(path, ...inputs.map((a) => fromNdArray(a)))).toThrow(refusal);
        else await compare(`${path}, ${R} rows of ${W}`, component, path, inputs, { floor: 1e-5 });
      }
    });

    each('huge numbers', async (component, path) => {
      for (const largest of component.huge ?? [1e4]) {
        for (const which of component.special ?? [0]) {
          const inputs = usual(component.inputs(3, 6));
          const moved = inputs[which]!;
          inputs[which] = ndarray(
            moved.shape,
            moved.data.map((x) => Math.fround(Math.sign(x) * largest * Math.min(1, 0.1 + Math.abs(x) / 3))),
          );
          await compare(`${path}, input ${which} of ${largest}`, component, path, inputs, { floor: 1e-30 });
        }
      }
    });

    each('NaN and infinities in one row', async (component, path) => {
      if (path === 'composed' && component.composedMixes) return;
      for (const value of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
        for (const which of component.special ?? [0]) {
          const inputs = usual(component.inputs(3, 6));
          const { data, shape } = inputs[which]!;
          data[shape.at(-1)! + 1] = value;
          const what = `${path}, ${value} in input ${which}`;
          await compare(what, component, path, inputs, { floor: 1e-5, gradients: !component.spreads });
        }
      }
    });
  });
});

function usual(shapes: number[][]): NdArray[] {
  return shapes.map((shape, n) => seededNormal(shape, n + 1));
}

interface Strictness {
  /** Allowed besides a share of the largest number of the row. */
  floor: number;
  gradients?: boolean;
}

async function compare(
  what: string,
  { run, pick, reference }: Component,
  path: Path,
  inputs: NdArray[],
  { floor, gradients = true }: Strictness,
): Promise<void> {
  const scalar = (...tensors: tf.Tensor[]) => {
    const result = run(path, ...tensors);
    return pick ? pick(result) : (result as tf.Tensor);
  };
  const tensors = inputs.map((array) => fromNdArray(array));
  if (typeof reference === 'string') throw new Error(`there is no reference: ${reference}`);
  const expected = reference.value(...inputs);
  await expectNear(what, scalar(...tensors), expected, floor);
  if (!gradients || !reference.gradients) return;
  const dy = seededNormal(expected.shape, 99);
  const actual = tf.grads(scalar)(tensors, fromNdArray(dy));
  for (const [n, wanted] of reference.gradients(dy, ...inputs).entries()) {
    await expectNear(`${what}, gradient ${n}`, actual[n]!, wanted, floor);
  }
}

/**
 * The same NaN and infinities in float32; all else within 1e-4 of the largest number of its row, 1e-5 of that of all, and
 * `floor`.
 */
async function expectNear(what: string, actual: tf.Tensor, expected: NdArray, floor: number): Promise<void> {
  const { shape, data } = await toNdArray(actual);
  expect(shape, what).toEqual([...expected.shape]);
  const W = shape.at(-1) ?? 1;
  const all = largest(expected.data);
  for (let n = 0; n < data.length; n++) {
    const ofRow = largest(expected.data.subarray(n - (n % W), n - (n % W) + W));
    const [a, e] = [data[n]!, Math.fround(expected.data[n]!)];
    const near = Number.isFinite(e) ? Math.abs(a - e) <= floor + 1e-4 * ofRow + 1e-5 * all : Object.is(a, e);
    if (!near) expect.fail(`${what}: ${a} instead of ${e} at ${n} of [${shape}]`);
  }
}

/** Of the finite numbers; 0 without any. */
function largest(values: Float64Array): number {
  return values.reduce((most, x) => (Number.isFinite(x) ? Math.max(most, Math.abs(x)) : most), 0);
}
