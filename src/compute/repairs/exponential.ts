/**
 * exp and its kin on webgpu. WGSL allows exp an error of 3 + 2|x| units in the last place, a hundred and more for large
 * arguments; here it stays within two. expm1 in tfjs is exp(x) - 1, which has no correct digit left near zero, the one
 * place that expm1 exists for: a Taylor series of nine terms replaces it there (remainder below 2^-29 of the value).
 * asinh and acosh overflow in x² where their value is 89; relu6 loses NaN.
 */
import { sizeOf } from '../ndarray.js';
import { elementwise } from './elements.js';
import { overrideKernel, runKernel } from './override.js';

/** x = k ln 2 + r with ln 2 in two parts; the power of two is multiplied in two steps, so that it need not be a float32. */
const code = `
fn isOdd(x: f32) -> bool { return (bitcast<u32>(x) & 0x7fffffffu) > 0x7f800000u; }
fn power(k: i32) -> f32 { return bitcast<f32>(u32(k + 127) << 23u); }
fn exactExp(x: f32) -> f32 {
  if (isOdd(x)) { return x; }
  let bounded = clamp(x, -105.0, 90.0);
  let k = round(bounded * 1.442695041);
  let r = fma(-k, 1.428606765330187e-6, fma(-k, 0.693145751953125, bounded));
  var p = 1.388888889e-3;
  p = fma(p, r, 8.333333333e-3);
  p = fma(p, r, 4.166666667e-2);
  p = fma(p, r, 1.666666667e-1);
  p = fma(p, r, 0.5);
  p = fma(p, r, 1.0);
  p = fma(p, r, 1.0);
  let half = i32(k) / 2;
  return p * power(half) * power(i32(k) - half);
}
fn exactExpm1(x: f32) -> f32 {
  if (abs(x) >= 0.5 || isOdd(x)) { return exactExp(x) - 1.0; }
  var series = 1.0;
  for (var k = 9.0; k > 1.0; k -= 1.0) { series = 1.0 + x * series / k; }
  return x * series;
}
// exp(|x|) / 2, which is a float32 a little longer than exp(|x|)
fn halfExp(x: f32) -> f32 { let root = exactExp(0.5 * abs(x)); return 0.5 * root * root; }
`;

const kernels = {
  Exp: elementwise('repair.exp', 'f32', 'y[i] = exactExp(x[i]);', code),
  Expm1: elementwise('repair.expm1', 'f32', 'y[i] = exactExpm1(x[i]);', code),
  Cosh: elementwise(
    'repair.cosh',
    'f32',
    'if (abs(x[i]) > 20.0) { y[i] = halfExp(x[i]); } else { y[i] = 0.5 * (exactExp(x[i]) + exactExp(-x[i])); }',
    code,
  ),
  Sinh: elementwise(
    'repair.sinh',
    'f32',
    `if (abs(x[i]) > 20.0) { y[i] = sign(x[i]) * halfExp(x[i]); } else {
    let e = exactExpm1(abs(x[i])); y[i] = sign(x[i]) * 0.5 * (e + e / (e + 1.0)); }
  if (isOdd(x[i])) { y[i] = x[i]; }`,
    code,
  ),
  Asinh: elementwise(
    'repair.asinh',
    'f32',
    `let a = abs(x[i]);
  if (a < 1e4) { y[i] = sign(x[i]) * log(a + sqrt(a * a + 1.0)); } else { y[i] = sign(x[i]) * (log(a) + 0.6931471806); }
  if (a < 0.02) { y[i] = x[i] - x[i] * a * a / 6.0; }
  if (isOdd(x[i])) { y[i] = x[i]; }`,
    code,
  ),
  Acosh: elementwise(
    'repair.acosh',
    'f32',
    `if (x[i] < 1e4) { y[i] = log(x[i] + sqrt(x[i] * x[i] - 1.0)); } else { y[i] = log(x[i]) + 0.6931471806; }
  if (x[i] < 1.0) { y[i] = bitcast<f32>(0x7fc00000u | bitcast<u32>(x[i])); }
  if (isOdd(x[i])) { y[i] = x[i]; }`,
    code,
  ),
  Relu6: elementwise(
    'repair.relu6',
    'f32',
    'y[i] = x[i]; if (!isOdd(x[i])) { y[i] = clamp(x[i], 0.0, 6.0); }',
    code,
  ),
};

export function repairExponential(): void {
  for (const [name, kernel] of Object.entries(kernels)) {
    overrideKernel(name, 'webgpu', (original) => (inputs, attrs, backend) => {
      const x = inputs.x!;
      if (sizeOf(x.shape) === 0) return original(inputs, attrs, backend);
      if (x.dtype === 'float32') return kernel(x, backend);
      if (name !== 'Exp') return original(inputs, attrs, backend);
      const cast = runKernel('Cast', 'webgpu', backend, { x }, { dtype: 'float32' });
      const result = kernel(cast, backend);
      backend.disposeData(cast.dataId);
      return result;
    });
  }
}
