/** What `kernelbook bench gpu` runs: every fused kernel, at sizes that suit the device. */
import { type AttentionSizes, attentionCase, type DecodeSizes, decodeCase } from './attention.js';
import type { BenchCase } from './case.js';
import { adamWCase, ropeCase, swiGluCase } from './elementwise.js';
import { halfCases } from './half.js';
import { crossEntropyCase, layerNormCase, type RowSizes, rmsNormCase, softmaxCase } from './rows.js';

export type { BenchCase } from './case.js';
export { shapeText } from './case.js';

/** `tiny` only shows that everything runs; `small` suits software Vulkan; `large` keeps a data-centre GPU busy. */
export type BenchSize = 'tiny' | 'small' | 'large';

export const benchSizes: readonly BenchSize[] = ['tiny', 'small', 'large'];

interface Sizes {
  rows: RowSizes;
  /** Of the norms, beside `rows`: a matrix beyond the caches of a CPU. */
  manyRows?: RowSizes;
  crossEntropy: { rows: number; V: number };
  rope: { H: number; T: number; D: number };
  gated: { rows: number; F: number };
  /** Parameters. */
  adamW: { N: number };
  attention: readonly AttentionSizes[];
  decode: DecodeSizes;
  matmul: { M: number; N: number; K: number };
}

const sizes: Record<BenchSize, Sizes> = {
  tiny: {
    rows: { rows: 4, C: 32 },
    crossEntropy: { rows: 2, V: 33 },
    rope: { H: 1, T: 4, D: 8 },
    gated: { rows: 4, F: 8 },
    adamW: { N: 32 },
    attention: [{ H: 2, K: 1, T: 16, D: 8 }],
    decode: { H: 2, K: 1, T: 1, S: 100, D: 8 },
    matmul: { M: 9, N: 8, K: 12 },
  },
  small: {
    rows: { rows: 1024, C: 1024 },
    manyRows: { rows: 4096, C: 1024 },
    crossEntropy: { rows: 64, V: 50_257 },
    rope: { H: 8, T: 512, D: 64 },
    gated: { rows: 1024, F: 1024 },
    adamW: { N: 2 ** 20 },
    attention: [
      { H: 4, K: 2, T: 256, D: 64 },
      { H: 2, K: 1, T: 2048, D: 64 },
    ],
    decode: { H: 8, K: 2, T: 1, S: 4096, D: 64 },
    matmul: { M: 256, N: 256, K: 256 },
  },
  large: {
    rows: { rows: 8192, C: 4096 },
    crossEntropy: { rows: 4096, V: 50_257 },
    rope: { H: 32, T: 8192, D: 128 },
    gated: { rows: 8192, F: 11_008 },
    adamW: { N: 2 ** 26 },
    attention: [
      { H: 16, K: 4, T: 2048, D: 64 },
      { H: 16, K: 4, T: 2048, D: 128 },
    ],
    decode: { H: 32, K: 8, T: 1, S: 32_768, D: 128 },
    matmul: { M: 4096, N: 4096, K: 4096 },
  },
};

/** The cases of a size, each made when it is its turn, so that only one set of inputs is held. */
export function benchCases(size: BenchSize): (() => BenchCase)[] {
  const { rows, manyRows, crossEntropy, rope, gated, adamW, attention, decode, matmul } = sizes[size];
  const both = <S>(make: (sizes: S, gradient: boolean) => BenchCase, of: S) => [
    () => make(of, false),
    () => make(of, true),
  ];
  return [
    ...[rows, ...(manyRows ? [manyRows] : [])].flatMap((one) => [
      ...both(rmsNormCase, one),
      ...both(layerNormCase, one),
    ]),
    ...both(softmaxCase, rows),
    ...both(crossEntropyCase, crossEntropy),
    () => ropeCase(rope, 'interleaved'),
    () => ropeCase(rope, 'half'),
    ...both(swiGluCase, gated),
    () => adamWCase(adamW),
    ...attention.flatMap((one) => both(attentionCase, one)),
    () => decodeCase(decode),
    ...halfCases({ rows, rope, gated, attention, matmul }),
  ];
}
