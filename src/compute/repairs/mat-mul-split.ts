/**
 * tfjs's matrix product on webgpu for few outputs and a long inner dimension (from 2000) divides that dimension among
 * workgroups and, where the sizes are multiples of 4, reads B four numbers at a time along its rows. A transposed B lies the other way,
 * and the product is wrong altogether. Here a transposed B is read one number at a time.
 */
import type { Program } from './mat-mul-padding.js';

type SplitProgram = Program & { transposeB?: boolean };

/** To be called before the code of the program is asked for; its dispatch is right for both. */
export function readTransposedSingly(program: SplitProgram): void {
  if (program.shaderKey.startsWith('matMulSplitK') && program.transposeB) program.outputComponent = 1;
}
