/** What the tests of adapters share: a small model, tokens, one of each method, and adapters with random numbers. */
import { type NdArray, ndarray } from '../../../../src/compute/ndarray.js';
import { seededNormal, seededUniform } from '../../../../src/compute/random.js';
import { fromNdArray } from '../../../../src/compute/read.js';
import type { Adapter } from '../../../../src/models/llama/adapt/adapter.js';
import type { FineTuningMethod } from '../../../../src/models/llama/adapt/methods.js';
import type { LlamaConfig } from '../../../../src/models/llama/config.js';

export const config: LlamaConfig = {
  V: 11,
  C: 8,
  F: 12,
  layers: 2,
  H: 4,
  K: 2,
  D: 2,
  eps: 1e-5,
  rope: { head_dim: 2 },
  tied: false,
};

export const methods: Record<string, FineTuningMethod> = {
  LoRA: { method: 'lora', rank: 2, alpha: 4 },
  'rsLoRA on every linear layer and the head': {
    method: 'lora',
    rank: 3,
    alpha: 2,
    rsLora: true,
    targets: '.*_proj|lm_head',
  },
  'LoRA in one layer, with a rank of its own': {
    method: 'lora',
    rank: 2,
    layers: [1],
    targets: 'all-linear',
    exclude: ['o_proj'],
    rankPattern: { down_proj: 1 },
    alphaPattern: { down_proj: 5 },
  },
  DoRA: { method: 'lora', rank: 2, alpha: 3, dora: true, targets: ['q_proj', 'down_proj'] },
  IA3: { method: 'ia3' },
  'prefix tuning': { method: 'prefix-tuning', tokens: 3 },
  'prefix tuning with an MLP': { method: 'prefix-tuning', tokens: 2, hidden: 5 },
  'prompt tuning': { method: 'prompt-tuning', tokens: 3 },
  'prompt tuning from tokens': { method: 'prompt-tuning', tokens: 3, from: [4, 2] },
  'P-tuning': { method: 'p-tuning', tokens: 2, hidden: 3 },
  'P-tuning with an LSTM': { method: 'p-tuning', tokens: 2, hidden: 3, encoder: 'LSTM' },
  'Houlsby adapters': { method: 'bottleneck', width: 3 },
  'Pfeiffer adapters': { method: 'bottleneck', width: 2, placement: 'pfeiffer', activation: 'gelu_tanh' },
  BitFit: { method: 'bitfit' },
  'the last layer': { method: 'weights', layers: [1] },
  'full fine-tuning': { method: 'weights' },
};

export function tokens(shape: number[], seed = 1): NdArray {
  const uniform = seededUniform(seed);
  const ids = ndarray(shape);
  ids.data.forEach((_, n) => {
    ids.data[n] = Math.floor(uniform() * config.V);
  });
  return ids;
}

/** Puts random numbers into an adapter, so that it changes what the model gives. */
export function randomise({ variables }: Adapter, std = 0.5): void {
  [...variables.values()].forEach((variable, n) => {
    const noise = fromNdArray(seededNormal(variable.shape, 50 + n, std));
    variable.assign(noise);
    noise.dispose();
  });
}
