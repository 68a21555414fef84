/**
 * What the source documents print as the three classes of a Llama, taken literally, for notebooks that execute the mistake
 * beside `Llama`. Float64, plain loops. Each function names its errata.
 */
import { type NdArray, ndarray } from '../../compute/ndarray.js';
import { shown } from '../../compute/shapes.js';
import { gainOnly } from './rms-norm.js';

export interface EmbeddingAndLinear {
  /** [V,C] */
  table: NdArray;
  /** [V,C] */
  weight: NdArray;
}

/**
 * E40: a row of a table per id and a linear layer, which the documents call RoPE once and GQA once. As torch's Embedding, it
 * takes integers only.
 * @param ids any shape @returns [..., V]
 * @throws TypeError when an id is no integer; RangeError when it is outside the table.
 */
export function embeddingAndLinear(ids: NdArray, { table, weight }: EmbeddingAndLinear): NdArray {
  const [V, C] = table.shape as [number, number];
  const out = weight.shape[0]!;
  const y = ndarray([...ids.shape, out]);
  ids.data.forEach((id, n) => {
    if (!Number.isInteger(id)) {
      throw new TypeError(`embeddingAndLinear: expected integer ids, got ${id} in ids ${shown(ids.shape)}`);
    }
    if (id < 0 || id >= V) {
      throw new RangeError(`embeddingAndLinear: id ${id} is outside the table ${shown(table.shape)}`);
    }
    for (let o = 0; o < out; o++) {
      for (let c = 0; c < C; c++) y.data[n * out + o]! += table.data[id * C + c]! * weight.data[o * C + c]!;
    }
  });
  return y;
}

/**
 * E42: the class called Llama: "RoPE", then "RMSNorm" (E41: a gain), then "GQA", each taking what the one before gives.
 * @throws TypeError because the last of them is handed the floats of a product where it needs ids.
 */
export function chainedLlama(
  ids: NdArray,
  parts: { rope: EmbeddingAndLinear; gain: NdArray; gqa: EmbeddingAndLinear },
): NdArray {
  return embeddingAndLinear(gainOnly(embeddingAndLinear(ids, parts.rope), parts.gain), parts.gqa);
}
