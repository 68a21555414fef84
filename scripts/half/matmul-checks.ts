/** Matrix products of half tensors and their gradients: sizes around the tiles, every orientation, overflow. */
import { type NdArray, ndarray } from '../../src/compute/ndarray.js';
import { matmul, matmulOracle } from '../../src/layers/matmul/index.js';
import {
  type Bounded,
  matmul as boundedMatmul,
  exact,
  permute,
  reshape,
  transposeLast,
} from '../../src/workbench/golden/running-error.js';
import { type CheckedPath, cutOff, gradientsAt, type HalfCheck, halfFrom, halfNormal } from './check.js';

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
      expected: {
        value: matmulOracle(a, b, { transposeA, transposeB }),
        error: ndarray(error.shape, subgroupMatrix ? error.data.map((e) => cutOff * e) : error.data),
      },
      run: () => {
        const [left, right] = [halfFrom(a), halfFrom(b)];
        const options = { transposeA, transposeB, subgroupMatrix, path };
        return output === 'float32'
          ? matmul(left, right, { ...options, output })
          : matmul(left, right, options);
      },
    };
  };
  /** Gradients of both inputs, of `batch` products; `shared`: of one b for all. */
  const gradients = (
    [M, N, K]: readonly [number, number, number],
    { batch = 1, shared = false, transposeA = false, transposeB = false } = {},
  ): HalfCheck => {
    const a = halfNormal([batch, ...(transposeA ? [K, M] : [M, K])], 1);
    const b = halfNormal([...(shared ? [] : [batch]), ...(transposeB ? [N, K] : [K, N])], 2);
    const dc = halfNormal([batch, M, N], 3);
    const [exactA, exactB] = [exact(a), shared ? repeated(exact(b), batch) : exact(b)];
    // The gradient of a as [M,K], of b as [K,N], turned into how they lie in memory.
    const turnedB = transposeB ? exactB : transposeLast(exactB);
    const ofA = boundedMatmul(exact(dc), turnedB);
    const turnedA = transposeA ? exactA : transposeLast(exactA);
    const ofB = shared
      ? boundedMatmul(
          reshape(permute(turnedA, [1, 0, 2]), [K, batch * M]),
          reshape(exact(dc), [batch * M, N]),
        )
      : boundedMatmul(turnedA, exact(dc));
    const expected = [transposeA ? transposeLast(ofA) : ofA, transposeB ? transposeLast(ofB) : ofB];
    const kinds = [
      ...(batch > 1 ? [`batch ${batch}`] : []),
      transposeA && 'a^T',
      transposeB && 'b^T',
      shared && 'one b',
    ].filter(Boolean);
    return {
      name: [`matmul gradients M ${M}, N ${N}, K ${K}`, ...kinds].join(', '),
      kernel: path === 'fused' ? fused : '',
      expected: subgroupMatrix
        ? expected.map(({ value, error }) => ({
            value,
            error: ndarray(
              error.shape,
              error.data.map((e) => cutOff * e),
            ),
          }))
        : expected,
      run: () => {
        const options = { transposeA, transposeB, subgroupMatrix, path };
        return gradientsAt((left, right) => matmul(left!, right!, options), [a, b], dc);
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
    () => gradients([1, 1, 1]),
    () => gradients([65, 20, 33], { batch: 2 }),
    () => gradients([9, 68, 36], { transposeA: true }),
    () => gradients([35, 6, 41], { transposeB: true, batch: 2 }),
    () => gradients([7, 5, 3], { transposeA: true, transposeB: true, batch: 3 }),
    () => gradients([5, 8, 9], { batch: 3, shared: true }),
    () => gradients([5, 7, 9], { batch: 3, shared: true, transposeA: true }),
    () => gradients([5, 7, 9], { batch: 3, shared: true, transposeA: true, transposeB: true }),
  ];
}

/** One matrix for every batch. */
function repeated({ value, error }: Bounded, batch: number): Bounded {
  const repeat = ({ shape, data }: NdArray) =>
    ndarray(
      [batch, ...shape],
      Array.from({ length: batch * data.length }, (_, n) => data[n % data.length]!),
    );
  return { value: repeat(value), error: repeat(error) };
}
