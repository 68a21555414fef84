/** Number formats, bit by bit; quantisation with scales; loss scaling. */

export {
  type FloatFacts,
  type FloatFormat,
  type FloatFormatName,
  floatFacts,
  floatFormatNames,
  floatFormats,
} from './float-format.js';
export {
  type QuantizationGroups,
  type QuantizedIntegers,
  quantizeAbsMax,
  quantizeZeroPoint,
  type ZeroPointOptions,
} from './integer-quantization.js';
export { LossScaler, type LossScalerOptions } from './loss-scaler.js';
export { type MicroscaledArray, quantizeMicroscaled } from './microscaling.js';
export { decodeE8m0, decodeFloat, encodeFloat, roundStochastically, roundTo, ulp } from './round.js';
export { currentScale, DelayedScale, type ScaledArray, scaleToFormat } from './scaled-matmul.js';
