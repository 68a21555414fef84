export {
  type Calibration,
  type CalibrationBin,
  calibrationOf,
  tokenCalibration,
} from './calibration.js';
export {
  type Flops,
  type FlopsOptions,
  forwardFlopsPerToken,
  hardwareFlopsPerToken,
  type Recomputed,
  trainingFlopsPerToken,
} from './flops.js';
export { type ModelShape, namedModel, namedModels } from './model-shape.js';
export { type GradientSize, gradientNoiseScale, type NoiseScale } from './noise-scale.js';
export { activeParameters, countParameters, layerParameters, matmulParameters } from './parameters.js';
export { bitsPerByte, perplexity, tokenAccuracy, tokenBitsPerByte } from './token-metrics.js';
export { flopsUtilization, matmulIntensity, ridgeIntensity, type Throughput } from './utilization.js';
export { type EvaluationWindow, evaluationWindows, scoreText, type TextScore } from './windows.js';
