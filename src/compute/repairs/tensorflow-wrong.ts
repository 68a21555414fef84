/**
 * Kernels of TensorFlow's CPU library that refuse some inputs, or answer unlike every other backend; those run on tfjs's cpu
 * backend. Both keep their data where JavaScript can see it, so that only the values are copied over and back.
 */
import { avoidOwnKernels, binaryKernels, type Condition, some } from './on-cpu.js';

/** Above this rank, TensorFlow's CPU kernels neither broadcast nor mirror. */
const tensorflowRank = 5;
const broadcastsAtHighRank: Condition = (inputs) => {
  const shapes = Object.values(inputs).map(({ shape }) => shape);
  return shapes.some(({ length }) => length > tensorflowRank) && new Set(shapes.map(String)).size > 1;
};
const dilated: Condition = (_inputs, attrs) =>
  [attrs.dilations ?? 1].flat().some((dilation) => (dilation as number) > 1);
const orders = ['Greater', 'GreaterEqual', 'Less', 'LessEqual'];

const wrongOnTensorflow: Record<string, Condition> = {
  ...Object.fromEntries(binaryKernels.map((name) => [name, broadcastsAtHighRank])),
  ...Object.fromEntries(
    orders.map((name): [string, Condition] => [
      name,
      (inputs, attrs, see) => inputs.a!.dtype === 'bool' || broadcastsAtHighRank(inputs, attrs, see),
    ]),
  ),
  MirrorPad: ({ x }) => x!.shape.length > tensorflowRank,
  Diag: ({ x }) => x!.dtype === 'bool',
  DepthToSpace: (_inputs, attrs) => attrs.dataFormat === 'NCHW',
  DepthwiseConv2dNative: dilated,
  FusedDepthwiseConv2D: dilated,
  // The sign of NaN is 0 in tfjs; here it is NaN.
  Sign: ({ x }, _attrs, see) => x!.dtype === 'float32' && some(see(x!), Number.isNaN),
  // Computed as relu(x) - alpha * relu(-x): NaN where alpha is infinite and x positive.
  Prelu: ({ alpha }, _attrs, see) => some(see(alpha!), (value) => !Number.isFinite(value)),
};

export function repairOnTensorflow(): void {
  avoidOwnKernels('tensorflow', wrongOnTensorflow);
}
