/**
 * What kernels share that give each row of a matrix to one workgroup: how a row is read (four columns at a time where
 * the row length allows), and sums and maxima over the whole row, by subgroups where the device has them.
 */
import type { ElementType, Extension } from './kernel.js';
import { elementOf, type Storage, storageExtensions } from './storage.js';
import { tf } from './tf.js';
import type { GpuBackend } from './webgpu-backend.js';

/** Threads of a workgroup; each strides over the columns of its row. */
export const lanes = 128;

export interface RowVariant {
  /** Columns read at once: `V` is vec4f or f32. */
  width: 1 | 4;
  subgroups: boolean;
  storage: Storage;
}

/** The variant for rows of C columns on the current device. */
export function rowVariant(C: number, storage: Storage = 'f32'): RowVariant {
  const { features } = (tf.backend() as GpuBackend).gpu;
  return { width: C % 4 === 0 ? 4 : 1, subgroups: features.includes('subgroups'), storage };
}

/** Element type of buffers that are read in rows. */
export function rowElement({ width, storage }: RowVariant): ElementType {
  return elementOf(storage, width);
}

export function rowExtensions({ subgroups, storage }: RowVariant): Extension[] {
  return [...storageExtensions(storage), ...(subgroups ? (['subgroups'] as const) : [])];
}

const vectors: Record<RowVariant['width'], string> = {
  1: `alias V = f32;
fn across(v: V) -> f32 { return v; }
fn widest(v: V) -> f32 { return v; }`,
  4: `alias V = vec4f;
fn across(v: V) -> f32 { return dot(v, vec4f(1.0)); }
fn widest(v: V) -> f32 { return max(max(v.x, v.y), max(v.z, v.w)); }`,
};

/**
 * A reduction over the workgroup. Every thread gets the result, and it is uniform, so that code may branch on it.
 * With subgroups nothing is assumed about which threads form one: each leaves its share in its leader's place.
 */
function reduction(name: string, neutral: string, subgroups: boolean): string {
  const [combine, ofSubgroup] =
    name === 'Sum'
      ? [(a: string, b: string) => `${a} + ${b}`, 'subgroupAdd']
      : [(a: string, b: string) => `max(${a}, ${b})`, 'subgroupMax'];
  if (subgroups) {
    return `
fn workgroup${name}(value: f32, lane: u32) -> f32 {
  let part = ${ofSubgroup}(value);
  let size = subgroupAdd(1u);
  workgroupBarrier();
  shares[lane] = select(${neutral}, part, subgroupElect());
  workgroupBarrier();
  var own = ${neutral};
  for (var at = subgroupLane; at < ${lanes}u; at += size) { own = ${combine('own', 'shares[at]')}; }
  let total = ${ofSubgroup}(own);
  if (lane == 0u) { reduced = total; }
  return workgroupUniformLoad(&reduced);
}`;
  }
  return `
fn workgroup${name}(value: f32, lane: u32) -> f32 {
  workgroupBarrier();
  shares[lane] = value;
  // Counted from a number that the compiler does not know: unrolled, software Vulkan compiles it for seconds.
  for (var step = min(${lanes / 2}u, u.groups * ${lanes}u); step > 0u; step >>= 1u) {
    workgroupBarrier();
    if (lane < step) { shares[lane] = ${combine('shares[lane]', 'shares[lane + step]')}; }
  }
  return workgroupUniformLoad(&shares[0]);
}`;
}

/** The most negative float32: smaller than every finite value, and safe to subtract. */
export const lowest = '-0x1.fffffep+127';

/**
 * `V`, the columns read at once, as the kernel computes with them, and `W`, as they are written; with `across` (their sum) and `widest` (the largest); `workgroupSum(value, lane)` and
 * `workgroupMax(value, lane)`.
 */
export function rowCode(variant: RowVariant): string {
  const { width, subgroups } = variant;
  return `${vectors[width]}
alias W = ${rowElement(variant)};
var<workgroup> shares: array<f32, ${lanes}>;
${subgroups ? 'var<workgroup> reduced: f32;\nvar<private> subgroupLane: u32;' : ''}
${reduction('Sum', '0.0', subgroups)}
${reduction('Max', lowest, subgroups)}`;
}

/** Opens `main`; the body sees `index`, the workgroup's number below `u.groups`, and `lane`. */
export function rowEntry({ subgroups }: RowVariant): string {
  return `
@compute @workgroup_size(${lanes})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
        @builtin(local_invocation_index) lane: u32${subgroups ? ', @builtin(subgroup_invocation_id) subgroupId: u32' : ''}) {
  ${subgroups ? 'subgroupLane = subgroupId;' : ''}
  let index = group.x + group.y * groups.x;
  if (index >= u.groups) { return; }`;
}
