/**
 * What this device reaches at best, measured: bytes per second of a plain copy and float operations per second of a
 * large float32 matrix product. Kept in the user's cache, one file per machine, device, driver and backend.
 */
import { createHash } from 'node:crypto';
import { cpus, hostname } from 'node:os';
import { readCache, writeCache } from '../../cache.js';
import type { BackendInfo } from '../../compute/backend.js';
import { registerFused } from '../../compute/fused.js';
import { defineKernel } from '../../compute/kernel.js';
import { spread } from '../../compute/launch.js';
import { sizeOf } from '../../compute/ndarray.js';
import { tf } from '../../compute/tf.js';
import { withGpuTiming } from '../../compute/timing.js';

export interface Ceilings {
  /** Bytes read plus bytes written per second, by a copy too large for the caches. */
  copyBytesPerSecond: number;
  /** 2 n^3 operations of an n x n product per second, by the fastest run. */
  matmulFlopsPerSecond: number;
  /** Bytes of that copy (read and written), and n of the product that was the fastest. */
  copyBytes: number;
  matmulSize: number;
  /** ISO date of the measurement. */
  measuredAt: string;
}

/** Raised when the way of measuring changes, so that older figures are not used. */
const revision = 1;

/** Copies and products grow until one run takes this long, so that fixed costs do not count. */
const longEnoughSeconds = { hardware: 0.002, software: 0.03 };
const largestCopyElements = { hardware: 2 ** 27, software: 2 ** 24 };
const largestMatmul = 8192;

const known = new Map<string, Promise<Ceilings>>();

/** The ceilings of the backend in use: from this process, from the cache, or measured now (under 1.5 s without a GPU). */
export function ceilings(info: BackendInfo): Promise<Ceilings> {
  const key = cacheKey(info);
  let found = known.get(key);
  if (!found) {
    found = load(key, info);
    known.set(key, found);
    // A failed measurement may be tried again.
    found.catch(() => known.delete(key));
  }
  return found;
}

function cacheKey({ name, device, driver, features }: BackendInfo): string {
  const machine = [hostname(), cpus()[0]?.model, cpus().length, process.platform, process.arch];
  return JSON.stringify([
    revision,
    tf.version_core,
    name,
    device,
    driver,
    features,
    ...machine,
    process.versions.node,
  ]);
}

async function load(key: string, info: BackendInfo): Promise<Ceilings> {
  const file = `ceilings-${createHash('sha256').update(key).digest('hex').slice(0, 16)}.json`;
  const kept = parse(await readCache(file), key);
  if (kept) return kept;
  const measured = await measureCeilings(info);
  await writeCache(file, `${JSON.stringify({ key, ...measured }, null, 2)}\n`);
  return measured;
}

/** A damaged or foreign file counts as absent. */
function parse(content: Buffer | undefined, key: string): Ceilings | undefined {
  if (!content) return undefined;
  try {
    const { key: of, ...rest } = JSON.parse(content.toString()) as Ceilings & { key: string };
    const numbers = [rest.copyBytesPerSecond, rest.matmulFlopsPerSecond, rest.copyBytes, rest.matmulSize];
    const sane = numbers.every((value) => typeof value === 'number' && value > 0 && Number.isFinite(value));
    return of === key && sane && typeof rest.measuredAt === 'string' ? rest : undefined;
  } catch {
    return undefined;
  }
}

async function measureCeilings({ hardware }: BackendInfo): Promise<Ceilings> {
  const kind = hardware ? 'hardware' : 'software';
  const enough = longEnoughSeconds[kind];
  // The last copy counts, not the fastest: a small one would measure a cache.
  const copies = await grow(2 ** 18, 4, largestCopyElements[kind], enough, async (elements) => {
    const x = tf.ones([elements]);
    const seconds = await best(() => copy(x));
    x.dispose();
    return { seconds, rate: (8 * elements) / seconds };
  });
  const products = await grow(128, 2, largestMatmul, enough, async (n) => {
    const [a, b] = [tf.randomNormal([n, n]), tf.randomNormal([n, n])];
    const seconds = await best(() => tf.matMul(a, b));
    tf.dispose([a, b]);
    return { seconds, rate: (2 * n ** 3) / seconds };
  });
  const copied = copies.at(-1)!;
  const product = products.reduce((a, b) => (b.rate > a.rate ? b : a));
  return {
    copyBytesPerSecond: copied.rate,
    matmulFlopsPerSecond: product.rate,
    copyBytes: 8 * copied.size,
    matmulSize: product.size,
    measuredAt: new Date().toISOString(),
  };
}

/** Runs growing sizes until one takes long enough, is the largest, or does not fit the device. At least one result. */
async function grow(
  first: number,
  factor: number,
  largest: number,
  enough: number,
  run: (size: number) => Promise<{ seconds: number; rate: number }>,
): Promise<{ size: number; rate: number }[]> {
  const results: { size: number; rate: number }[] = [];
  for (let size = first; size <= largest; size *= factor) {
    let result: { seconds: number; rate: number };
    try {
      result = await run(size);
    } catch (error) {
      if (results.length > 0) break;
      throw error;
    }
    results.push({ size, rate: result.rate });
    if (result.seconds > enough) break;
  }
  return results;
}

/** Seconds of the fastest of three runs after one to warm up; the fastest is the one the least disturbed. */
async function best(work: () => tf.Tensor): Promise<number> {
  let seconds = Number.POSITIVE_INFINITY;
  for (let run = 0; run < 4; run++) {
    const { result, deviceMs } = await withGpuTiming(async () => {
      const made = work();
      if (tf.getBackend() === 'tensorflow')
        await made
          .slice(
            made.shape.map(() => 0),
            made.shape.map(() => 1),
          )
          .data();
      return made;
    });
    result.dispose();
    if (run > 0 && deviceMs > 0) seconds = Math.min(seconds, deviceMs / 1e3);
  }
  if (!Number.isFinite(seconds)) throw new Error('profile: the device reported no time for the ceilings');
  return seconds;
}

const threads = 256;

const copyKernel = defineKernel({
  name: 'profile.copy',
  inputs: { x: 'vec4<f32>' },
  outputs: { y: 'vec4<f32>' },
  code: `@compute @workgroup_size(${threads})
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) thread: u32,
) {
  let i = (group.x + group.y * groups.x) * ${threads}u + thread;
  if (i < arrayLength(&x)) { y[i] = x[i]; }
}`,
});

const fusedCopy = registerFused({
  name: 'KernelbookCopy',
  inputs: ['x'],
  forward: ({ x }, _attrs, launch) => {
    const outputs = { y: { shape: x.shape } };
    const workgroups = spread(Math.ceil(sizeOf(x.shape) / 4 / threads));
    return [launch(copyKernel, { inputs: { x }, outputs, uniforms: {}, workgroups }).y];
  },
});

/** Reads and writes every element once. tfjs has no copying operation of its own; a sign change moves the same bytes. */
function copy(x: tf.Tensor): tf.Tensor {
  return fusedCopy.available() ? fusedCopy.run({ x }, {})[0]! : tf.neg(x);
}
