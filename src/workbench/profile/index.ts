/** Timing and rooflines: see `profile.ts`; how time is taken is in `measure.ts`, the ceilings are in `ceilings.ts`. */

export { caveat } from './caveat.js';
export { type Ceilings, ceilings } from './ceilings.js';
export type { ProfileFacts, Rates } from './facts.js';
export type { EqualWay, Measurement, SamplingOptions, Spread, Work } from './measure.js';
export { type ProfileOptions, profile } from './profile.js';
export { type RecordedResult, recordedResults } from './recorded.js';
export { ProfileReport, profileMimeType } from './report.js';
export { roofline } from './roofline.js';
