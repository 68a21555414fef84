/** `profile`: how long a computation takes here, which path it took, and how near it comes to what the device can do. */
import { type BackendName, useBackend } from '../../compute/backend.js';
import { tf } from '../../compute/tf.js';
import { ceilings } from './ceilings.js';
import { measure, type SamplingOptions, type Work } from './measure.js';
import type { RecordedResult } from './recorded.js';
import { ProfileReport } from './report.js';

export interface ProfileOptions extends SamplingOptions {
  /** Bytes that must be read and written once per run, whatever the implementation. */
  bytes?: number;
  /** Float operations that must be done per run; a fused multiply-add counts two. */
  flops?: number;
  /**
   * Other ways to compute the same, timed in turn with the first. One that asks the engine for exactly the same work
   * is named with the reason instead of timed.
   */
  compare?: Record<string, Work>;
  /** What was measured elsewhere, shown below with its device: `await recordedResults('rmsNorm')`. */
  recorded?: readonly RecordedResult[];
}

/**
 * Times `fn` on the current backend (one is chosen when none is yet), in turn with the ways in `compare`.
 * Tensors made by the functions are disposed of. With `bytes` or `flops` the report has rates and the share of the
 * ceilings measured on this machine.
 * @returns a report that shows itself in a notebook; `.roofline()` draws it
 * @throws RangeError when bytes, flops, warmup or seconds are no numbers >= 0; whatever `fn` throws
 */
export async function profile(name: string, fn: Work, options: ProfileOptions = {}): Promise<ProfileReport> {
  const { bytes, flops, compare = {}, recorded = [], ...sampling } = options;
  for (const [key, value] of Object.entries({ bytes, flops })) {
    if (value !== undefined && !(value >= 0 && Number.isFinite(value))) {
      throw new RangeError(`profile(${name}): ${key} must be a finite number >= 0, got ${value}`);
    }
  }
  if (name in compare) throw new RangeError(`profile(${name}): compare must not use the name ${name} again`);
  const current = tf.engine().backendName as BackendName | undefined;
  const backend = await useBackend(current);
  const { measurements, equal } = await measure({ [name]: fn, ...compare }, sampling);
  const wantCeilings = bytes !== undefined || flops !== undefined;
  return new ProfileReport({
    name,
    backend,
    measurements,
    ...(equal.length > 0 && { equal, asked: [name, ...Object.keys(compare)] }),
    ...(recorded.length > 0 && { recorded }),
    ...(bytes !== undefined && { bytes }),
    ...(flops !== undefined && { flops }),
    ...(wantCeilings && { ceilings: await ceilings(backend) }),
    measuredAt: new Date().toISOString(),
  });
}
