/**
 * Kernels of tfjs's wasm backend that are wrong for some inputs; those run on its cpu backend. Both keep their data where
 * JavaScript can see it, so that only the values are copied over and back.
 */
import { avoidOwnKernels, binaryKernels, type Condition, some } from './on-cpu.js';

/** Above this rank, wasm's kernels for two operands, and pad, return other memory. */
const wasmRank = 6;
const ofHighRank: Condition = (inputs) =>
  Object.values(inputs).some((input) => input.shape.length > wasmRank);
const ofHighRankOrNaN: Condition = (inputs, attrs, see) =>
  ofHighRank(inputs, attrs, see) ||
  Object.values(inputs).some((input) => input.dtype === 'float32' && some(see(input), Number.isNaN));
/**
 * Maxima of negative numbers come out as 1e-38, which was taken for the least float32; gradients of 3-D convolutions and
 * signs are those of other memory; prelu makes NaN of infinite slopes and knows but one shape of them.
 */
const alwaysWrong =
  'Dilation2D Dilation2DBackpropFilter Dilation2DBackpropInput MaxPool3D MaxPool3DGrad MaxPoolGrad MaxPoolWithArgmax Conv3DBackpropFilterV2 Conv3DBackpropInputV2 Prelu Sign';
const hasNaN: Condition = ({ x }, _attrs, see) => x!.dtype === 'float32' && some(see(x!), Number.isNaN);
/** From here on, wasm reduces an angle with too few digits of π. */
const wasmLargestAngle = 1e5;

/**
 * Registered on wasm, but wrong there: gather with batchDims, casting to bool, strided slices of integers (which come back
 * as floats), oneHot of floats and bools, reversed or chosen bools (whose bytes it takes for words), NaN
 * in what clips, compares and pools, sines of large angles, high ranks.
 */
const wrongOnWasm: Record<string, Condition> = {
  GatherV2: (_inputs, attrs) => (attrs.batchDims as number) > 0,
  Cast: (inputs, attrs) => attrs.dtype === 'bool' && inputs.x!.dtype !== 'bool',
  StridedSlice: (inputs) => inputs.x!.dtype !== 'float32',
  OneHot: (_inputs, attrs) => attrs.dtype !== 'int32',
  PadV2: ofHighRank,
  ...Object.fromEntries(alwaysWrong.split(' ').map((name): [string, Condition] => [name, () => true])),
  MaxPool: hasNaN,
  AvgPool: hasNaN,
  Reverse: ({ x }) => x!.dtype === 'bool',
  Select: ({ t }) => t!.dtype === 'bool',
  ClipByValue: ({ x }, _attrs, see) => x!.dtype !== 'float32' || some(see(x!), Number.isNaN),
  Relu6: hasNaN,
  ...Object.fromEntries(
    ['Sin', 'Cos', 'Tan'].map((name): [string, Condition] => [
      name,
      ({ x }, _attrs, see) => some(see(x!), (value) => Math.abs(value) > wasmLargestAngle),
    ]),
  ),
  ...Object.fromEntries(binaryKernels.map((name) => [name, ofHighRank])),
  Maximum: ofHighRankOrNaN,
  Minimum: ofHighRankOrNaN,
};

/** What tfjs does with complex numbers; wasm's kernels would take their bytes for floats. */
const complex = 'Add Cast Concat Multiply OnesLike Pack RealDiv Slice SplitV Sub Transpose Unpack ZerosLike';
const isComplex: Condition = (inputs) =>
  Object.values(inputs).some((input) => [input].flat()[0]?.dtype === 'complex64');

export function repairOnWasm(): void {
  avoidOwnKernels('wasm', wrongOnWasm);
  avoidOwnKernels('wasm', Object.fromEntries(complex.split(' ').map((name) => [name, isComplex])));
}
