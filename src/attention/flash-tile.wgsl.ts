/**
 * What the FlashAttention kernels share: how a head of D features is laid over threads, and the WGSL to load rows,
 * stage tiles in workgroup memory and decide which (query, key) pairs are visible.
 *
 * A row (a query, or in the dk/dv kernel a key) belongs to `slices` threads, each holding `width` vec4 of it in
 * registers (at most 32 features, so that nothing spills); the dot products meet in workgroup memory. D need not
 * be a multiple of 4: rows are padded with zeros as they are loaded. All kernels add a dot product up in the same
 * order, so that the backward pass recomputes the very scores of the forward pass.
 */
import type { ElementType } from '../compute/launch.js';
import { elementOf, type Storage } from '../compute/storage.js';

/** Optional inputs of the kernels; each combination is its own kernel. */
export interface FlashVariant {
  D: number;
  /** Of q, k, v and the output; sums, scores and gradients are f32. */
  storage: Storage;
  /** ALiBi slopes [H]. */
  slopes: boolean;
  /** Boolean mask, read with strides, 0 along broadcast axes. */
  mask: boolean;
  /** Constant bounds for the loops over a thread's vec4s, which a GPU compiler needs to keep them in registers. */
  unrolled: boolean;
}

export interface Layout {
  /** vec4 per row of D features. */
  D4: number;
  /** Threads that share a row, and vec4 each of them holds. */
  slices: number;
  width: number;
  /** Rows per workgroup. */
  rows: number;
  /** Columns (keys, or queries in the dk/dv kernel) staged at a time. */
  columns: number;
}

export const threads = 64;
const widest = 8;
/** vec4 per staged tile: 8 KiB, so that two tiles and two sets of partial sums stay within 32 KiB. */
const tileSize = 512;

export function layoutOf(D: number): Layout {
  const D4 = Math.ceil(D / 4);
  let slices = 1;
  while (Math.ceil(D4 / slices) > widest) slices *= 2;
  const width = Math.ceil(D4 / slices);
  const fitting = 2 ** Math.floor(Math.log2(tileSize / (width * slices)));
  const columns = Math.min(16, fitting);
  return { D4, slices, width, rows: threads / slices, columns };
}

/** Element type of q, k, v, the output and their gradients. */
export function flashElement({ D, storage }: Pick<FlashVariant, 'D' | 'storage'>): ElementType {
  return elementOf(storage, D % 4 === 0 ? 4 : 1);
}

/**
 * Scalars common to the kernels. Visible: -ahead <= i + (S - T) - j <= behind. `columns` and `width` repeat constants
 * of the layout: a loop whose length the compiler does not know is not unrolled. Unrolling the columns helps nobody;
 * unrolling the width helps a GPU, but costs software Vulkan ten seconds of compilation per kernel.
 */
export const uniforms = {
  T: 'i32',
  S: 'i32',
  H: 'i32',
  K: 'i32',
  total: 'u32',
  ahead: 'i32',
  behind: 'i32',
  maskB: 'i32',
  maskH: 'i32',
  maskT: 'i32',
  maskS: 'i32',
  columns: 'i32',
  width: 'i32',
  scale: 'f32',
} as const;

export function optionalInputs({ slopes, mask }: FlashVariant): Record<string, ElementType> {
  return { ...(slopes ? { slopes: 'f32' as const } : {}), ...(mask ? { mask: 'i32' as const } : {}) };
}

/** `load_name(row, d)`: the d-th vec4 of a row, zeros beyond D. */
export function loader(name: string, D: number): string {
  const { D4 } = layoutOf(D);
  const body =
    D % 4 === 0
      ? `if (d >= ${D4}) { return vec4f(); }\n  return vec4f(${name}[row * ${D4} + d]);`
      : `let at = row * ${D} + d * 4;
  let left = ${D} - d * 4;
  return vec4f(${[0, 1, 2, 3].map((e) => `select(0.0, f32(${name}[at + ${e}]), left > ${e})`).join(', ')});`;
  return `fn load_${name}(row: i32, d: i32) -> vec4f {\n  ${body}\n}\n`;
}

/** `store_name(row, d, value)`, the counterpart of `loader`. */
export function storer(name: string, { D, storage }: Pick<FlashVariant, 'D' | 'storage'>): string {
  const { D4 } = layoutOf(D);
  const body =
    D % 4 === 0
      ? `if (d < ${D4}) { ${name}[row * ${D4} + d] = vec4<${storage}>(value); }`
      : `let at = row * ${D} + d * 4;
  let left = ${D} - d * 4;
  ${['x', 'y', 'z', 'w'].map((lane, e) => `if (left > ${e}) { ${name}[at + ${e}] = ${storage}(value.${lane}); }`).join('\n  ')}`;
  return `fn store_${name}(row: i32, d: i32, value: vec4f) {\n  ${body}\n}\n`;
}

/** `score(dotProduct, b, h, i, j)`: the logit of a visible pair, `hidden` for the others. */
export function scoring({ slopes, mask }: FlashVariant): string {
  const place = 'b * u.maskB + h * u.maskH + i * u.maskT + j * u.maskS';
  return `
const hidden = -3.0e38;
fn score(product: f32, b: i32, h: i32, i: i32, j: i32) -> f32 {
  let distance = i + u.S - u.T - j;
  if (i >= u.T || j >= u.S || distance > u.behind || distance < -u.ahead) { return hidden; }
  ${mask ? `if (mask[${place}] == 0) { return hidden; }` : ''}
  return product * u.scale${slopes ? ' - slopes[h] * f32(abs(distance))' : ''};
}
`;
}

/**
 * Workgroup memory: the staged tiles, and per name in `partials` the partial dot products of every thread with every
 * column, summed over the slices of a row by `sum_name(column, row)`.
 */
export function workgroupMemory(D: number, tiles: readonly string[], partials: readonly string[]): string {
  const { slices, width, columns, rows } = layoutOf(D);
  const stride = width * slices;
  const lines = tiles.map((name) => `var<workgroup> ${name}: array<vec4f, ${columns * stride}>;`);
  for (const name of partials) {
    lines.push(`var<workgroup> ${name}: array<f32, ${columns * threads}>;
fn sum_${name}(column: i32, row: i32) -> f32 {
  var sum = ${name}[column * ${threads} + row];
  for (var s = 1; s < ${slices}; s++) { sum += ${name}[column * ${threads} + s * ${rows} + row]; }
  return sum;
}`);
  }
  return `${lines.join('\n')}\n`;
}

/** Copies rows first .. first + columns - 1 of a buffer into a tile; rows from `count` on become zeros. */
export function stage(D: number, tile: string, buffer: string, base: string, count: string): string {
  const { slices, width } = layoutOf(D);
  const stride = width * slices;
  return `for (var n = i32(lane); n < u.columns * ${stride}; n += ${threads}) {
      let r = first + n / ${stride};
      ${tile}[n] = vec4f();
      if (r < ${count}) { ${tile}[n] = load_${buffer}(${base} + r, n % ${stride}); }
    }`;
}

/** Upper bound of the loops over a thread's vec4s. */
export function widthBound({ D, unrolled }: FlashVariant): string {
  return unrolled ? String(layoutOf(D).width) : 'u.width';
}
