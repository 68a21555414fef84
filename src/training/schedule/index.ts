export {
  type BoundedSchedule,
  type CosineOptions,
  cosineSchedule,
  type InverseSqrtOptions,
  inverseSqrtSchedule,
  type LearningRateSchedule,
  linearSchedule,
  type PhaseShape,
  type WarmUp,
  type WarmupStableDecayOptions,
  warmupStableDecaySchedule,
} from './schedule.js';
