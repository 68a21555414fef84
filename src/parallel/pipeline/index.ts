/** Pipeline parallelism: schedules as data, their check, their simulation, their execution. */

export { type Action, type ActionKind, actionText, parseAction, type Schedule } from './action.js';
export { scheduleFromCsv, scheduleToCsv } from './csv.js';
export { cutIntoStages } from './cut.js';
export { pipelineNorm } from './execute/norm.js';
export { Pipeline, type PipelineOptions, type PipelineStep, type StepOptions } from './execute/pipeline.js';
export type { PipelineEvent } from './execute/step-run.js';
export { makeSchedule, type ScheduleName, type ScheduleOptions, scheduleNames } from './make-schedule.js';
export { loopPlacement, vPlacement } from './placement.js';
export { type Costs, type Simulation, simulate, type TimedAction } from './simulate.js';
export { peakLive, validateSchedule } from './validate.js';
