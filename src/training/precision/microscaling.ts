/**
 * Microscaling (OCP MX 1.0; Rouhani et al. 2023, arXiv:2310.10537): blocks of numbers in a small format that share a scale, a power
 * of two in one byte.
 */
import { type NdArray, ndarray } from '../../compute/ndarray.js';
import { type FloatFormat, floatFacts } from './float-format.js';
import { decodeE8m0, decodeFloat, encodeFloat } from './round.js';

export interface MicroscaledArray {
  /** [...,n], E8M0 codes. */
  scales: NdArray;
  /** [...,n·block], codes of the format. */
  codes: NdArray;
  /** [...,n·block], what they stand for. */
  values: NdArray;
}

const float = new Float32Array(1);
const bits = new Uint32Array(float.buffer);

/**
 * Quantises x [...,n·block] by blocks of the last axis. The scale is 2^(floor(log2 max|x|) − emax), emax the exponent of the format's
 * largest number; what is too large for the format saturates. A block with NaN is NaN: its scale is.
 * @throws RangeError when the last axis does not divide into blocks
 */
export function quantizeMicroscaled(x: NdArray, format: FloatFormat, block = 32): MicroscaledArray {
  const columns = x.shape.at(-1) ?? 1;
  if (!(Number.isInteger(block) && block >= 1 && columns % block === 0))
    throw new RangeError(
      `quantizeMicroscaled: the last axis of [${x.shape}] does not divide into blocks of ${block}; pad it to ${Math.ceil(columns / block) * block}`,
    );
  const { max } = floatFacts(format);
  const largestExponent = Math.floor(Math.log2(max));
  const scales = ndarray([...x.shape.slice(0, -1), columns / block]);
  const codes = ndarray(x.shape);
  const values = ndarray(x.shape);
  for (let n = 0; n < scales.data.length; n++) {
    const own = x.data.subarray(n * block, (n + 1) * block);
    const code = scaleCode(own, largestExponent);
    scales.data[n] = code;
    // Scales below float32's normal numbers would be flushed by GPUs.
    const divisor = code === 255 ? Number.NaN : Math.max(decodeE8m0(code), 2 ** -126);
    for (const [i, value] of own.entries()) {
      const scaled = Math.min(max, Math.max(-max, Math.fround(value / divisor)));
      const at = n * block + i;
      // A block that is NaN by its scale needs no codes for NaN, which some formats do not have.
      codes.data[at] = Number.isNaN(scaled) && format.top === 'numbers' ? 0 : encodeFloat(scaled, format);
      values.data[at] = decodeFloat(codes.data[at]!, format) * decodeE8m0(code);
    }
  }
  return { scales, codes, values };
}

/** From the exponent bits of the largest float32: subnormal numbers count as 2^-127. */
function scaleCode(block: ArrayLike<number>, largestExponent: number): number {
  let largest = 0;
  for (let i = 0; i < block.length; i++) {
    const magnitude = Math.abs(block[i]!);
    if (Number.isNaN(magnitude)) return 255;
    if (magnitude > largest) largest = magnitude;
  }
  float[0] = largest;
  return Math.max(0, ((bits[0]! >>> 23) & 0xff) - largestExponent);
}
