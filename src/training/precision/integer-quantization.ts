/** Numbers as whole numbers of 8 bits: by the largest magnitude, or by range with a zero point (Jacob et al. 2018, arXiv:1712.05877). */
import { type NdArray, ndarray } from '../../compute/ndarray.js';
import { roundHalfEven } from './round.js';

export interface QuantizationGroups {
  /** One scale for each row of [R,C]; else one for all. */
  perChannel?: boolean;
}

export interface QuantizedIntegers {
  /** [] or [R]. */
  scale: NdArray;
  codes: NdArray;
  /** What the codes stand for. */
  values: NdArray;
}

/** scale = max|x| / 127, codes = round(x / scale), symmetric around 0; zeros have scale 0 (LLM.int8(): Dettmers et al. 2022, arXiv:2208.07339). */
export function quantizeAbsMax(
  x: NdArray,
  { perChannel = false }: QuantizationGroups = {},
): QuantizedIntegers {
  const { scale, codes, values, groups } = emptyFor(x, perChannel);
  for (const [group, own] of groups.entries()) {
    const largest = own.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    scale.data[group] = Math.fround(largest / 127);
    for (const [i, value] of own.entries()) {
      const at = own.length * group + i;
      codes.data[at] = largest === 0 ? 0 : roundHalfEven((value * 127) / largest);
      values.data[at] = codes.data[at]! * (largest / 127);
    }
  }
  return { scale, codes, values };
}

export interface ZeroPointOptions extends QuantizationGroups {
  /** Default −128. */
  qmin?: number;
  /** Default 127. */
  qmax?: number;
}

/** The smallest scale, as in PyTorch's observers: that of a range of zeros. */
const smallestScale = 2 ** -23;

/**
 * The range from min(x, 0) to max(x, 0) in qmax − qmin steps, so that 0 is a code of its own: codes = clamp(round(x / scale) + zero point).
 */
export function quantizeZeroPoint(
  x: NdArray,
  { perChannel = false, qmin = -128, qmax = 127 }: ZeroPointOptions = {},
): QuantizedIntegers & { zeroPoint: NdArray } {
  const { scale, codes, values, groups } = emptyFor(x, perChannel);
  const zeroPoint = ndarray(scale.shape);
  const clamp = (code: number) => Math.min(qmax, Math.max(qmin, code));
  for (const [group, own] of groups.entries()) {
    const low = own.reduce((least, value) => Math.min(least, value), 0);
    const high = own.reduce((most, value) => Math.max(most, value), 0);
    const step = Math.max(Math.fround((high - low) / (qmax - qmin)), smallestScale);
    const zero = clamp(qmin - roundHalfEven(Math.fround(low / step)));
    scale.data[group] = step;
    zeroPoint.data[group] = zero;
    for (const [i, value] of own.entries()) {
      const at = own.length * group + i;
      codes.data[at] = clamp(roundHalfEven(Math.fround(value / step)) + zero);
      values.data[at] = (codes.data[at]! - zero) * step;
    }
  }
  return { scale, codes, values, zeroPoint };
}

function emptyFor(x: NdArray, perChannel: boolean) {
  const rows = perChannel ? (x.shape[0] ?? 1) : 1;
  const size = x.data.length / Math.max(1, rows);
  return {
    scale: ndarray(perChannel ? [rows] : []),
    codes: ndarray(x.shape),
    values: ndarray(x.shape),
    groups: Array.from({ length: rows }, (_, row) => x.data.subarray(row * size, (row + 1) * size)),
  };
}
