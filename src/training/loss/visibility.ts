/** Attention masks of objectives that are not plainly causal: a prefix that is read as a whole, documents packed into one row. */
import { tf } from '../../compute/tf.js';

/**
 * Prefix language modelling (Raffel et al. 2019, arXiv:1910.10683, section 3.2.1): within the prefix every token sees all of it,
 * behind it a token sees what is before it. Targets are then those behind the prefix.
 * @param T tokens of a row @param prefix tokens of the prefix, or one number per row
 * @returns [T,T], or [B,1,T,T] for one number per row; int32, 1 = may attend: attention's `mask`, with `causal` off
 * @throws RangeError when a prefix is no whole number from 0 to T.
 */
export function prefixLmMask(T: number, prefix: number | readonly number[]): tf.Tensor {
  const rows = typeof prefix === 'number' ? [prefix] : prefix;
  for (const length of rows) {
    if (Number.isInteger(length) && length >= 0 && length <= T) continue;
    throw new RangeError(`prefixLmMask: a prefix must have 0 to T = ${T} tokens, got ${length}`);
  }
  const mask = new Int32Array(rows.length * T * T);
  for (let n = 0; n < mask.length; n++) {
    const [key, query, row] = [n % T, Math.floor(n / T) % T, Math.floor(n / (T * T))];
    mask[n] = key <= query || key < rows[row]! ? 1 : 0;
  }
  return tf.tensor(mask, typeof prefix === 'number' ? [T, T] : [rows.length, 1, T, T], 'int32');
}

/**
 * For sequences packed into one row: tokens see their own sequence only.
 * @param cuSeqLens where each sequence begins, and the end of the last, 0 first
 * @param T tokens of the row; those behind the last sequence see themselves alone. Default the end of the last sequence
 * @returns [T,T], int32, 1 = may attend; take `causal` too where it is wanted
 * @throws RangeError when the starts are not whole numbers from 0 that never fall, or exceed T.
 */
export function documentMask(cuSeqLens: readonly number[], T = cuSeqLens.at(-1) ?? 0): tf.Tensor {
  const documents = documentOf('documentMask', cuSeqLens, T);
  const mask = new Int32Array(T * T);
  for (let query = 0; query < T; query++) {
    for (let key = 0; key < T; key++) {
      const same = documents[query] === documents[key] && documents[key]! >= 0;
      mask[query * T + key] = same || query === key ? 1 : 0;
    }
  }
  return tf.tensor2d(mask, [T, T], 'int32');
}

/**
 * Places within the own sequence: 0, 1, 2, ... from every start, so that packing changes no position embedding. Parameters and
 * errors as of `documentMask`; tokens behind the last sequence are at 0.
 */
export function packedPositions(cuSeqLens: readonly number[], T = cuSeqLens.at(-1) ?? 0): number[] {
  return documentOf('packedPositions', cuSeqLens, T).map((document, t) =>
    document < 0 ? 0 : t - cuSeqLens[document]!,
  );
}

/** Which sequence each token of a row is in; -1 behind the last. */
function documentOf(caller: string, cuSeqLens: readonly number[], T: number): number[] {
  const wrong = cuSeqLens.some(
    (start, n) => !Number.isInteger(start) || start < (cuSeqLens[n - 1] ?? start) || start > T,
  );
  if (wrong || cuSeqLens[0] !== 0) {
    throw new RangeError(
      `${caller}: cuSeqLens must be whole numbers that begin with 0 and never fall, up to T = ${T}, got [${cuSeqLens}]`,
    );
  }
  const documents = new Array<number>(T).fill(-1);
  for (let n = 0; n + 1 < cuSeqLens.length; n++) documents.fill(n, cuSeqLens[n]!, cuSeqLens[n + 1]!);
  return documents;
}
