/** Pipeline parallelism: schedules as data, their check, their simulation. */

export { type Action, type ActionKind, actionText, parseAction, type Schedule } from './action.js';
export { scheduleFromCsv, scheduleToCsv } from './csv.js';
export { makeSchedule, type ScheduleName, type ScheduleOptions, scheduleNames } from './make-schedule.js';
export { loopPlacement, vPlacement } from './placement.js';
export { type Costs, type Simulation, simulate, type TimedAction } from './simulate.js';
export { peakLive, validateSchedule } from './validate.js';
