/**
 * tfjs's matrix products on webgpu work in tiles. Where the inner dimension ends inside a tile, they fill the rest of A's
 * tile with zeros, but read on in B, in whatever stands behind: 0 times a NaN or an infinity there is NaN, in columns,
 * and with a batch in matrices, that have nothing to do with it. Here B ends in zeros as well.
 */
import type { WebGPUBackend } from '@tensorflow/tfjs-backend-webgpu';

export type Program = Parameters<WebGPUBackend['runWebGPUProgram']>[0];

/** How the programs read B: `value` is zero before, and the row is never looked at. */
const readsB =
  /(fn mm_readB\(batch: i32, row: i32, col: i32\)[^{]*\{\s*var value = [^;]*;)(\s*value = getB\([^;]*;)/;

/** A program that multiplies matrices; the last member says that the tiles fit. */
type MatMulProgram = Program & { fitInner?: boolean };

/**
 * Changes the code of a program that multiplies matrices, which tfjs asks for when it first compiles it.
 * @throws Error, then, when the code is not what it was in 4.22.0
 */
export function endInZeros(program: MatMulProgram): void {
  if (!program.shaderKey.startsWith('matMul') || program.fitInner) return;
  const original = program.getUserCode;
  program.getUserCode = () => {
    const code = original.call(program);
    if (!readsB.test(code)) {
      throw new Error(
        `kernelbook: this @tensorflow/tfjs-backend-webgpu multiplies matrices in a way that is not known; install exactly 4.22.0 with \`npm ci\``,
      );
    }
    return code.replace(readsB, '$1\n    if (row < uniforms.dimInner) {$2 }');
  };
}
