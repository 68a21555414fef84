/**
 * sin, cos and tan on webgpu: WGSL promises an error of 2^-11 between -π and π and nothing beyond, and drivers answer 1 for
 * large arguments. Here the argument is reduced with as many digits of 2/π as its exponent asks for (Payne and Hanek,
 * 1983, in fixed point), and polynomials of the Cephes library give both functions within two roundings of float32.
 */
import { sizeOf } from '../ndarray.js';
import { elementwise } from './elements.js';
import { overrideKernel } from './override.js';

const reduction = `
const twoOverPi = array<u32, 6>(0x28be60dbu, 0x9391054au, 0x7f09d5f4u, 0x7d4d3770u, 0x36d8a566u, 0x4f10e410u);
fn wide(a: u32, b: u32) -> vec2u { // (high, low) words of the product
  let low = (a & 0xffffu) * (b & 0xffffu);
  let left = (a >> 16u) * (b & 0xffffu) + (low >> 16u);
  let right = (a & 0xffffu) * (b >> 16u) + (left & 0xffffu);
  return vec2u((a >> 16u) * (b >> 16u) + (left >> 16u) + (right >> 16u), (right << 16u) | (low & 0xffffu));
}
fn word(i: u32, shift: u32) -> u32 { // 32 bits of 2/pi from bit 32 (i - 1) + shift on
  var high = 0u;
  if (i > 0u) { high = twoOverPi[i - 1u]; }
  if (shift == 0u) { return high; }
  return (high << shift) | (twoOverPi[i] >> (32u - shift));
}
fn sinCos(x: f32) -> vec2f {
  let bits = bitcast<u32>(x);
  if ((bits & 0x7f800000u) == 0x7f800000u) { return vec2f(bitcast<f32>(bits | 0x7fc00000u)); }
  var r = abs(x);
  var quadrant = 0u;
  if (r > 0.7853981) {
    let exponent = ((bits >> 23u) & 0xffu) - 126u;
    let mantissa = (bits << 8u) | 0x80000000u;
    let i = exponent >> 5u;
    let shift = exponent & 31u;
    let middle = wide(mantissa, word(i + 1u, shift));
    let carry = wide(mantissa, word(i + 2u, shift)).x;
    var low = middle.y + carry;
    var high = middle.x + select(0u, 1u, low < carry) + mantissa * word(i, shift);
    quadrant = high >> 30u;
    high &= 0x3fffffffu;
    var signed = 1.0;
    if (high >= 0x20000000u) {
      quadrant += 1u;
      signed = -1.0;
      low = ~low + 1u;
      high = 0x40000000u - high - select(1u, 0u, low == 0u);
    }
    let turns = signed * (f32(high) * 9.313225746154785e-10 + f32(low) * 2.168404344971009e-19);
    r = fma(turns, 1.5707963705062866, turns * -4.371139000186241e-8);
  }
  let s = r * r;
  let sine = r + r * s * (-1.6666654611e-1 + s * (8.3321608736e-3 + s * -1.9515295891e-4));
  let cosine = 1.0 - 0.5 * s + s * s * (4.166664568298827e-2 + s * (-1.388731625493765e-3 + s * 2.443315711809948e-5));
  var result = vec2f(sine, cosine);
  if ((quadrant & 1u) == 1u) { result = vec2f(cosine, -sine); }
  if ((quadrant & 2u) == 2u) { result = -result; }
  if (x < 0.0) { result.x = -result.x; }
  return result;
}`;

const kernels = {
  Sin: elementwise('repair.sin', 'f32', 'y[i] = sinCos(x[i]).x;', reduction),
  Cos: elementwise('repair.cos', 'f32', 'y[i] = sinCos(x[i]).y;', reduction),
  Tan: elementwise('repair.tan', 'f32', 'let both = sinCos(x[i]); y[i] = both.x / both.y;', reduction),
};

export function repairTrigonometry(): void {
  for (const [name, kernel] of Object.entries(kernels)) {
    overrideKernel(name, 'webgpu', (original) => (inputs, attrs, backend) => {
      const x = inputs.x!;
      if (x.dtype !== 'float32' || sizeOf(x.shape) === 0) return original(inputs, attrs, backend);
      return kernel(x, backend);
    });
  }
}
