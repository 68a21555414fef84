/** What numeric tests share: comparison within per-element bounds, and gradients by finite differences. */
import { expect } from 'vitest';
import { type NdArray, ndarray } from '../../src/compute/ndarray.js';
import { fromNdArray, toNdArray } from '../../src/compute/read.js';
import { tf } from '../../src/compute/tf.js';
import { compare } from '../../src/workbench/golden/run.js';
import type { Bounded } from '../../src/workbench/golden/running-error.js';

/** Reads the tensor and expects it within the bounds of `expected`; `what` names it in the failure. */
export async function expectWithin(
  what: string,
  actual: tf.Tensor,
  expected: NdArray,
  bounds: Bounded,
): Promise<void> {
  const { shape, data } = await toNdArray(actual);
  expect(shape, what).toEqual([...expected.shape]);
  const { error, bound, outside } = compare(data, expected.data, bounds.error.data);
  expect(outside, `${what}: error ${error} against a bound of ${bound}`).toBe(false);
}

/** Gradient of sum(dy * f(x)) by central differences; `f` is a float64 oracle. */
export function differences(f: (x: NdArray) => NdArray, x: NdArray, dy: NdArray, step = 1e-5): NdArray {
  const gradient = ndarray(x.shape);
  const objective = (at: NdArray) => f(at).data.reduce((sum, value, n) => sum + value * dy.data[n]!, 0);
  for (let n = 0; n < x.data.length; n++) {
    const moved = (by: number) => {
      const at = ndarray(x.shape, x.data);
      at.data[n]! += by;
      return objective(at);
    };
    gradient.data[n] = (moved(step) - moved(-step)) / (2 * step);
  }
  return gradient;
}

/** Largest |a - b|; NaN when either holds one. */
export function distance(a: NdArray, b: NdArray): number {
  expect(a.shape).toEqual(b.shape);
  return a.data.reduce((worst, value, n) => {
    const error = Math.abs(value - b.data[n]!);
    return Number.isNaN(error) || Number.isNaN(worst) ? Number.NaN : Math.max(worst, error);
  }, 0);
}

/** Tensors left behind by running `work` (after once to fill caches). */
export function leaked(work: () => tf.TensorContainer): number {
  tf.dispose(work());
  const before = tf.memory().numTensors;
  tf.dispose(work());
  return tf.memory().numTensors - before;
}

/** Runs `component` on the inputs and expects its value, and the gradient of every input, within their bounds. */
export async function expectComponent<Input extends string>(
  component: (inputs: Record<Input, tf.Tensor>) => tf.Tensor,
  inputs: Record<Input, NdArray>,
  dy: NdArray,
  expected: { out: NdArray; gradients: Record<Input, NdArray> },
  bounds: { out: Bounded } & { [name in NoInfer<Input>]?: Bounded },
): Promise<void> {
  const names = Object.keys(inputs) as Input[];
  const tensors = names.map((name) => fromNdArray(inputs[name]));
  const named = (values: tf.Tensor[]) =>
    Object.fromEntries(names.map((name, n) => [name, values[n]!])) as Record<Input, tf.Tensor>;
  await expectWithin('out', component(named(tensors)), expected.out, bounds.out);
  const gradients = tf.grads((...values) => component(named(values)))(tensors, fromNdArray(dy));
  for (const [n, name] of names.entries()) {
    const bound = bounds[name];
    if (!bound) throw new Error(`no bound for the gradient of ${name}`);
    await expectWithin(`gradient of ${name}`, gradients[n]!, expected.gradients[name], bound);
  }
}

/** Expects every analytic gradient of an oracle to agree with central differences of its forward pass. */
export function expectOracleGradient<Input extends string>(
  forward: (inputs: Record<Input, NdArray>) => NdArray,
  inputs: Record<Input, NdArray>,
  dy: NdArray,
  gradients: Record<Input, NdArray>,
): void {
  for (const name of Object.keys(inputs) as Input[]) {
    const numeric = differences((at) => forward({ ...inputs, [name]: at }), inputs[name], dy);
    expect(distance(gradients[name], numeric), `gradient of ${name}`).toBeLessThan(1e-7);
  }
}
