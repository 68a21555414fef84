/** What data sheets promise, per GPU: dense bf16 products, memory, its bandwidth, and NVLink in one direction. */
export interface GpuSheet {
  name: string;
  flopsPerSecond: number;
  memoryBytes: number;
  memoryBytesPerSecond: number;
  linkBytesPerSecond: number;
}

/** NVIDIA's data sheets: A100 80GB SXM (2021), H100 SXM (2023), H200 SXM (2024), without sparsity. */
export const gpuSheets: Readonly<Record<string, GpuSheet>> = {
  a100: {
    name: 'A100 80GB SXM',
    flopsPerSecond: 312e12,
    memoryBytes: 80e9,
    memoryBytesPerSecond: 2039e9,
    linkBytesPerSecond: 300e9,
  },
  h100: {
    name: 'H100 SXM',
    flopsPerSecond: 989e12,
    memoryBytes: 80e9,
    memoryBytesPerSecond: 3350e9,
    linkBytesPerSecond: 450e9,
  },
  h200: {
    name: 'H200 SXM',
    flopsPerSecond: 989e12,
    memoryBytes: 141e9,
    memoryBytesPerSecond: 4800e9,
    linkBytesPerSecond: 450e9,
  },
};
