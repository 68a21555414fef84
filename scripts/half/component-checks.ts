/** RMSNorm, softmax, RoPE and gated units on half tensors: rows that are odd, single, longer than a workgroup. */
import {
  type GluKind,
  gatedActivation,
  gatedActivationOracle,
  glu,
  gluGates,
  gluOracle,
} from '../../src/activation/index.js';
import { gatedErrors, gluErrors } from '../../src/golden/bounds/activation.js';
import { rmsNormErrors } from '../../src/golden/bounds/rms-norm.js';
import { ropeErrors } from '../../src/golden/bounds/rope.js';
import { softmaxErrors } from '../../src/golden/bounds/softmax.js';
import { exact } from '../../src/golden/running-error.js';
import { rmsNorm, rmsNormOracle } from '../../src/norm/index.js';
import { type RopeLayout, rope, ropeOracle } from '../../src/position/index.js';
import { softmax, softmaxOracle } from '../../src/softmax/index.js';
import { type CheckedPath, type HalfCheck, halfFrom, halfNormal } from './check.js';

export function componentChecks(path: CheckedPath): (() => HalfCheck)[] {
  const kernel = (name: string) => (path === 'fused' ? `${name}.f16` : '');

  function ofRmsNorm(rows: number, C: number, spread = 1): HalfCheck {
    const [x, gain] = [halfNormal([rows, C], 1, spread), halfNormal([C], 2)];
    return {
      name: `rmsNorm rows ${rows}, C ${C}, |x| ~ ${spread}`,
      kernel: kernel('rmsNorm.forward'),
      expected: rmsNormOracle(x, gain, 1e-6),
      error: rmsNormErrors(x, gain, undefined, 1e-6).out.error,
      run: () => rmsNorm(halfFrom(x), halfFrom(gain), { eps: 1e-6, path }),
    };
  }

  function ofSoftmax(rows: number, C: number, spread = 1): HalfCheck {
    const x = halfNormal([rows, C], 1, spread);
    return {
      name: `softmax rows ${rows}, C ${C}, |x| ~ ${spread}`,
      kernel: kernel('softmax.forward'),
      expected: softmaxOracle(x),
      error: softmaxErrors(x, undefined).out.error,
      run: () => softmax(halfFrom(x), { path }),
    };
  }

  function ofRope(layout: RopeLayout, [T, D]: [number, number], start: number): HalfCheck {
    const x = halfNormal([2, T, D], 4);
    const positions = Array.from({ length: T }, (_, t) => start + t);
    return {
      name: `rope ${layout}, T ${T}, D ${D}, from position ${start}`,
      kernel: kernel(`rope.${layout}`),
      expected: ropeOracle(x, positions, { layout }),
      error: ropeErrors(exact(x), positions, layout, 10_000, 1).error,
      run: () => rope(halfFrom(x), positions, { layout, path }),
    };
  }

  function ofGlu(kind: GluKind, rows: number, F: number): HalfCheck {
    const x = halfNormal([rows, 2 * F], 1, 3);
    return {
      name: `${kind} rows ${rows}, F ${F}`,
      kernel: kernel('glu.forward'),
      expected: gluOracle(x, kind),
      error: gluErrors(x, undefined, gluGates[kind]).out.error,
      run: () => glu(halfFrom(x), kind, { path }),
    };
  }

  function ofGated(shape: number[], spread: number): HalfCheck {
    const [value, gate] = [halfNormal(shape, 1, spread), halfNormal(shape, 2, 3)];
    return {
      name: `value silu(gate) [${shape}], |value| ~ ${spread}`,
      kernel: kernel('gated.forward'),
      expected: gatedActivationOracle(value, gate, 'silu'),
      error: gatedErrors(exact(value), exact(gate), undefined, 'silu').out.error,
      run: () => gatedActivation(halfFrom(value), halfFrom(gate), 'silu', { path }),
    };
  }

  return [
    () => ofRmsNorm(1, 1),
    () => ofRmsNorm(3, 41),
    () => ofRmsNorm(37, 200),
    () => ofRmsNorm(2, 1028, 1e4),
    () => ofRmsNorm(3, 64, 1e-6),
    () => ofSoftmax(1, 1),
    () => ofSoftmax(5, 301),
    () => ofSoftmax(7, 64, 1e4),
    () => ofSoftmax(3, 1030, 5),
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
