/**
 * Every fused kernel against its float64 oracle, forward and gradient, at sizes that the golden cases do not have: odd
 * ones, a single row, head dims up to the largest, more rows than a workgroup. Each is a case in the golden form, whose
 * reference is the library's own oracle, so that the same derived bounds judge it.
 */

import { type NdArray, ndarray } from '../../src/compute/ndarray.js';
import { seededNormal } from '../../src/compute/random.js';
import { gluGradientOracle, gluOracle } from '../../src/layers/activation/index.js';
import {
  type AttentionRule,
  attentionGradientOracle,
  attentionOracle,
} from '../../src/layers/attention/index.js';
import {
  layerNormGradientOracle,
  layerNormOracle,
  rmsNormGradientOracle,
  rmsNormOracle,
} from '../../src/layers/norm/index.js';
import { type RopeLayout, ropeGradientOracle, ropeOracle } from '../../src/layers/position/index.js';
import { softmaxGradientOracle, softmaxOracle } from '../../src/layers/softmax/index.js';
import { crossEntropyGradientOracle, crossEntropyOracle } from '../../src/training/loss/index.js';
import { adamOracle } from '../../src/training/optimizer/index.js';
import type { GoldenCase } from '../../src/workbench/golden/case.js';

interface Parts {
  name: string;
  op: string;
  params: Record<string, unknown>;
  inputs: Record<string, NdArray>;
  out: NdArray;
  /** What the output is called; default `out`. */
  output?: string;
  /** Absent where nothing is differentiated. */
  dy?: NdArray;
  gradients?: Record<string, NdArray>;
  integers?: string[];
}

/** The cases, each computed when its turn comes. */
export const fusedChecks: readonly (() => GoldenCase)[] = [
  ...[
    [1, 1],
    [3, 40],
    [5, 300],
    [257, 64],
    [2, 4097],
  ].map(
    ([rows, C]) =>
      () =>
        rmsNormCheck(rows!, C!, 1),
  ),
  () => rmsNormCheck(4, 128, 2 ** 70),
  () => rmsNormCheck(4, 128, 2 ** -20),
  ...[
    [1, 1030],
    [257, 64],
    [3, 41],
  ].map(
    ([rows, C]) =>
      () =>
        layerNormCheck(rows!, C!),
  ),
  () => softmaxCheck(5, 300, 1),
  () => softmaxCheck(2, 4097, 30),
  () => crossEntropyCheck(17, 1000, 1),
  () => crossEntropyCheck(6, 50_257, 10),
  () => gluCheck('swiglu', 33, 130),
  () => gluCheck('geglu', 7, 9),
  () => adamWCheck([33, 20]),
  () => adamWCheck([70_001]),
  ...(['interleaved', 'half'] as const).flatMap((layout) => [
    () => ropeCheck(layout, [1, 1, 1, 2], 0),
    () => ropeCheck(layout, [2, 3, 7, 40], 100_000),
    () => ropeCheck(layout, [1, 4, 300, 128], 0.25),
  ]),
  () => attentionCheck({ B: 1, H: 1, K: 1, T: 1, S: 1, D: 1 }, {}),
  () => attentionCheck({ B: 2, H: 4, K: 2, T: 33, S: 65, D: 16 }, { causal: true }),
  () => attentionCheck({ B: 1, H: 3, K: 1, T: 1, S: 300, D: 64 }, { causal: true }),
  () => attentionCheck({ B: 1, H: 2, K: 2, T: 70, S: 70, D: 40 }, { causal: true, window: 9 }),
  () => attentionCheck({ B: 1, H: 6, K: 3, T: 20, S: 20, D: 80 }, { causal: true, alibi: true }),
  () => attentionCheck({ B: 1, H: 2, K: 1, T: 50, S: 37, D: 128 }, { scale: 0.3 }),
  () => attentionCheck({ B: 1, H: 2, K: 1, T: 40, S: 40, D: 256 }, { causal: true }),
  () => attentionCheck({ B: 1, H: 2, K: 2, T: 65, S: 65, D: 3 }, { causal: true }, 30),
];

function rmsNormCheck(rows: number, C: number, magnitude: number): GoldenCase {
  const x = seededNormal([rows, C], 1, magnitude);
  const gain = seededNormal([C], 2);
  const dy = seededNormal([rows, C], 3);
  return toCase({
    name: `rms_norm rows ${rows}, C ${C}, |x| ~ ${magnitude.toPrecision(1)}`,
    op: 'rms_norm',
    params: { eps: 1e-6 },
    inputs: { x, gain },
    out: rmsNormOracle(x, gain, 1e-6),
    dy,
    gradients: rmsNormGradientOracle(x, gain, dy, 1e-6),
  });
}

function ropeCheck(layout: RopeLayout, shape: [number, number, number, number], start: number): GoldenCase {
  const x = seededNormal(shape, 4);
  const dy = seededNormal(shape, 5);
  const positions = Array.from({ length: shape[2] }, (_, t) => Math.fround(start + t));
  return toCase({
    name: `rope ${layout}, B ${shape[0]}, H ${shape[1]}, T ${shape[2]}, D ${shape[3]}, from position ${start}`,
    op: 'rope',
    params: { layout, base: 10000 },
    inputs: { x, positions: ndarray([shape[2]], positions) },
    out: ropeOracle(x, positions, { layout }),
    dy,
    gradients: { x: ropeGradientOracle(dy, positions, { layout }) },
  });
}

type AttentionAxes = Record<'B' | 'H' | 'K' | 'T' | 'S' | 'D', number>;

/** `magnitude` of the queries: 30 makes logits that a softmax without its maximum would overflow on. */
function attentionCheck(axes: AttentionAxes, rule: AttentionRule, magnitude = 1): GoldenCase {
  const { B, H, K, T, S, D } = axes;
  const q = seededNormal([B, H, T, D], 6, magnitude);
  const k = seededNormal([B, K, S, D], 7);
  const v = seededNormal([B, K, S, D], 8);
  const dy = seededNormal([B, H, T, D], 9);
  const sizes = Object.entries(axes).map(([axis, extent]) => `${axis} ${extent}`);
  const rules = Object.entries(rule).map(([key, value]) => (value === true ? key : `${key} ${value}`));
  return toCase({
    name: ['attention', ...sizes, ...rules, ...(magnitude === 1 ? [] : [`|q| ~ ${magnitude}`])].join(', '),
    op: 'attention',
    params: { ...rule },
    inputs: { q, k, v },
    out: attentionOracle(q, k, v, rule),
    dy,
    gradients: attentionGradientOracle(q, k, v, dy, rule),
  });
}

function layerNormCheck(rows: number, C: number): GoldenCase {
  const x = seededNormal([rows, C], 1);
  const affine = { gain: seededNormal([C], 2), bias: seededNormal([C], 3) };
  const dy = seededNormal([rows, C], 4);
  return toCase({
    name: `layer_norm rows ${rows}, C ${C}`,
    op: 'layer_norm',
    params: { eps: 1e-5 },
    inputs: { x, ...affine },
    out: layerNormOracle(x, affine, 1e-5),
    dy,
    gradients: { ...layerNormGradientOracle(x, affine, dy, 1e-5) } as Record<string, NdArray>,
  });
}

function softmaxCheck(rows: number, C: number, magnitude: number): GoldenCase {
  const x = seededNormal([rows, C], 1, magnitude);
  const dy = seededNormal([rows, C], 2);
  return toCase({
    name: `softmax rows ${rows}, C ${C}, |x| ~ ${magnitude}`,
    op: 'softmax',
    params: {},
    inputs: { x },
    out: softmaxOracle(x),
    dy,
    gradients: { x: softmaxGradientOracle(x, dy) },
  });
}

function gluCheck(kind: 'swiglu' | 'geglu', rows: number, F: number): GoldenCase {
  const x = seededNormal([rows, 2 * F], 1, 3);
  const dy = seededNormal([rows, F], 2);
  return toCase({
    name: `glu ${kind}, rows ${rows}, F ${F}`,
    op: 'glu',
    params: { kind },
    inputs: { x },
    out: gluOracle(x, kind),
    dy,
    gradients: { x: gluGradientOracle(x, dy, kind) },
  });
}

/** Every fifth position is ignored. */
function crossEntropyCheck(rows: number, V: number, magnitude: number): GoldenCase {
  const logits = seededNormal([rows, V], 1, magnitude);
  const targets = ndarray(
    [rows],
    Array.from({ length: rows }, (_, n) => (n % 5 === 4 ? -100 : (n * 7919) % V)),
  );
  return toCase({
    name: `cross_entropy rows ${rows}, V ${V}, |logits| ~ ${magnitude}`,
    op: 'cross_entropy',
    params: {},
    inputs: { logits, targets },
    integers: ['targets'],
    output: 'loss',
    out: crossEntropyOracle(logits, targets),
    dy: ndarray([], [1.5]),
    gradients: { logits: crossEntropyGradientOracle(logits, targets, 1.5) },
  });
}

function adamWCheck(shape: number[]): GoldenCase {
  const steps = 3;
  const param = seededNormal(shape, 1);
  const gradients = Array.from({ length: steps }, (_, step) => seededNormal(shape, step + 2));
  const grads = ndarray(
    [steps, ...shape],
    gradients.flatMap(({ data }) => Array.from(data)),
  );
  const options = { learningRate: 0.01, beta1: 0.9, beta2: 0.99, eps: 1e-8, weightDecay: 0.1 };
  const { learningRate: lr, ...rest } = options;
  return toCase({
    name: `adamW [${shape}], ${steps} steps`,
    op: 'optimizer',
    params: { kind: 'adamw', steps, lr, ...rest },
    inputs: { param, grads },
    output: 'param',
    out: adamOracle(param, gradients, options, true),
  });
}

function toCase({ out, output = 'out', dy, gradients = {}, integers = [], ...rest }: Parts): GoldenCase {
  return {
    ...rest,
    source: 'float64 oracle',
    integerInputs: new Set(integers),
    outputs: { [output]: out },
    cotangents: dy ? { [output]: dy } : {},
    gradients,
  };
}
