/**
 * Shapes of complex tensors on webgpu: the Fourier transform answers with all axes before the last folded into one, and the
 * parts of a complex tensor that was reshaped come out in the shape from before.
 */
import { overrideKernel } from './override.js';

export function repairComplexShapes(): void {
  for (const name of ['FFT', 'IFFT', 'Real', 'Imag']) {
    overrideKernel(name, 'webgpu', (original) => (inputs, attrs, backend) => ({
      ...original(inputs, attrs, backend),
      shape: inputs.input!.shape,
    }));
  }
}
