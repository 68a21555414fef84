/** Attention, softmax and linear, by tokens and with a cache. */
import { seededNormal } from '../../src/compute/random.js';
import { fromNdArray } from '../../src/compute/read.js';
import * as kernelbook from '../../src/index.js';
import { type Component, using } from './component.js';
import { composites } from './composites.js';

const heads = (R: number, W: number) => [
  [1, 4, R, W],
  [1, 2, R, W],
  [1, 2, R, W],
];
const equalHeads = (R: number, W: number) => [
  [1, 2, R, W],
  [1, 2, R, W],
  [1, 2, R, W],
];

function attention(options: kernelbook.AttentionOracleOptions): Component {
  return {
    inputs: heads,
    run: (path, q, k, v) => kernelbook.attention(q!, k!, v!, { ...(options as object), path }),
    fused: true,
    reference: {
      value: (q, k, v) => kernelbook.attentionOracle(q!, k!, v!, options),
      gradients: (dy, q, k, v) => {
        const gradients = kernelbook.attentionGradientOracle(q!, k!, v!, dy, options);
        return [gradients.q, gradients.k, gradients.v];
      },
    },
    special: [0, 1],
    huge: [1e4, 1e15],
    spreads: true,
  };
}

function linearAttention(options: kernelbook.LinearAttentionOptions): Component {
  return {
    inputs: equalHeads,
    run: (_path, q, k, v) => kernelbook.linearAttention(q!, k!, v!, options),
    reference: {
      value: (q, k, v) => kernelbook.linearAttentionOracle(q!, k!, v!, options),
      gradients: (dy, q, k, v) => {
        const gradients = kernelbook.linearAttentionGradientOracle(q!, k!, v!, dy, options);
        return [gradients.q, gradients.k, gradients.v];
      },
    },
    special: [0, 1],
    spreads: true,
  };
}

export const attentionComponents: Record<string, Component> = {
  attention: attention({ causal: true }),
  'attention window, ALiBi': attention({ causal: true, window: 2, alibi: true }),
  'attention without a rule': attention({}),
  linearAttention: linearAttention({ causal: true }),
  'linearAttention recurrent': linearAttention({ causal: true, form: 'recurrent' }),
  'linearAttention chunked': linearAttention({ causal: true, form: 'chunked', chunk: 2 }),
  'linearAttention of all': linearAttention({ causal: false }),
  multiHeadAttention: {
    inputs: (R, W) => [[1, R, 4 * W], ...Array.from({ length: 4 }, () => [4 * W, 4 * W])],
    run: (path, x, wq, wk, wv, wo) =>
      kernelbook.multiHeadAttention(
        x!,
        { wq: wq!, wk: wk!, wv: wv!, wo: wo! },
        { heads: 2, causal: true, rope: {}, path },
      ),
    fused: true,
    reference: composites.multiHead,
    composedMixes: true,
    huge: [1e4, 1e9],
  },
  'multiHeadAttention with a cache': {
    inputs: () => [],
    run: (path) =>
      using(fromNdArray(seededNormal([1, 3, 4], 1)), (x) =>
        using(fromNdArray(seededNormal([4, 4], 2)), (w) => {
          const cache = new kernelbook.KvCache();
          const attend = () =>
            kernelbook.multiHeadAttention(
              x,
              { wq: w, wk: w, wv: w, wo: w },
              { heads: 2, causal: true, cache, path },
            );
          const outputs = [attend(), attend()];
          cache.clear();
          return outputs;
        }),
      ),
    fused: true,
    reference: 'inference only; test/layers/attention/kv-cache.test.ts',
  },
  poolHeads: {
    inputs: (R, W) => [[4 * R, W]],
    run: (_path, w) => kernelbook.poolHeads(w!, 4, 2),
    reference: {
      value: (w) => kernelbook.poolHeadsOracle(w!, 4, 2),
      gradients: (dy) => [kernelbook.poolHeadsGradientOracle(dy, 4, 2)],
    },
    huge: [1e4, 1e37],
  },
};
