/** Matrix products of half tensors: sizes around the tiles, every orientation, overflow. */
import { ndarray } from '../../src/compute/ndarray.js';
import { matmul as boundedMatmul, exact, transposeLast } from '../../src/golden/running-error.js';
import { matmul, matmulOracle } from '../../src/matmul/index.js';
import { type CheckedPath, cutOff, type HalfCheck, halfFrom, halfNormal } from './check.js';

export function matmulChecks(path: CheckedPath, subgroupMatrix: boolean): (() => HalfCheck)[] {
  const fused = subgroupMatrix ? 'matmul.f16.subgroupMatrix' : 'matmul.f16';
  const one = (
    [M, N, K]: readonly [number, number, number],
    { transposeA = false, transposeB = false, output = 'float16' as 'float16' | 'float32', spread = 1 } = {},
  ): HalfCheck => {
    const a = halfNormal(transposeA ? [K, M] : [M, K], 1, spread);
    const b = halfNormal(transposeB ? [N, K] : [K, N], 2, spread);
    const { error } = boundedMatmul(
      transposeA ? transposeLast(exact(a)) : exact(a),
      transposeB ? transposeLast(exact(b)) : exact(b),
    );
    const turned = [transposeA && 'a^T', transposeB && 'b^T', output === 'float32' && 'float32 out'].filter(
      Boolean,
    );
    return {
      name: [`matmul M ${M}, N ${N}, K ${K}`, ...turned, ...(spread === 1 ? [] : [`|x| ~ ${spread}`])].join(
        ', ',
      ),
      kernel: path === 'fused' ? fused : '',
      expected: matmulOracle(a, b, { transposeA, transposeB }),
      error: ndarray(error.shape, subgroupMatrix ? error.data.map((e) => cutOff * e) : error.data),
      run: () => {
        const [left, right] = [halfFrom(a), halfFrom(b)];
        const options = { transposeA, transposeB, subgroupMatrix, path };
        return output === 'float32'
          ? matmul(left, right, { ...options, output })
          : matmul(left, right, options);
      },
    };
  };
  return [
    () => one([1, 1, 1]),
    () => one([64, 64, 64], { output: 'float32' }),
    () => one([65, 67, 33], { output: 'float32' }),
    () => one([100, 70, 50]),
    () => one([33, 129, 257], { output: 'float32' }),
    () => one([68, 36, 40], { transposeA: true }),
    () => one([67, 35, 41], { transposeB: true }),
    () => one([67, 35, 41], { transposeA: true, transposeB: true }),
    () => one([20, 24, 64], { spread: 200 }),
  ];
}
