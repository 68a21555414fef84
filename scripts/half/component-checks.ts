/**
 * RMSNorm, LayerNorm, softmax, cross-entropy, RoPE and gated units on half tensors, and their gradients: rows that are odd, single, longer
 * than a workgroup.
 */

import type { HalfTensor } from '../../src/compute/half/index.js';
import { type NdArray, ndarray } from '../../src/compute/ndarray.js';
import { fromNdArray } from '../../src/compute/read.js';
import {
  type GluKind,
  gatedActivation,
  gatedActivationGradientOracle,
  gatedActivationOracle,
  glu,
  gluGates,
  gluGradientOracle,
  gluOracle,
} from '../../src/layers/activation/index.js';
import {
  layerNorm,
  layerNormGradientOracle,
  layerNormOracle,
  rmsNorm,
  rmsNormGradientOracle,
  rmsNormOracle,
} from '../../src/layers/norm/index.js';
import { type RopeLayout, rope, ropeGradientOracle, ropeOracle } from '../../src/layers/position/index.js';
import { softmax, softmaxGradientOracle, softmaxOracle } from '../../src/layers/softmax/index.js';
import {
  crossEntropy,
  crossEntropyGradientOracle,
  crossEntropyOracle,
} from '../../src/training/loss/index.js';
import { gatedErrors, gluErrors } from '../../src/workbench/golden/bounds/activation.js';
import { crossEntropyErrors } from '../../src/workbench/golden/bounds/cross-entropy.js';
import { roundedToHalf } from '../../src/workbench/golden/bounds/half.js';
import { layerNormErrors } from '../../src/workbench/golden/bounds/normalization.js';
import { rmsNormErrors } from '../../src/workbench/golden/bounds/rms-norm.js';
import { ropeErrors } from '../../src/workbench/golden/bounds/rope.js';
import { softmaxErrors } from '../../src/workbench/golden/bounds/softmax.js';
import {
  type Bounded,
  exact,
  multiply,
  subtract,
  sumLast,
} from '../../src/workbench/golden/running-error.js';
import { type CheckedPath, gradientsAt, type HalfCheck, halfFrom, halfNormal, type Result } from './check.js';

export function componentChecks(path: CheckedPath): (() => HalfCheck)[] {
  const kernels = (...names: string[]) =>
    path === 'fused' ? names.map((name) => `${name}.f16`).join(', ') : '';

  /** The value, and the gradients with respect to the inputs in order. */
  function ofComponent(
    name: string,
    kernel: { forward: string; backward: string[] },
    inputs: NdArray[],
    dy: NdArray,
    out: Bounded,
    gradients: Bounded[],
    f: (...inputs: HalfTensor[]) => Result,
  ): HalfCheck {
    return {
      name,
      kernel: kernels(kernel.forward, ...kernel.backward),
      expected: [out, ...gradients],
      run: () => [f(...inputs.map(halfFrom)), ...gradientsAt(f, inputs, dy)],
    };
  }

  function ofRmsNorm(rows: number, C: number, spread = 1): HalfCheck {
    const [x, gain, dy] = [halfNormal([rows, C], 1, spread), halfNormal([C], 2), halfNormal([rows, C], 3)];
    const bounds = rmsNormErrors(x, gain, dy, 1e-6);
    const gradient = rmsNormGradientOracle(x, gain, dy, 1e-6);
    return ofComponent(
      `rmsNorm rows ${rows}, C ${C}, |x| ~ ${spread}`,
      { forward: 'rmsNorm.forward', backward: ['rmsNorm.backward', 'rmsNorm.columnSums'] },
      [x, gain],
      dy,
      within(rmsNormOracle(x, gain, 1e-6), bounds.out),
      [within(gradient.x, bounds.x!), within(gradient.gain, bounds.gain!)],
      (a, b) => rmsNorm(a!, b!, { eps: 1e-6, path }),
    );
  }

  function ofLayerNorm(shape: number[], axes = 1, spread = 1): HalfCheck {
    const trailing = shape.slice(-axes);
    const [x, dy] = [halfNormal(shape, 1, spread), halfNormal(shape, 4)];
    const affine = { gain: halfNormal(trailing, 2), bias: halfNormal(trailing, 3) };
    const bounds = layerNormErrors(x, affine, dy, axes, 1e-5);
    const gradient = layerNormGradientOracle(x, affine, dy, 1e-5);
    return ofComponent(
      `layerNorm [${shape}], axes ${axes}, |x| ~ ${spread}`,
      { forward: 'layerNorm.forward', backward: ['layerNorm.backward', 'layerNorm.columnSums'] },
      [x, affine.gain, affine.bias],
      dy,
      within(layerNormOracle(x, affine, 1e-5), bounds.out),
      [
        within(gradient.x, bounds.x!),
        within(gradient.gain!, bounds.gain!),
        within(gradient.bias!, bounds.bias!),
      ],
      (a, gain, bias) => layerNorm(a!, { gain: gain!, bias: bias! }, { eps: 1e-5, path }),
    );
  }

  function ofSoftmax(rows: number, C: number, spread = 1): HalfCheck {
    const [x, dy] = [halfNormal([rows, C], 1, spread), halfNormal([rows, C], 2)];
    const { out } = softmaxErrors(x, undefined);
    // The gradient is made of the weights as they were rounded.
    const [weights, upstream] = [roundedToHalf(out), exact(dy)];
    const dx = multiply(weights, subtract(upstream, sumLast(multiply(weights, upstream))));
    return ofComponent(
      `softmax rows ${rows}, C ${C}, |x| ~ ${spread}`,
      { forward: 'softmax.forward', backward: ['softmax.backward'] },
      [x],
      dy,
      within(softmaxOracle(x), out),
      [within(softmaxGradientOracle(x, dy), dx)],
      (a) => softmax(a!, { path }),
    );
  }

  function ofCrossEntropy(rows: number, V: number, spread = 1): HalfCheck {
    const logits = halfNormal([rows, V], 1, spread);
    const targets = ndarray(
      [rows],
      Array.from({ length: rows }, (_, n) => (n % 5 === 4 ? -100 : (7 * n) % V)),
    );
    const bounds = crossEntropyErrors(logits, targets, 1.5, -100);
    return ofComponent(
      `crossEntropy rows ${rows}, V ${V}, |x| ~ ${spread}`,
      { forward: 'crossEntropy.forward', backward: ['crossEntropy.backward'] },
      [logits],
      ndarray([], [1.5]),
      within(crossEntropyOracle(logits, targets), bounds.loss),
      [within(crossEntropyGradientOracle(logits, targets, 1.5), bounds.logits!)],
      (x) => crossEntropy(x!, fromNdArray(targets, 'int32'), { path }),
    );
  }

  function ofRope(layout: RopeLayout, [T, D]: [number, number], start: number): HalfCheck {
    const [x, dy] = [halfNormal([2, T, D], 4), halfNormal([2, T, D], 5)];
    const positions = Array.from({ length: T }, (_, t) => start + t);
    const bounds = (at: NdArray, direction: 1 | -1) =>
      ropeErrors(exact(at), positions, layout, 10_000, direction);
    return ofComponent(
      `rope ${layout}, T ${T}, D ${D}, from position ${start}`,
      { forward: `rope.${layout}`, backward: [] },
      [x],
      dy,
      within(ropeOracle(x, positions, { layout }), bounds(x, 1)),
      [within(ropeGradientOracle(dy, positions, { layout }), bounds(dy, -1))],
      (a) => rope(a!, positions, { layout, path }),
    );
  }

  function ofGlu(kind: GluKind, rows: number, F: number): HalfCheck {
    const [x, dy] = [halfNormal([rows, 2 * F], 1, 3), halfNormal([rows, F], 2)];
    const bounds = gluErrors(x, dy, gluGates[kind]);
    return ofComponent(
      `${kind} rows ${rows}, F ${F}`,
      { forward: 'glu.forward', backward: ['glu.backward'] },
      [x],
      dy,
      within(gluOracle(x, kind), bounds.out),
      [within(gluGradientOracle(x, dy, kind), bounds.x!)],
      (a) => glu(a!, kind, { path }),
    );
  }

  function ofGated(shape: number[], spread: number): HalfCheck {
    const [value, gate, dy] = [halfNormal(shape, 1, spread), halfNormal(shape, 2, 3), halfNormal(shape, 3)];
    const bounds = gatedErrors(exact(value), exact(gate), exact(dy), 'silu');
    const gradient = gatedActivationGradientOracle(value, gate, dy, 'silu');
    return ofComponent(
      `value silu(gate) [${shape}], |value| ~ ${spread}`,
      { forward: 'gated.forward', backward: ['gated.backward'] },
      [value, gate],
      dy,
      within(gatedActivationOracle(value, gate, 'silu'), bounds.out),
      [within(gradient.value, bounds.value!), within(gradient.gate, bounds.gate!)],
      (v, g) => gatedActivation(v!, g!, 'silu', { path }),
    );
  }

  return [
    () => ofRmsNorm(1, 1),
    () => ofRmsNorm(3, 41),
    () => ofRmsNorm(37, 200),
    () => ofRmsNorm(2, 1028, 1e4),
    () => ofRmsNorm(3, 64, 1e-6),
    () => ofLayerNorm([1, 1]),
    () => ofLayerNorm([3, 41]),
    () => ofLayerNorm([37, 200]),
    () => ofLayerNorm([3, 2, 7, 3], 2),
    () => ofLayerNorm([2, 1028], 1, 1e4),
    () => ofSoftmax(1, 1),
    () => ofSoftmax(5, 301),
    () => ofSoftmax(7, 64, 1e4),
    () => ofSoftmax(3, 1030, 5),
    () => ofCrossEntropy(1, 1),
    () => ofCrossEntropy(13, 5),
    () => ofCrossEntropy(3, 1030, 4),
    () => ofCrossEntropy(7, 64, 1e4),
    ...(['interleaved', 'half'] as const).flatMap((layout) => [
      () => ofRope(layout, [1, 2], 0),
      () => ofRope(layout, [7, 6], 1000),
      () => ofRope(layout, [33, 64], 3),
    ]),
    ...(Object.keys(gluGates) as GluKind[]).map((kind) => () => ofGlu(kind, 5, 12)),
    () => ofGlu('swiglu', 3, 9),
    () => ofGlu('geglu', 1, 1),
    () => ofGated([7, 9], 1),
    // Some products overflow.
    () => ofGated([5, 24], 3e4),
  ];
}

/** What the oracle gives, with the bound on a float32 computation of it. */
function within(value: NdArray, { error }: Bounded): Bounded {
  return { value, error };
}
