/** Training in any layout. */

export type { PipelineStages } from './pipeline-strategy.js';
export type { Measured, TrainerGroups } from './strategy.js';
export { Trainer, type TrainerOptions, type TrainingStep } from './trainer.js';
