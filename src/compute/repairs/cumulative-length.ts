/**
 * cumsum and cumprod in reverse on webgpu: tfjs writes the length of the axis into the program, but not into the key under
 * which the program is kept. The next length then runs with the first one's and sums what is behind its row.
 */
import type { Program } from './mat-mul-padding.js';

/** To be called before the program is looked up. */
export function keyByLength(program: Program): void {
  if (program.shaderKey.startsWith('cum_')) program.shaderKey += `_${program.outputShape.at(-1)}`;
}
