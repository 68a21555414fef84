/**
 * Runs the fused kernels against their composed forms and against plain tfjs on the webgpu backend and keeps what it takes to judge the
 * figures: device, driver, machine, commit, command. Runs without git, files or a terminal, so that the air-gapped
 * bundle can use it.
 */
import { arch, cpus, platform } from 'node:os';
import { type BackendInfo, useBackend } from '../../src/compute/backend.js';
import { peakGpuBytes } from '../../src/compute/peak-memory.js';
import { tf } from '../../src/compute/tf.js';
import {
  type Ceilings,
  caveat,
  ceilings,
  profile,
  type Spread,
  type Work,
} from '../../src/workbench/profile/index.js';
import { type BenchCase, type BenchSize, benchCases, shapeText } from './cases/index.js';

export interface BenchGpuOptions {
  /** Default: large on a GPU, small on software Vulkan. */
  size?: BenchSize;
  /** Time for the samples of each way of each case, in seconds. Default 0.5. */
  seconds?: number;
  /** Only cases whose name contains this. */
  only?: string;
  /** The commit that is measured. Default: the variable KERNELBOOK_COMMIT, else 'unknown'. */
  commit?: string;
  /** How the figures are made again. Default `kernelbook bench gpu`. */
  command?: string;
  /** Told about each case before it runs, and its number of how many. */
  onCase?: (name: string, shape: string, done: string) => void;
}

/** One way to compute a case. */
export interface BenchWay {
  time: Spread;
  /** GPU memory at the peak beyond the inputs, results included. */
  peakBytes: number;
}

export interface BenchRow {
  name: string;
  /** The computation, whether its gradient is timed too, and its sizes, for other libraries that run the same. */
  op: string;
  gradient: boolean;
  sizes: Record<string, number>;
  shape: string;
  bytes: number;
  flops: number;
  /** Fused kernels that ran, as the launch record says. */
  path: string;
  /** 'timestamps': sum over the dispatches; 'wall': until the engine is idle. */
  method: 'timestamps' | 'wall';
  fused: BenchWay;
  /** Absent where it could not run; `note` says why. */
  composed?: BenchWay;
  /** tfjs alone; absent where tfjs has no single formula for it, or it could not run. */
  plain?: BenchWay;
  /** How many times longer the composed form takes. */
  speedup?: number;
  bytesPerSecond: number;
  flopsPerSecond: number;
  /** Share of the measured ceiling that limits this case, and which one. */
  share: number;
  limit: 'copy' | 'matmul';
  /** Seconds per run of the same in PyTorch on the same machine, by way ('eager', 'sdpa', 'compile'). */
  torch?: Record<string, Spread>;
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
  /** PyTorch's version and device, or why it did not run; absent when it was not asked for. */
  torch?: string;
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
  const names = new Set<string>();
  const cases = benchCases(size);
  for (const [n, make] of cases.entries()) {
    const one = make();
    names.add(one.name);
    try {
      if (options.only && !one.name.includes(options.only)) continue;
      onCase?.(one.name, shapeText(one.sizes), `${n + 1}/${cases.length}`);
      rows.push(await runCase(one, seconds));
    } finally {
      one.dispose();
    }
  }
  if (rows.length === 0)
    throw new Error(`no kernel's name contains '${options.only}'; there are ${[...names].join(', ')}`);
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

async function runCase(one: BenchCase, seconds: number): Promise<BenchRow> {
  const { name, op, gradient, sizes, bytes, flops, fused } = one;
  const shape = shapeText(sizes);
  const others: Record<string, Work> = {};
  const peaks: Record<string, number> = {};
  const notes: string[] = [];
  for (const way of ['fused', 'composed', 'plain'] as const) {
    const work = one[way];
    if (!work) continue;
    const refusal = await attempt(work);
    if (refusal === undefined) {
      peaks[way] = await peakGpuBytes(work);
      if (way !== 'fused') others[way] = work;
    } else if (way === 'fused') {
      throw new Error(`${name} (${shape}) failed: ${refusal}`);
    } else {
      notes.push(`the ${way} form did not run: ${refusal}`);
    }
  }
  const report = await profile('fused', fused, { bytes, flops, seconds, compare: others });
  const [first, ...rest] = report.facts.measurements;
  if (!first!.path.startsWith('fused')) {
    throw new Error(
      `${name} (${shape}) should have run its fused kernels, but the path was '${first!.path}'`,
    );
  }
  for (const other of rest) {
    if (other.path === 'composed') continue;
    throw new Error(`the ${other.name} form of ${name} (${shape}) ran kernels: ${other.path}`);
  }
  const { bytesPerSecond, flopsPerSecond, share, limit } = report.rates(first!);
  const measured = Object.fromEntries(
    report.facts.measurements.map((measurement): [string, BenchWay] => [
      measurement.name,
      { time: report.timeOf(measurement), peakBytes: peaks[measurement.name]! },
    ]),
  );
  const { composed, plain } = measured;
  return {
    name,
    op,
    gradient,
    sizes,
    shape,
    bytes,
    flops,
    path: first!.path.replace(/^fused: /, ''),
    method: first!.device ? 'timestamps' : 'wall',
    fused: measured.fused!,
    ...(composed && { composed, speedup: composed.time.median / measured.fused!.time.median }),
    ...(plain && { plain }),
    bytesPerSecond: bytesPerSecond!,
    flopsPerSecond: flopsPerSecond!,
    share: share!,
    limit: limit!,
    ...(notes.length > 0 && { note: notes.join('; ') }),
  };
}

/** Once, before anything is measured: fills caches, and learns whether the other forms fit; they need far more memory. */
async function attempt(work: Work): Promise<string | undefined> {
  tf.engine().startScope();
  try {
    await work();
    // A readback, to learn of errors that the GPU reports late.
    await tf.ones([1]).add(1).data();
    return undefined;
  } catch (error) {
    return (error as Error).message.split('\n')[0];
  } finally {
    tf.engine().endScope();
  }
}
