/**
 * expm1 on webgpu: tfjs computes exp(x) - 1, which has no correct digit left near zero, the one place that expm1 exists
 * for. Near zero a Taylor series of nine terms replaces it: its remainder is below 2^-29 of the value.
 */
import { sizeOf } from '../ndarray.js';
import { elementwise } from './elements.js';
import { overrideKernel } from './override.js';

const expm1 = elementwise(
  'repair.expm1',
  'f32',
  `let at = x[i];
  if (abs(at) < 0.5) {
    var series = 1.0;
    for (var k = 9.0; k > 1.0; k -= 1.0) { series = 1.0 + at * series / k; }
    y[i] = at * series;
  } else {
    y[i] = exp(at) - 1.0;
  }`,
);

export function repairExpm1(): void {
  overrideKernel('Expm1', 'webgpu', (original) => (inputs, attrs, backend) => {
    const x = inputs.x!;
    if (x.dtype !== 'float32' || sizeOf(x.shape) === 0) return original(inputs, attrs, backend);
    return expm1(x, backend);
  });
}
