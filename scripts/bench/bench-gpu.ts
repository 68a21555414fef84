/**
 * Runs the fused kernels against their composed forms on the webgpu backend and keeps what it takes to judge the
 * figures: device, driver, machine, commit, command. Runs without git, files or a terminal, so that the air-gapped
 * bundle can use it.
 */
import { arch, cpus, platform } from 'node:os';
import { type BackendInfo, useBackend } from '../../src/compute/backend.js';
import { tf } from '../../src/compute/tf.js';
import { type Ceilings, caveat, ceilings, profile, type Spread, type Work } from '../../src/profile/index.js';
import { type BenchCase, type BenchSize, benchCases } from './cases.js';

export interface BenchGpuOptions {
  /** Default: large on a GPU, small on software Vulkan. */
  size?: BenchSize;
  /** Time for the samples of each way of each case, in seconds. Default 0.5. */
  seconds?: number;
  /** The commit that is measured. Default: the variable KERNELBOOK_COMMIT, else 'unknown'. */
  commit?: string;
  /** How the figures are made again. Default `kernelbook bench gpu`. */
  command?: string;
  /** Told about each case before it runs. */
  onCase?: (name: string, shape: string) => void;
}

export interface BenchRow {
  name: string;
  shape: string;
  bytes: number;
  flops: number;
  /** Fused kernels that ran, as the launch record says. */
  path: string;
  /** 'timestamps': sum over the dispatches; 'wall': until the engine is idle. */
  method: 'timestamps' | 'wall';
  fused: Spread;
  /** Absent where the composed form could not run; `note` says why. */
  composed?: Spread;
  speedup?: number;
  bytesPerSecond: number;
  flopsPerSecond: number;
  /** Share of the measured ceiling that limits this case, and which one. */
  share: number;
  limit: 'copy' | 'matmul';
  note?: string;
}

export interface BenchResult {
  measuredAt: string;
  commit: string;
  command: string;
  backend: Pick<BackendInfo, 'name' | 'device' | 'driver' | 'hardware' | 'features'>;
  /** "software Vulkan: not a GPU figure", or empty. */
  caveat: string;
  machine: { platform: string; cpu: string; threads: number; node: string };
  size: BenchSize;
  ceilings: Ceilings;
  rows: BenchRow[];
}

/**
 * Measures every case. @throws Error when webgpu is absent, when a kernel fails, or when a form that ran was not the
 * one it is listed as.
 */
export async function benchGpu(options: BenchGpuOptions = {}): Promise<BenchResult> {
  const backend = await useBackend('webgpu');
  const { name, device, driver, hardware, features } = backend;
  const { size = hardware ? 'large' : 'small', seconds = 0.5, onCase } = options;
  const rows: BenchRow[] = [];
  for (const make of benchCases(size)) {
    const one = make();
    onCase?.(one.name, one.shape);
    try {
      rows.push(await runCase(one, seconds));
    } finally {
      one.dispose();
    }
  }
  return {
    measuredAt: new Date().toISOString(),
    commit: options.commit ?? (process.env.KERNELBOOK_COMMIT || 'unknown'),
    command: options.command ?? 'kernelbook bench gpu',
    backend: { name, device, driver, hardware, features },
    caveat: caveat(backend),
    machine: {
      platform: `${platform()} ${arch()}`,
      cpu: cpus()[0]?.model ?? 'unknown',
      threads: cpus().length,
      node: process.versions.node,
    },
    size,
    ceilings: await ceilings(backend),
    rows,
  };
}

async function runCase(
  { name, shape, bytes, flops, fused, composed }: BenchCase,
  seconds: number,
): Promise<BenchRow> {
  const refusal = await attempt(composed);
  const compare: Record<string, Work> = refusal === undefined ? { composed } : {};
  const report = await profile(name, fused, { bytes, flops, seconds, compare });
  const [first, second] = report.facts.measurements;
  if (!first!.path.startsWith('fused')) {
    throw new Error(
      `bench gpu: ${name} (${shape}) should have run its fused kernels, but the path was '${first!.path}'`,
    );
  }
  if (second && second.path !== 'composed') {
    throw new Error(`bench gpu: the composed form of ${name} (${shape}) ran kernels: ${second.path}`);
  }
  const { bytesPerSecond, flopsPerSecond, share, limit } = report.rates(first!);
  const time = report.timeOf(first!);
  const against = second && report.timeOf(second);
  return {
    name,
    shape,
    bytes,
    flops,
    path: first!.path.replace(/^fused: /, ''),
    method: first!.device ? 'timestamps' : 'wall',
    fused: time,
    ...(against && { composed: against, speedup: against.median / time.median }),
    bytesPerSecond: bytesPerSecond!,
    flopsPerSecond: flopsPerSecond!,
    share: share!,
    limit: limit!,
    ...(refusal !== undefined && { note: `the composed form did not run: ${refusal}` }),
  };
}

/** The composed forms need far more memory; where one does not fit, the fused kernel is measured alone. */
async function attempt(work: () => unknown): Promise<string | undefined> {
  tf.engine().startScope();
  try {
    const made = work() as tf.Tensor | tf.Tensor[];
    const last = Array.isArray(made) ? made.at(-1)! : made;
    // One element is enough to learn of errors that the GPU reports late.
    await last.flatten().slice(0, 1).data();
    return undefined;
  } catch (error) {
    return (error as Error).message.split('\n')[0];
  } finally {
    tf.engine().endScope();
  }
}
