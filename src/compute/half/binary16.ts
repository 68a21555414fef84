/**
 * IEEE 754 binary16 ("half precision": 5 exponent bits, 10 fraction bits, largest value 65,504, smallest 2^-24) by integer
 * arithmetic on the bits of float32, for the CPU backends and, as WGSL, for the GPU: no feature of the device is needed,
 * and both round to nearest even, keep subnormals and NaN, and overflow to Infinity from 65,520 on.
 */

const float = new Float32Array(1);
const bits = new Uint32Array(float.buffer);

/** The 16 bits of a float32 value. */
export function halfBits(value: number): number {
  float[0] = value;
  const sign = (bits[0]! >>> 16) & 0x8000;
  const magnitude = bits[0]! & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7e00;
  if (magnitude >= 0x477ff000) return sign | 0x7c00;
  if (magnitude >= 0x38800000) {
    const even = (magnitude >>> 13) & 1;
    return sign | ((magnitude - 0x38000000 + 0xfff + even) >>> 13);
  }
  if (magnitude < 0x33000000) return sign;
  // Subnormal: a multiple of 2^-24.
  const mantissa = (magnitude & 0x7fffff) | 0x800000;
  const shift = 126 - (magnitude >>> 23);
  const kept = mantissa >>> shift;
  const rest = mantissa & ((1 << shift) - 1);
  const middle = 1 << (shift - 1);
  return sign | (kept + (rest > middle || (rest === middle && (kept & 1) === 1) ? 1 : 0));
}

/** The value of 16 bits; every one is a float32. */
export function halfValue(half: number): number {
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half >>> 10) & 31;
  const fraction = half & 0x3ff;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (exponent === 0 ? fraction * 2 ** -24 : (1024 + fraction) * 2 ** (exponent - 25));
}

/** `halfBits(bits of an f32)` and `floatBits(16 bits)` for shaders. */
export const binary16Code = `
fn halfBits(x: u32) -> u32 {
  let sign = (x >> 16u) & 0x8000u;
  let magnitude = x & 0x7fffffffu;
  if (magnitude > 0x7f800000u) { return sign | 0x7e00u; }
  if (magnitude >= 0x477ff000u) { return sign | 0x7c00u; }
  if (magnitude >= 0x38800000u) {
    let even = (magnitude >> 13u) & 1u;
    return sign | ((magnitude - 0x38000000u + 0xfffu + even) >> 13u);
  }
  if (magnitude < 0x33000000u) { return sign; }
  let mantissa = (magnitude & 0x7fffffu) | 0x800000u;
  let shift = 126u - (magnitude >> 23u);
  let kept = mantissa >> shift;
  let rest = mantissa & ((1u << shift) - 1u);
  let middle = 1u << (shift - 1u);
  return sign | (kept + select(0u, 1u, rest > middle || (rest == middle && (kept & 1u) == 1u)));
}
fn floatBits(half: u32) -> u32 {
  let sign = (half & 0x8000u) << 16u;
  let magnitude = half & 0x7fffu;
  if (magnitude >= 0x7c00u) { return sign | 0x7f800000u | ((magnitude & 0x3ffu) << 13u); }
  if (magnitude >= 0x400u) { return sign | ((magnitude << 13u) + 0x38000000u); }
  return sign | bitcast<u32>(f32(magnitude) * 0x1p-24);
}`;
