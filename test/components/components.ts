/**
 * Every component of the library that gives tensors. The tests of this folder run over all of them; a component that is
 * exported and not listed here fails one, so that a new one cannot be forgotten.
 */
import * as kernelbook from '../../src/index.js';
import * as parallel from '../../src/parallel/index.js';
import { attentionComponents } from './attention-components.js';
import type { Component } from './component.js';
import { expertComponents } from './expert-components.js';
import { fineTuningComponents } from './fine-tuning-components.js';
import { normComponents } from './norm-components.js';
import { positionComponents } from './position-components.js';
import { tokenComponents } from './token-components.js';
import { trainingComponents } from './training-components.js';

export const components: Record<string, Component> = {
  ...attentionComponents,
  ...expertComponents,
  ...fineTuningComponents,
  ...normComponents,
  ...positionComponents,
  ...tokenComponents,
  ...trainingComponents,
};

/** Exported functions that give tensors and that the list does not have. */
export function unlisted(): string[] {
  const known = new Set(Object.keys(components).map((name) => name.split(' ')[0]));
  return (
    Object.entries(kernelbook)
      .filter(([, value]) => typeof value === 'function' && !/^class /.test(String(value)))
      .map(([name]) => name)
      // Its parts wait for other ranks; test/parallel counts what they leave behind.
      .filter((name) => !(name in parallel))
      .filter((name) => !withoutTensors.some((other) => other === name || name.endsWith(other)))
      .filter((name) => !known.has(name))
  );
}

/** Exports that give no tensors, or (the last line) are models and half tensors, with tests of their own; names or endings. */
const withoutTensors = (
  'Oracle Bound Errors Schedule adaGrad adafactor adam adamW alibiSlopes bertMask bitsPerByte calibrationOf caveat ceilings clearVerifications corruptSpans currentCell display drawWindows erfc evaluationWindows ' +
  'expectThrows flopsUtilization forwardFlopsPerToken gamma goldenCase gradientNoiseScale hardwareFlopsPerToken isDisplayable isNdArray kvCacheBytes languageSwitch launchedKernels learningRateFactor listBackends lion ' +
  'llamaConfig matmulIntensity matmulParameters matrixAt modelCase muon muonRateFactor ndarray packSequences packedPositions parallelLlama parameterCount parameterShapes parseSafetensors peakGpuBytes permuteInterleavedToHalf ' +
  'profile read readSafetensors recordedResults refute ridgeIntensity rmsProp roofline ropeAngles ropeByComplexProduct ropeByMatrix ropeByRotateHalf ' +
  'ropeElementwise ropeFrequencies ropeMatrix rotateHalf runCase runModelCase samplingProbabilities sampleToken ' +
  'scalarActivation scoreText scaledRopeFrequencies seededNormal seededUniform sgd sinusoidalTable sizeOf splitByDecay swiGluHidden ' +
  'syncDevice t5RelativeBucket timeWall toNdArray tokenCalibration trainingFlopsPerToken ulp32 useBackend verifications verify verifyEqual verifyRelation ' +
  'withGpuTiming evaluateLlama generate loadLlama randomLlama trainLlama halfGrads halfTensor halfVariable isHalf ' +
  'reshapeHalf toHalf toFloat currentScale decodeE8m0 decodeFloat encodeFloat floatFacts quantizeAbsMax quantizeMicroscaled quantizeZeroPoint ' +
  'roundStochastically roundTo routerLoad scaleToFormat ulp adapt adapterParameters loadAdapted loadAdapter loraScale quantizeNf4 readAdapter startAdapter'
).split(' ');
