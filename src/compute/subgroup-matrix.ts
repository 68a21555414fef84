/**
 * The matrix units ("tensor cores") of the device, as WebGPU's experimental feature chromium-experimental-subgroup-matrix
 * shows them: the threads of a subgroup together multiply small matrices of a fixed shape.
 */
import type { GpuDevice } from './device.js';

/** Multiplies f16 [M,K] by f16 [K,N] and adds to f32 [M,N]. */
export interface MatrixUnit {
  M: number;
  N: number;
  K: number;
  /** Threads of a subgroup. */
  lanes: number;
}

export const matrixExtensions = ['f16', 'subgroups', 'chromium_experimental_subgroup_matrix'] as const;

/** Newer than the type definitions of WebGPU. */
interface MatrixInfo {
  readonly subgroupMinSize?: number;
  readonly subgroupMaxSize?: number;
  readonly subgroupMatrixConfigs?: Iterable<{
    readonly componentType: string;
    readonly resultComponentType: string;
    readonly M: number;
    readonly N: number;
    readonly K: number;
  }>;
}

/**
 * The largest unit that takes f16 and accumulates in f32; undefined where there is none, or where the size of a subgroup is
 * not fixed, so that a kernel could not tell which threads work together.
 */
export function matrixUnit({ features, info }: Pick<GpuDevice, 'features' | 'info'>): MatrixUnit | undefined {
  const needed = ['shader-f16', 'subgroups', 'chromium-experimental-subgroup-matrix'];
  const { subgroupMinSize, subgroupMaxSize: lanes, subgroupMatrixConfigs = [] } = info as MatrixInfo;
  if (!needed.every((feature) => features.includes(feature)) || !lanes || subgroupMinSize !== lanes) {
    return undefined;
  }
  const [largest] = [...subgroupMatrixConfigs]
    .filter((config) => config.componentType === 'f16' && config.resultComponentType === 'f32')
    .sort((a, b) => b.M * b.N * b.K - a.M * a.N * a.K);
  return largest && { M: largest.M, N: largest.N, K: largest.K, lanes };
}

/** WGSL to load the matrix that starts at `offset` of the array `from`; `transposed` where its columns lie in rows. */
export function loadLeft(
  { M, K }: MatrixUnit,
  from: string,
  offset: string,
  stride: number,
  transposed: boolean,
): string {
  return `subgroupMatrixLoad<subgroup_matrix_left<f16, ${K}, ${M}>, ${transposed ? 'col' : 'row'}_major>(&${from}, ${offset}, ${stride}u)`;
}

export function loadRight(
  { N, K }: MatrixUnit,
  from: string,
  offset: string,
  stride: number,
  transposed: boolean,
): string {
  return `subgroupMatrixLoad<subgroup_matrix_right<f16, ${N}, ${K}>, ${transposed ? 'col' : 'row'}_major>(&${from}, ${offset}, ${stride}u)`;
}

export function resultType({ M, N }: MatrixUnit): string {
  return `subgroup_matrix_result<f32, ${N}, ${M}>`;
}
