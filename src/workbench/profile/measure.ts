/**
 * Times several ways to compute the same thing on the current backend. Samples are interleaved and the order changes
 * every round, so that a drifting clock or a busy machine meets all of them alike; medians and quartiles are kept.
 * Device time comes from GPU timestamps where the device has them; wall time runs from an idle engine until it is idle
 * again, so it includes what JavaScript and the submission cost.
 */
import { tf } from '../../compute/tf.js';
import { type DeviceTiming, timeWall, withGpuTiming } from '../../compute/timing.js';
import { watchPath } from './path-taken.js';
import { traceOf } from './trace.js';

/** Work to be timed. Tensors it makes are disposed of; a promise is awaited. */
export type Work = () => unknown;

export interface Spread {
  /** Seconds. */
  median: number;
  /** First and third quartile, seconds. */
  low: number;
  high: number;
  samples: number;
}

export interface Measurement {
  name: string;
  /** 'fused: kernel names' or 'composed'. */
  path: string;
  /** By GPU timestamps; absent where the device has none. */
  device?: Spread;
  wall: Spread;
  /** Device seconds by kernel, in order of first launch, from the last sample; empty without timestamps. */
  kernels: { name: string; launches: number; seconds: number }[];
}

export interface SamplingOptions {
  /** Untimed runs before the first sample. Default 2. */
  warmup?: number;
  /** Time to spend on samples per way, in seconds. Default 0.5. At least 3 samples are taken, at most 200. */
  seconds?: number;
}

const fewestRounds = 3;
const mostRounds = 200;

/** A way that was not timed, since the device does exactly what it does for the first one. */
export interface EqualWay {
  name: string;
  path: string;
}

export interface Measured {
  measurements: Measurement[];
  equal: EqualWay[];
}

/**
 * The first way is timed in turn with those of the others that are other work: see `trace.ts`.
 * @throws RangeError for a negative warm-up or time; whatever the work throws.
 */
export async function measure(work: Record<string, Work>, options: SamplingOptions = {}): Promise<Measured> {
  const { warmup = 2, seconds = 0.5 } = options;
  if (!Number.isInteger(warmup) || warmup < 0)
    throw new RangeError(`profile: warmup must be 0, 1, 2, …, got ${warmup}`);
  if (!(seconds >= 0)) throw new RangeError(`profile: seconds must be a number >= 0, got ${seconds}`);
  const all = Object.entries(work).map(([name, run]) => ({
    name,
    run: () => runOnce(run),
    path: '',
    device: [] as number[],
    wall: [] as number[],
    last: undefined as DeviceTiming<void> | undefined,
  }));
  const traces: (string | undefined)[] = [];
  for (const way of all) {
    const path = watchPath();
    traces.push(await traceOf(way.run));
    for (let i = 1; i < warmup; i++) await timeWall(way.run);
    way.path = path();
  }
  const isEqual = (i: number) => i > 0 && traces[i] !== undefined && traces[i] === traces[0];
  const ways = all.filter((_, i) => !isEqual(i));
  const equal = all.flatMap(({ name, path }, i) => (isEqual(i) ? [{ name, path }] : []));
  const start = performance.now();
  const enough = () => performance.now() - start > seconds * 1e3 * ways.length;
  for (let round = 0; round < mostRounds && (round < fewestRounds || !enough()); round++) {
    for (let i = 0; i < ways.length; i++) {
      const way = ways[(i + round) % ways.length]!;
      const timed = await withGpuTiming(way.run);
      if (timed.method === 'timestamps') {
        way.device.push(timed.deviceMs / 1e3);
        way.last = timed;
        // Timestamps split the work into one submission per dispatch; wall time is taken without them.
        way.wall.push((await timeWall(way.run)).wallMs / 1e3);
      } else {
        way.wall.push(timed.wallMs / 1e3);
      }
    }
  }
  const measurements = ways.map(({ name, path, device, wall, last }) => ({
    name,
    path,
    ...(device.length > 0 && { device: spread(device) }),
    wall: spread(wall),
    kernels: byKernel(last),
  }));
  return { measurements, equal };
}

/** Runs the work and disposes of every tensor it made. */
async function runOnce(work: Work): Promise<void> {
  tf.engine().startScope();
  try {
    await work();
    // TensorFlow queues work on a GPU and returns; a small read behind it in the same stream waits for it.
    if (tf.getBackend() === 'tensorflow') await tf.ones([1]).add(1).data();
  } finally {
    tf.engine().endScope();
  }
}

/** Median and quartiles, interpolated between neighbours. */
export function spread(samples: readonly number[]): Spread {
  const sorted = [...samples].sort((a, b) => a - b);
  const at = (share: number) => {
    const position = share * (sorted.length - 1);
    const below = sorted[Math.floor(position)]!;
    const above = sorted[Math.ceil(position)]!;
    return below + (above - below) * (position % 1);
  };
  return { median: at(0.5), low: at(0.25), high: at(0.75), samples: sorted.length };
}

function byKernel(timing: DeviceTiming<void> | undefined): Measurement['kernels'] {
  const totals = new Map<string, { launches: number; seconds: number }>();
  for (const { name, ms } of timing?.kernels ?? []) {
    const total = totals.get(name) ?? { launches: 0, seconds: 0 };
    totals.set(name, { launches: total.launches + 1, seconds: total.seconds + ms / 1e3 });
  }
  return [...totals].map(([name, total]) => ({ name, ...total }));
}
