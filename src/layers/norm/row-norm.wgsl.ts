/**
 * Fused RMSNorm and LayerNorm for the GPU. Forward: one workgroup per row; LayerNorm sums the row, then the squares of what
 * is left, and both write gain n (+ bias). Only a row whose squares leave the range of float32 is done again, rescaled. It
 * keeps (factor, mean, inverse) per row, with n = (x factor - mean) inverse. Backward: one workgroup per chunk of rows
 * gives dx and the chunk's share of dgain and dbias, each thread owning whole columns, so that there are neither atomics
 * nor a limit on C.
 */
import { type Fused, registerFused } from '../../compute/fused.js';
import { defineKernel } from '../../compute/kernel.js';
import { spread } from '../../compute/launch.js';
import { sizeOf } from '../../compute/ndarray.js';
import {
  lanes,
  type RowVariant,
  rowCode,
  rowElement,
  rowEntry,
  rowExtensions,
  rowVariant,
} from '../../compute/rows.wgsl.js';
import {
  elementOf,
  gradientOf,
  type Storage,
  storageOf,
  storageSuffix,
  storedShape,
} from '../../compute/storage.js';
import { tf } from '../../compute/tf.js';
import { remember } from '../../compute/variants.js';
import type { GpuBackend } from '../../compute/webgpu-backend.js';
import { sumColumns } from './column-sums.wgsl.js';

export const rmsNormKernel = 'KernelbookRmsNorm';
export const layerNormKernel = 'KernelbookLayerNorm';

/**
 * Rows per workgroup of the backward kernel are chosen to give about this many workgroups, at most `maxChunk`: each
 * leaves a row of dgain to be added up. A few threads on a CPU need fewer.
 */
const targetGroups = { gpu: 512, software: 16 };
const maxChunk = 64;

/** `centred`: the mean is subtracted and a bias added, which makes it LayerNorm. */
interface NormVariant extends RowVariant {
  centred: boolean;
}

const normName = ({ centred }: NormVariant): string => (centred ? 'layerNorm' : 'rmsNorm');

const forward = remember((variant: NormVariant) => {
  const { centred } = variant;
  const element = rowElement(variant);
  return defineKernel({
    name: `${normName(variant)}.forward${storageSuffix(variant.storage)}`,
    inputs: { x: element, gain: element, ...(centred && { bias: element }) } as Record<
      'x' | 'gain',
      typeof element
    >,
    outputs: { y: element, rows: 'vec4<f32>' },
    uniforms: {
      groups: 'u32',
      columns: 'u32',
      C: 'f32',
      eps: 'f32',
      epsLarge: 'f32',
      epsSmall: 'f32',
      rescueSmall: 'u32',
    },
    extensions: rowExtensions(variant),
    code: `${rowCode(variant)}
fn rowMean(start: u32, factor: f32, lane: u32) -> f32 {
  var sum = 0.0;
  for (var c = lane; c < u.columns; c += ${lanes}u) { sum += across(V(x[start + c]) * factor); }
  return workgroupSum(sum, lane) / u.C;
}
fn squares(start: u32, factor: f32, mean: f32, lane: u32) -> f32 {
  var sum = 0.0;
  for (var c = lane; c < u.columns; c += ${lanes}u) {
    let value = V(x[start + c]) * factor - mean;
    sum += across(value * value);
  }
  return workgroupSum(sum, lane);
}
${rowEntry(variant)}
  let start = index * u.columns;
  var factor = 1.0;
  var eps = u.eps;
  var mean = ${centred ? 'rowMean(start, factor, lane)' : '0.0'};
  var sum = squares(start, factor, mean, lane);
  // Bounds far inside the range, so that no partial sum has overflowed or vanished unnoticed.
  let large = !(sum <= 0x1p100);
  if (large || (sum < 0x1p-80 && u.rescueSmall == 1u)) {
    factor = select(0x1p80, 0x1p-80, large);
    eps = select(u.epsSmall, u.epsLarge, large);
    ${centred ? 'mean = rowMean(start, factor, lane);' : ''}
    sum = squares(start, factor, mean, lane);
  }
  let inverse = inverseSqrt(sum / u.C + eps);
  for (var c = lane; c < u.columns; c += ${lanes}u) {
    let n = (V(x[start + c]) * factor - mean) * inverse;
    y[start + c] = W(n * V(gain[c])${centred ? ' + V(bias[c])' : ''});
  }
  if (lane == 0u) { rows[index] = vec4f(factor, mean, inverse, 0.0); }
}`,
  });
});

const backward = remember((variant: NormVariant) => {
  const { centred } = variant;
  const element = rowElement(variant);
  // Shares of sums are f32 whatever the tensors are.
  const share = elementOf('f32', variant.width);
  return defineKernel({
    name: `${normName(variant)}.backward${storageSuffix(variant.storage)}`,
    inputs: { dy: element, x: element, gain: element, rows: 'vec4<f32>' },
    outputs: { dx: element, dgain: share, ...(centred && { dbias: share }) } as Record<
      'dx' | 'dgain',
      typeof element
    >,
    uniforms: { groups: 'u32', N: 'u32', columns: 'u32', C: 'f32', chunk: 'u32' },
    extensions: rowExtensions(variant),
    code: `${rowCode(variant)}
// Per row of the chunk: the mean of gain dy, and of gain dy n.
var<workgroup> means: array<vec2f, ${maxChunk}>;
${rowEntry(variant)}
  let first = index * u.chunk;
  let count = min(u.chunk, u.N - first);
  for (var r = 0u; r < count; r++) {
    let start = (first + r) * u.columns;
    let row = rows[first + r];
    var plain = 0.0;
    var along = 0.0;
    for (var c = lane; c < u.columns; c += ${lanes}u) {
      let weighted = V(dy[start + c]) * V(gain[c]);
      ${centred ? 'plain += across(weighted);' : ''}
      along += across(weighted * ((V(x[start + c]) * row.x - row.y) * row.z));
    }
    ${centred ? 'plain = workgroupSum(plain, lane);' : ''}
    along = workgroupSum(along, lane);
    if (lane == 0u) { means[r] = vec2f(plain, along) / u.C; }
  }
  workgroupBarrier();
  for (var c = lane; c < u.columns; c += ${lanes}u) {
    let own = V(gain[c]);
    var gainShare = V();
    var biasShare = V();
    for (var r = 0u; r < count; r++) {
      let at = (first + r) * u.columns + c;
      let row = rows[first + r];
      let n = (V(x[at]) * row.x - row.y) * row.z;
      let upstream = V(dy[at]);
      dx[at] = W((upstream * own - means[r].x - n * means[r].y) * row.z * row.x);
      gainShare += upstream * n;
      biasShare += upstream;
    }
    dgain[index * u.columns + c] = gainShare;
    ${centred ? 'dbias[index * u.columns + c] = biasShare;' : ''}
  }
}`,
  });
});

type Parameter = 'gain' | 'bias';

/** `shape` of x, which a packed half tensor does not have. */
type NormAttributes = { eps: number; shape: number[] };

/** Registers the norm and its gradient; `parameters` are [C] each. */
function register(name: string, parameters: readonly Parameter[]): Fused<'x' | Parameter, NormAttributes> {
  const variantOf = (C: number, storage?: Storage): NormVariant => ({
    ...rowVariant(C, storage),
    centred: parameters.includes('bias'),
  });

  const gradient = registerFused({
    name: `${name}Gradient`,
    inputs: ['dy', 'x', 'gain', 'rows'],
    forward: (inputs, { shape }: NormAttributes, launch) => {
      const { x } = inputs;
      const C = shape.at(-1)!;
      const N = sizeOf(shape) / C;
      const { hardware } = (tf.backend() as GpuBackend).gpu;
      const chunk = Math.min(maxChunk, Math.ceil(N / targetGroups[hardware ? 'gpu' : 'software']));
      const chunks = Math.ceil(N / chunk);
      const variant = variantOf(C, storageOf(x));
      const { storage } = variant;
      const share = { shape: [chunks, C] };
      const outputs = { dx: { shape: x.shape }, dgain: share, ...(variant.centred && { dbias: share }) };
      const made: Record<string, tf.TensorInfo> = launch(backward(variant), {
        inputs,
        outputs,
        uniforms: { groups: chunks, N, columns: C / variant.width, C, chunk },
        workgroups: spread(chunks),
      });
      const { dx, ...shares } = made;
      const summed = `${normName(variant)}.columnSums${storageSuffix(storage)}`;
      const sums = Object.values(shares).map((share) => sumColumns(launch, summed, share, storage));
      return [dx!, ...sums].map((info) => gradientOf(storage, info));
    },
  });

  return registerFused({
    name,
    inputs: ['x', ...parameters],
    forward: (inputs, { eps, shape }: NormAttributes, launch) => {
      const C = shape.at(-1)!;
      const N = sizeOf(shape) / C;
      const variant = variantOf(C, storageOf(inputs.x));
      const { y, rows } = launch(forward(variant), {
        inputs,
        outputs: { y: { shape: storedShape(variant.storage, shape) }, rows: { shape: [N, 4] } },
        uniforms: {
          groups: N,
          columns: C / variant.width,
          C,
          eps,
          epsLarge: eps * 2 ** -160,
          epsSmall: eps * 2 ** 160,
          rescueSmall: eps < 2 ** -96 ? 1 : 0,
        },
        workgroups: spread(N),
      });
      return [y, rows];
    },
    gradient: {
      saveInputs: ['x', 'gain'],
      saveOutputs: [false, true],
      backward: ([dy], saved, attributes) => {
        const [x, gain, rows] = saved as [tf.Tensor, tf.Tensor, tf.Tensor];
        // At once, not per input: tfjs disposes what one input's function leaves behind before it asks for the next.
        const [dx, ...sums] = gradient.run({ dy: dy!, x, gain, rows }, attributes) as [
          tf.Tensor,
          ...tf.Tensor[],
        ];
        return {
          x: () => dx,
          ...Object.fromEntries(parameters.map((parameter, n) => [parameter, () => sums[n]!])),
        };
      },
    },
  });
}

const fusedRmsNorm = register(rmsNormKernel, ['gain']);
const fusedLayerNorm = register(layerNormKernel, ['gain', 'bias']);

function run(
  operation: Fused<'x' | Parameter, NormAttributes>,
  inputs: { x: tf.Tensor } & Partial<Record<Parameter, tf.Tensor>>,
  eps: number,
  shape = inputs.x.shape,
): tf.Tensor {
  const [y, rows] = operation.run(inputs as Record<'x' | Parameter, tf.Tensor>, { eps, shape }) as [
    tf.Tensor,
    tf.Tensor,
  ];
  rows.dispose();
  return y;
}

/** rmsNorm by the fused kernel; x [..., C] and gain [C], or both packed half tensors, checked by the caller and not empty. */
export function runRmsNorm(x: tf.Tensor, gain: tf.Tensor, eps: number, shape?: number[]): tf.Tensor {
  return run(fusedRmsNorm, { x, gain }, eps, shape);
}

/** layerNorm over the last axis by the fused kernel; x [..., C], gain and bias [C], or all packed half tensors; not empty. */
export function runLayerNorm(
  x: tf.Tensor,
  gain: tf.Tensor,
  bias: tf.Tensor,
  eps: number,
  shape?: number[],
): tf.Tensor {
  return run(fusedLayerNorm, { x, gain, bias }, eps, shape);
}
