/** The normalisations. */
import * as kernelbook from '../../src/index.js';
import type { Component, Tensor } from './component.js';

const ofAffine = ({ x, gain, bias }: kernelbook.NormGradients) => [x, gain, bias];

export const normComponents: Record<string, Component> = {
  batchNorm: {
    inputs: (R, W) => [[R === 1 ? 2 : R, W], [W], [W]],
    run: (_path, x, gain, bias) => ({ ...kernelbook.batchNorm(x!, { gain: gain!, bias: bias! }) }),
    pick: (result) => (result as unknown as { out: Tensor }).out,
    reference: {
      value: (x, gain, bias) => kernelbook.batchNormOracle(x!, { gain: gain!, bias: bias! }),
      gradients: (dy, x, gain, bias) =>
        ofAffine(kernelbook.batchNormGradientOracle(x!, { gain: gain!, bias: bias! }, dy)),
    },
    refuses: { noRows: /more than one value per channel/, noColumns: /more than one value per channel/ },
    huge: [1e4, 1e30],
  },
  groupNorm: {
    inputs: (R, W) => [[R, 4, W], [4], [4]],
    run: (_path, x, gain, bias) => kernelbook.groupNorm(x!, 2, { gain: gain!, bias: bias! }),
    reference: {
      value: (x, gain, bias) => kernelbook.groupNormOracle(x!, 2, { gain: gain!, bias: bias! }),
      gradients: (dy, x, gain, bias) =>
        ofAffine(kernelbook.groupNormGradientOracle(x!, 2, { gain: gain!, bias: bias! }, dy)),
    },
    huge: [1e4, 1e30],
  },
  instanceNorm: {
    inputs: (R, W) => [[R, 3, W], [3], [3]],
    run: (_path, x, gain, bias) => kernelbook.instanceNorm(x!, { gain: gain!, bias: bias! }),
    reference: {
      value: (x, gain, bias) => kernelbook.groupNormOracle(x!, 3, { gain: gain!, bias: bias! }),
      gradients: (dy, x, gain, bias) =>
        ofAffine(kernelbook.groupNormGradientOracle(x!, 3, { gain: gain!, bias: bias! }, dy)),
    },
    huge: [1e4, 1e30],
  },
  layerNorm: {
    inputs: (R, W) => [[R, W], [W], [W]],
    run: (path, x, gain, bias) => kernelbook.layerNorm(x!, { gain: gain!, bias: bias! }, { path }),
    fused: true,
    reference: {
      value: (x, gain, bias) => kernelbook.layerNormOracle(x!, { gain: gain!, bias: bias! }),
      gradients: (dy, x, gain, bias) =>
        ofAffine(kernelbook.layerNormGradientOracle(x!, { gain: gain!, bias: bias! }, dy)),
    },
    huge: [1e4, 1e30],
  },
  rmsNorm: {
    inputs: (R, W) => [[R, W], [W]],
    run: (path, x, gain) => kernelbook.rmsNorm(x!, gain!, { path }),
    fused: true,
    reference: {
      value: (x, gain) => kernelbook.rmsNormOracle(x!, gain!),
      gradients: (dy, x, gain) => {
        const d = kernelbook.rmsNormGradientOracle(x!, gain!, dy);
        return [d.x, d.gain];
      },
    },
    huge: [1e4, 1e30],
  },
  weightNorm: {
    inputs: (R, W) => [[R, W], [R]],
    run: (_path, v, g) => kernelbook.weightNorm(v!, g!),
    reference: {
      value: (v, g) => kernelbook.weightNormOracle(v!, g!),
      gradients: (dy, v, g) => {
        const d = kernelbook.weightNormGradientOracle(v!, g!, dy);
        return [d.v, d.g];
      },
    },
    huge: [1e4, 1e30],
  },
};
