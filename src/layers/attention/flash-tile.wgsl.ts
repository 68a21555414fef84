/**
 * What the FlashAttention kernels share: how a head of D features is laid over threads, and the WGSL to load rows,
 * stage tiles in workgroup memory and decide which (query, key) pairs are visible.
 *
 * One or two rows (queries, or in the dk/dv kernel keys) belong to `slices` threads, each holding `width` vec4 of
 * each row in registers (at most 32 numbers, so that nothing spills), so that one read of a staged column serves both
 * rows. The dot products meet in workgroup memory, where each pair of a row and a column is finished by one thread.
 * D need not be a multiple of 4: rows are padded with zeros as they are loaded. All kernels add a dot product up in the
 * same order, so that the backward pass recomputes the very scores of the forward pass.
 */
import type { ElementType } from '../../compute/kernel.js';
import { elementOf, type Storage } from '../../compute/storage.js';

/** Optional inputs of the kernels; each combination is its own kernel. */
export interface FlashVariant {
  D: number;
  /** Of q, k, v, the output and their gradients; sums and scores are f32. */
  storage: Storage;
  /** ALiBi slopes [H]. */
  slopes: boolean;
  /** Boolean mask, read with strides, 0 along broadcast axes. */
  mask: boolean;
  /**
   * Two rows per thread, and constant bounds for the loops over its vec4s, which a GPU compiler needs to keep them in
   * registers. Software Vulkan compiles that for seconds per kernel.
   */
  unrolled: boolean;
}

export interface Layout {
  /** vec4 per row of D features. */
  D4: number;
  /** Threads that share rows, and vec4 each of them holds of each. */
  slices: number;
  width: number;
  rowsPerThread: number;
  /** Teams of `slices` threads that share rows, and rows per workgroup. */
  teams: number;
  rows: number;
  /** Columns (keys, or queries in the dk/dv kernel) staged at a time. */
  columns: number;
}

export const threads = 64;
/** vec4 of a tensor that a thread holds. */
const held = 8;
/** vec4 per staged tile: 8 KiB, so that two tiles and two sets of partial sums stay within 32 KiB. */
const tileSize = 512;

export function layoutOf({ D, unrolled }: Pick<FlashVariant, 'D' | 'unrolled'>): Layout {
  const rowsPerThread = unrolled ? 2 : 1;
  const D4 = Math.ceil(D / 4);
  let slices = 1;
  while (Math.ceil(D4 / slices) > held / rowsPerThread) slices *= 2;
  const width = Math.ceil(D4 / slices);
  const fitting = 2 ** Math.floor(Math.log2(tileSize / (width * slices)));
  const columns = Math.min(16, fitting);
  const teams = threads / slices;
  return { D4, slices, width, rowsPerThread, teams, rows: teams * rowsPerThread, columns };
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
  const D4 = Math.ceil(D / 4);
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
  const D4 = Math.ceil(D / 4);
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
 * Workgroup memory: the staged tiles, and per name in `partials` a number for every column, row of a thread, and thread:
 * its part of the dot product, which `sum_name(column, r, team)` adds up over the slices. One thread of the team does that
 * for a pair, and leaves what it makes of it in the place of the first slice.
 */
export function workgroupMemory(
  variant: FlashVariant,
  tiles: readonly string[],
  partials: readonly string[],
): string {
  const { slices, width, columns, rowsPerThread, teams } = layoutOf(variant);
  const stride = width * slices;
  const lines = tiles.map((name) => `var<workgroup> ${name}: array<vec4f, ${columns * stride}>;`);
  for (const name of partials) {
    lines.push(`var<workgroup> ${name}: array<f32, ${columns * rowsPerThread * threads}>;
fn sum_${name}(column: i32, r: i32, team: i32) -> f32 {
  let at = place(column, r, team);
  var sum = ${name}[at];
  for (var s = 1; s < ${slices}; s++) { sum += ${name}[at + s * ${teams}]; }
  return sum;
}`);
  }
  return `fn place(column: i32, r: i32, lane: i32) -> i32 {
  return (column * ${rowsPerThread} + r) * ${threads} + lane;
}
${lines.join('\n')}
`;
}

/** Code repeated for each row of a thread, so that what it names by row stays in registers. */
export function eachRow(variant: FlashVariant, code: (r: number) => string): string {
  return Array.from({ length: layoutOf(variant).rowsPerThread }, (_, r) => code(r)).join('\n');
}

/** The start of `main`: `index` is that of the workgroup, of those that `spread` makes of u.total. */
export function entry(threads: number): string {
  return `@compute @workgroup_size(${threads})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
        @builtin(local_invocation_index) lane: u32) {
  let index = group.x + group.y * groups.x;
  if (index >= u.total) { return; }`;
}

/** Which queries a workgroup has, `rows` from `block` on of head h, and where the keys of that head begin. */
export function ownQueries(rows: number): string {
  const tilesPerHead = `((u.T + ${rows - 1}) / ${rows})`;
  return `let block = i32(index) % ${tilesPerHead} * ${rows};
  let head = i32(index) / ${tilesPerHead};
  let b = head / u.H;
  let h = head % u.H;
  let keyBase = (b * u.K + h / (u.H / u.K)) * u.S;`;
}

/** The keys, `start` to `end`, that any of those queries sees. */
export function keysSeen(rows: number): string {
  return `let offset = u.S - u.T;
  let start = max(0, block + offset - u.behind);
  let end = min(u.S, min(block + ${rows}, u.T) + offset + u.ahead);`;
}

/** Which rows and features a thread holds: rows team, team + teams, ... of its block, vec4s from `slice` on. */
export function ownPlace(variant: FlashVariant): string {
  const { slices, width, teams } = layoutOf(variant);
  const [team, part] = slices > 1 ? [`i32(lane) % ${teams}`, `i32(lane) / ${teams}`] : ['i32(lane)', '0'];
  return `let team = ${team};
  let part = ${part};
  let slice = part * ${width};
  ${eachRow(variant, (r) => `let row${r} = block + team + ${r * teams};`)}`;
}

/** The columns of a tile whose pairs with the team's rows this thread finishes. */
export function eachOwnColumn(variant: FlashVariant, code: string): string {
  return `for (var j = part; j < u.columns; j += ${layoutOf(variant).slices}) {
      ${code}
    }`;
}

/** Per staged column and held row: the dot products of [held, tile], left in `partial` of that name. */
export function dotProducts(
  variant: FlashVariant,
  products: Record<string, [held: string, tile: string]>,
): string {
  const { slices, width } = layoutOf(variant);
  const entries = Object.entries(products);
  const each = (code: (name: string, held: string, tile: string, r: number) => string) =>
    eachRow(variant, (r) => entries.map(([name, [held, tile]]) => code(name, held, tile, r)).join(' '));
  return `for (var j = 0; j < u.columns; j++) {
      ${each((name, _held, _tile, r) => `var ${name}${r} = 0.0;`)}
      for (var d = 0; d < ${widthBound(variant)}; d++) {
        let at = j * ${width * slices} + slice + d;
        ${each((name, held, tile, r) => `${name}${r} += dot(${held}${r}[d], ${tile}[at]);`)}
      }
      ${each((name, _held, _tile, r) => `${name}[place(j, ${r}, i32(lane))] = ${name}${r};`)}
    }
    workgroupBarrier();`;
}

/** Copies rows first .. first + columns - 1 of a buffer into a tile; rows from `count` on become zeros. */
export function stage(
  variant: FlashVariant,
  tile: string,
  buffer: string,
  base: string,
  count: string,
): string {
  const { slices, width } = layoutOf(variant);
  const stride = width * slices;
  return `for (var n = i32(lane); n < u.columns * ${stride}; n += ${threads}) {
      let r = first + n / ${stride};
      ${tile}[n] = vec4f();
      if (r < ${count}) { ${tile}[n] = load_${buffer}(${base} + r, n % ${stride}); }
    }`;
}

/** Upper bound of the loops over a thread's vec4s. */
export function widthBound(variant: FlashVariant): string {
  return variant.unrolled ? String(layoutOf(variant).width) : 'u.width';
}
