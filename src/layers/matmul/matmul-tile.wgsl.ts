/**
 * What the matrix-product kernels share: the uniforms, how a tile of a row-major f16 matrix is read four numbers at a time
 * with zeros beyond its edges, and how four numbers of the product are written.
 */
import { elementOf, type Storage } from '../../compute/storage.js';

/** Numbers read or written at once: 4 where the rows of the matrix in memory are multiples of 4. */
export type Width = 1 | 4;

export const widthOf = (columns: number): Width => (columns % 4 === 0 ? 4 : 1);

export interface MatmulVariant {
  transposeA: boolean;
  transposeB: boolean;
  output: Storage;
  widthA: Width;
  widthB: Width;
  widthC: Width;
}

export const uniforms = {
  M: 'u32',
  N: 'u32',
  K: 'u32',
  /** Tiles of the product in each direction, and tiles in all. */
  tilesM: 'u32',
  tilesN: 'u32',
  total: 'u32',
  /** Numbers from one matrix of a or b to the next: 0 where all share one. */
  strideA: 'u32',
  strideB: 'u32',
  /** Repeats a constant: a loop whose length the compiler does not know is not unrolled. */
  steps: 'u32',
} as const;

export const inputs = ({ widthA, widthB }: MatmulVariant) => ({
  a: elementOf('f16', widthA),
  b: elementOf('f16', widthB),
});

export const outputs = ({ output, widthC }: MatmulVariant) => ({ c: elementOf(output, widthC) });

/** `fetch_a(base, row, column) -> vec4<f16>`, rows and columns as the matrix lies in memory from number `base` on; and `fetch_b`. */
export function fetchers({ transposeA, transposeB, widthA, widthB }: MatmulVariant): string {
  const a = transposeA ? fetcher('a', widthA, 'u.K', 'u.M') : fetcher('a', widthA, 'u.M', 'u.K');
  return a + (transposeB ? fetcher('b', widthB, 'u.N', 'u.K') : fetcher('b', widthB, 'u.K', 'u.N'));
}

function fetcher(name: string, width: Width, rows: string, columns: string): string {
  const read =
    width === 4
      ? `return ${name}[(base + row * ${columns} + column) / 4u];`
      : `let at = base + row * ${columns} + column;
  return vec4<f16>(${[0, 1, 2, 3].map((e) => `select(0.0h, ${name}[at + ${e}u], column + ${e}u < ${columns})`).join(', ')});`;
  return `fn fetch_${name}(base: u32, row: u32, column: u32) -> vec4<f16> {
  if (row >= ${rows} || column >= ${columns}) { return vec4<f16>(); }
  ${read}
}
`;
}

/** `store_c(base, row, column, value)`: four numbers of the product, those beyond the edge left out. */
export function storer({ output, widthC }: MatmulVariant): string {
  const write =
    widthC === 4
      ? `c[(base + row * u.N + column) / 4u] = vec4<${output}>(value);`
      : `let at = base + row * u.N + column;
  ${['x', 'y', 'z', 'w'].map((lane, e) => `if (column + ${e}u < u.N) { c[at + ${e}u] = ${output}(value.${lane}); }`).join('\n  ')}`;
  return `fn store_c(base: u32, row: u32, column: u32, value: vec4f) {
  if (row >= u.M || column >= u.N) { return; }
  ${write}
}
`;
}

/** Opens `main`; the body sees `lane`, the tile's `firstM` and `firstN`, and where its matrices start. */
export function entry(threads: number, tileM: number, tileN: number): string {
  return `
@compute @workgroup_size(${threads})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
        @builtin(local_invocation_index) lane: u32) {
  let index = group.x + group.y * groups.x;
  if (index >= u.total) { return; }
  let batch = index / (u.tilesM * u.tilesN);
  let firstM = index / u.tilesN % u.tilesM * ${tileM}u;
  let firstN = index % u.tilesN * ${tileN}u;
  let baseA = batch * u.strideA;
  let baseB = batch * u.strideB;
  let baseC = batch * u.M * u.N;`;
}
