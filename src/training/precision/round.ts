/** Numbers rounded to a format, to nearest even or by chance, and their codes. Exact for every float64. */
import { type FloatFormat, floatFacts, magnitudeOf } from './float-format.js';

const view = new DataView(new ArrayBuffer(8));

/** floor(log2 x) of a positive finite number, exactly. */
function exponentOf(x: number): number {
  view.setFloat64(0, x);
  const field = (view.getUint32(0) >>> 20) & 0x7ff;
  return field === 0 ? exponentOf(x * 2 ** 53) - 53 : field - 1023;
}

/** To the nearest whole number; from the middle to the even one. */
export function roundHalfEven(x: number): number {
  const below = Math.floor(x);
  const rest = x - below;
  if (rest !== 0.5) return rest < 0.5 ? below : below + 1;
  return below % 2 === 0 ? below : below + 1;
}

/** The distance of the format's numbers around x, a positive finite number. */
export function ulp(x: number, { bias, fractionBits }: FloatFormat): number {
  return 2 ** (Math.max(exponentOf(x), 1 - bias) - fractionBits);
}

/**
 * The nearest number of the format; from the middle to the one with an even code. NaN stays NaN; a format without NaN has none to give.
 * @throws RangeError for NaN in a format without it
 */
export function roundTo(x: number, format: FloatFormat): number {
  return rounded(x, format, roundHalfEven);
}

/**
 * One of the two numbers of the format around x, the nearer the likelier, so that the mean over many draws is x (Gupta et al. 2015,
 * arXiv:1502.02551). What the format holds stays as it is.
 * @param uniform gives numbers from 0 to 1, without 1
 */
export function roundStochastically(x: number, format: FloatFormat, uniform: () => number): number {
  return rounded(x, format, (scaled) => Math.floor(scaled + uniform()));
}

function rounded(x: number, format: FloatFormat, toWhole: (scaled: number) => number): number {
  if (Number.isNaN(x)) return requireNan(format);
  if (x === 0) return x;
  const { max } = floatFacts(format);
  const magnitude = Math.abs(x);
  const step = Number.isFinite(magnitude) ? ulp(magnitude, format) : 1;
  const near = Number.isFinite(magnitude) ? toWhole(magnitude / step) * step : magnitude;
  const kept = near <= max ? near : format.saturates ? max : Number.POSITIVE_INFINITY;
  return x < 0 ? -kept : kept;
}

function requireNan({ name, top }: FloatFormat): number {
  if (top === 'numbers')
    throw new RangeError(`roundTo: ${name} has no NaN; replace NaN before it is rounded`);
  return Number.NaN;
}

/** The code of the nearest number. NaN has one code: all ones in formats of 8 bits, as PyTorch gives it; else the quiet one. */
export function encodeFloat(x: number, format: FloatFormat): number {
  const { exponentBits, fractionBits, bias, top } = format;
  const near = roundTo(x, format);
  const highest = 2 ** (exponentBits + fractionBits) - 1;
  if (Number.isNaN(near))
    return top === 'one nan' || fractionBits < 3 ? highest : highest - 2 ** (fractionBits - 1) + 1;
  const sign = near < 0 || Object.is(near, -0) ? 2 ** (exponentBits + fractionBits) : 0;
  const magnitude = Math.abs(near);
  if (magnitude === Number.POSITIVE_INFINITY) return sign + (2 ** exponentBits - 1) * 2 ** fractionBits;
  if (magnitude === 0) return sign;
  const exponent = Math.max(exponentOf(magnitude), 1 - bias);
  // A subnormal has the exponent field 0 and no leading 1; both add up to its whole number of steps.
  const whole = magnitude / 2 ** (exponent - fractionBits);
  return sign + (exponent + bias - 1) * 2 ** fractionBits + whole;
}

/** @throws RangeError when the code has more bits than the format */
export function decodeFloat(code: number, format: FloatFormat): number {
  const { name, exponentBits, fractionBits, top } = format;
  const magnitudes = 2 ** (exponentBits + fractionBits);
  if (!(Number.isInteger(code) && code >= 0 && code < 2 * magnitudes))
    throw new RangeError(`decodeFloat: ${code} is no code of ${name}, which has 0 to ${2 * magnitudes - 1}`);
  const fields = code % magnitudes;
  const sign = code < magnitudes ? 1 : -1;
  if (top === 'one nan' && fields === magnitudes - 1) return Number.NaN;
  const infinity = (2 ** exponentBits - 1) * 2 ** fractionBits;
  if (top === 'ieee' && fields >= infinity)
    return fields === infinity ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * magnitudeOf(fields, format);
}

/** E8M0, the scales of MX blocks: powers of two from 2^-127 to 2^127; 255 is NaN. */
export function decodeE8m0(code: number): number {
  if (!(Number.isInteger(code) && code >= 0 && code <= 255))
    throw new RangeError(`decodeE8m0: ${code} is no code of 8 bits`);
  return code === 255 ? Number.NaN : 2 ** (code - 127);
}
