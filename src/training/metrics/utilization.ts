/** How much of a device's rate training reaches, and what bounds it: arithmetic or memory. */

export interface Throughput {
  tokensPerSecond: number;
  /** Of all devices together: their number times a data sheet's rate, for the number format of the products. */
  peakFlopsPerSecond: number;
}

/**
 * The share of the peak that the model's FLOPs take: of `trainingFlopsPerToken` this is MFU, which counts nothing that is computed
 * twice, so that it compares systems; of `hardwareFlopsPerToken` HFU, which says how busy the hardware is (PaLM, arXiv:2204.02311,
 * appendix B).
 * @throws RangeError when a number is negative, or the peak is not positive.
 */
export function flopsUtilization(
  flopsPerToken: number,
  { tokensPerSecond, peakFlopsPerSecond }: Throughput,
): number {
  requirePositive('flopsUtilization', { peakFlopsPerSecond });
  for (const [name, value] of Object.entries({ flopsPerToken, tokensPerSecond })) {
    if (!(value >= 0)) throw new RangeError(`flopsUtilization: ${name} must be a number >= 0, got ${value}`);
  }
  return (flopsPerToken * tokensPerSecond) / peakFlopsPerSecond;
}

/**
 * FLOPs per byte moved of a product [M,K] [K,N], each matrix read or written once: 2 M N K / (bytes (M K + K N + M N)). With few rows it
 * is near 2 M / bytes: a weight is used as often as there are rows.
 * @throws RangeError when an extent or the bytes of a number are not positive.
 */
export function matmulIntensity({
  M,
  K,
  N,
  bytes = 2,
}: {
  M: number;
  K: number;
  N: number;
  bytes?: number;
}): number {
  requirePositive('matmulIntensity', { M, K, N, bytes });
  return (2 * M * N * K) / (bytes * (M * K + K * N + M * N));
}

/**
 * The FLOPs per byte from which a device is bound by arithmetic: peak rate / bandwidth (Williams et al. 2009, Roofline).
 * @throws RangeError when a rate is not positive.
 */
export function ridgeIntensity(peakFlopsPerSecond: number, bytesPerSecond: number): number {
  requirePositive('ridgeIntensity', { peakFlopsPerSecond, bytesPerSecond });
  return peakFlopsPerSecond / bytesPerSecond;
}

function requirePositive(caller: string, values: Record<string, number>): void {
  for (const [name, value] of Object.entries(values)) {
    if (!(value > 0)) throw new RangeError(`${caller}: ${name} must be a number > 0, got ${value}`);
  }
}
