/** What `profile` measured, and the rates that follow: what its report and the roofline are made of. */
import type { BackendInfo } from '../../compute/backend.js';
import type { Ceilings } from './ceilings.js';
import type { EqualWay, Measurement } from './measure.js';
import type { RecordedResult } from './recorded.js';

export interface ProfileFacts {
  name: string;
  backend: BackendInfo;
  /** The profiled work first, then what it was compared with. */
  measurements: readonly Measurement[];
  /** Names of all ways in the order they were given. */
  asked?: readonly string[];
  /** Ways that were not timed: they are the same work as the first. */
  equal?: readonly EqualWay[];
  /** Measured on other devices at other times. */
  recorded?: readonly RecordedResult[];
  /** Bytes that have to be moved, and float operations that have to be done, once per run. */
  bytes?: number;
  flops?: number;
  /** Absent when neither bytes nor flops were given. */
  ceilings?: Ceilings;
  measuredAt: string;
}

/** Rates of one measurement, against the same necessary bytes and operations for every way of computing it. */
export interface Rates {
  /** Device time where it was measured, else wall time. */
  seconds: number;
  bytesPerSecond?: number;
  flopsPerSecond?: number;
  /** Operations per byte. */
  intensity?: number;
  /** Share of what the measured ceilings allow at this intensity. */
  share?: number;
  /** Which ceiling that is. */
  limit?: 'copy' | 'matmul';
}

/** What a roofline is drawn of. */
export interface Profiled {
  readonly facts: ProfileFacts;
  rates(measurement: Measurement): Rates;
}
