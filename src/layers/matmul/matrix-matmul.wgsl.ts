/**
 * Product of half-precision matrices by the matrix units of the GPU: a workgroup of four subgroups makes a tile of the
 * product, each subgroup a quarter of it as `across` x `across` small matrices in f32, from slices of both matrices that lie
 * in workgroup memory as f16, padded with zeros at the edges. Shapes come from the device, not from this file.
 */
import { defineKernel } from '../../compute/kernel.js';
import {
  loadLeft,
  loadRight,
  type MatrixUnit,
  matrixExtensions,
  resultType,
} from '../../compute/subgroup-matrix.js';
import {
  entry,
  fetchers,
  inputs,
  type MatmulVariant,
  outputs,
  storer,
  uniforms,
} from './matmul-tile.wgsl.js';

export interface MatrixVariant extends MatmulVariant, MatrixUnit {
  /** Small matrices per subgroup in each direction: more of them reuse more of what is loaded. */
  across: number;
}

/** Sizes of the product's tile, and of the slice of K that is staged. */
export function matrixTile({ M, N, K, across }: Pick<MatrixVariant, 'M' | 'N' | 'K' | 'across'>) {
  return { M: 2 * across * M, N: 2 * across * N, K: 2 * K, steps: 2 };
}

/** More than a row needs, so that rows start in different banks of workgroup memory. */
const padding = 8;

/** The most that fits the workgroup memory; undefined where nothing does. Software Vulkan compiles many of them for long. */
export function acrossFor({ M, N, K }: MatrixUnit, memory: number, hardware: boolean): number | undefined {
  return (hardware ? [4, 2, 1] : [2, 1]).find((across) => {
    const tile = matrixTile({ M, N, K, across });
    // Either orientation of a tile pads its longer or its shorter side.
    const staged = (rows: number, columns: number) =>
      Math.max(rows * (columns + padding), columns * (rows + padding));
    return 2 * (staged(tile.M, tile.K) + staged(tile.N, tile.K)) + 16 * M * N <= memory;
  });
}

/** Copies a tile of a matrix in memory, as it lies there; `rows` and `columns` of it. */
function stage(
  name: string,
  tile: string,
  base: string,
  row: string,
  column: string,
  rows: number,
  columns: number,
  threads: number,
) {
  const perRow = columns / 4;
  return `for (var n = lane; n < ${rows * perRow}u; n += ${threads}u) {
      let value = fetch_${name}(${base}, ${row} + n / ${perRow}u, ${column} + n % ${perRow}u * 4u);
      let at = n / ${perRow}u * ${columns + padding}u + n % ${perRow}u * 4u;
      ${['x', 'y', 'z', 'w'].map((lane, e) => `${tile}[at + ${e}u] = value.${lane};`).join(' ')}
    }`;
}

export function matrixKernel(variant: MatrixVariant) {
  const { M, N, K, lanes, across, transposeA, transposeB } = variant;
  const tile = matrixTile(variant);
  const threads = 4 * lanes;
  const all = Array.from({ length: across }, (_, n) => n);
  const pairs = all.flatMap((i) => all.map((j) => [i, j] as const));
  // A tile keeps the orientation of its matrix in memory; the load turns it.
  const [rowsA, columnsA] = transposeA ? [tile.K, tile.M] : [tile.M, tile.K];
  const [rowsB, columnsB] = transposeB ? [tile.N, tile.K] : [tile.K, tile.N];
  const strideA = columnsA + padding;
  const strideB = columnsB + padding;
  const offsetA = (i: number) => {
    const [m, k] = [`(firstRow + ${i * M}u)`, `step * ${K}u`];
    return transposeA ? `${k} * ${strideA}u + ${m}` : `${m} * ${strideA}u + ${k}`;
  };
  const offsetB = (j: number) => {
    const [k, n] = [`step * ${K}u`, `(firstColumn + ${j * N}u)`];
    return transposeB ? `${n} * ${strideB}u + ${k}` : `${k} * ${strideB}u + ${n}`;
  };
  return defineKernel({
    name: 'matmul.f16.subgroupMatrix',
    inputs: inputs(variant),
    outputs: outputs(variant),
    uniforms,
    extensions: matrixExtensions,
    code: `
${fetchers(variant)}
${storer(variant)}
var<workgroup> tileA: array<f16, ${rowsA * strideA}>;
var<workgroup> tileB: array<f16, ${rowsB * strideB}>;
var<workgroup> results: array<f32, ${4 * M * N}>;
@diagnostic(off, chromium.subgroup_matrix_uniformity)
${entry(threads, tile.M, tile.N).trim()}
  let subgroup = lane / ${lanes}u;
  let firstRow = subgroup / 2u * ${across * M}u;
  let firstColumn = subgroup % 2u * ${across * N}u;
  ${pairs.map(([i, j]) => `var sum${i}_${j} = ${resultType(variant)}();`).join('\n  ')}
  for (var k = 0u; k < u.K; k += ${tile.K}u) {
    workgroupBarrier();
    ${stage('a', 'tileA', 'baseA', transposeA ? 'k' : 'firstM', transposeA ? 'firstM' : 'k', rowsA, columnsA, threads)}
    ${stage('b', 'tileB', 'baseB', transposeB ? 'firstN' : 'k', transposeB ? 'k' : 'firstN', rowsB, columnsB, threads)}
    workgroupBarrier();
    for (var step = 0u; step < u.steps; step++) {
      ${all.map((i) => `let a${i} = ${loadLeft(variant, 'tileA', offsetA(i), strideA, transposeA)};`).join('\n      ')}
      ${all.map((j) => `let b${j} = ${loadRight(variant, 'tileB', offsetB(j), strideB, transposeB)};`).join('\n      ')}
      ${pairs.map(([i, j]) => `sum${i}_${j} = subgroupMatrixMultiplyAccumulate(a${i}, b${j}, sum${i}_${j});`).join('\n      ')}
    }
  }
  let own = subgroup * ${M * N}u;
  ${pairs
    .map(
      ([i, j]) => `subgroupMatrixStore<row_major>(&results, own, sum${i}_${j}, ${N}u);
  workgroupBarrier();
  for (var n = lane % ${lanes}u * 4u; n < ${M * N}u; n += ${4 * lanes}u) {
    let value = vec4f(results[own + n], results[own + n + 1u], results[own + n + 2u], results[own + n + 3u]);
    store_c(baseC, firstM + firstRow + ${i * M}u + n / ${N}u, firstN + firstColumn + ${j * N}u + n % ${N}u, value);
  }
  workgroupBarrier();`,
    )
    .join('\n  ')}
}`,
  });
}
