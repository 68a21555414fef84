/** How long a schedule takes when every action has a cost: an event simulation. */
import { type Action, actionText, type Schedule } from './action.js';
import { walk } from './dependencies.js';
import { peakLive } from './validate.js';

/** In any unit of time; B costs input + weight. */
export interface Costs {
  forward: number;
  inputGradient: number;
  weightGradient: number;
  /** From one rank to another; default 0. It delays who receives, and keeps nobody busy. */
  communication?: number;
  /** What a forward and a backward pass side by side take, as a share of one after the other; default 1, no gain. */
  overlap?: number;
  /** How much dearer than the others a stage is; default 1 each. */
  stageFactor?: readonly number[];
}

export interface TimedAction extends Action {
  start: number;
  end: number;
}

export interface Simulation {
  /** Per rank, in order. */
  events: TimedAction[][];
  /** When the last action ends. */
  makespan: number;
  /** How long each rank works. */
  busy: number[];
  /** How long each rank does not, within the makespan. */
  idle: number[];
  /** The same between its own first and last action. */
  ownIdle: number[];
  /** Chunks of activations each rank keeps at most. */
  peakLive: number[];
}

/** @throws RangeError when the order never ends, or a cost is negative or no number */
export function simulate(schedule: Schedule, costs: Costs): Simulation {
  const { forward, inputGradient, weightGradient, communication = 0, overlap = 1, stageFactor } = costs;
  for (const [name, cost] of Object.entries({
    forward,
    inputGradient,
    weightGradient,
    communication,
    overlap,
  }))
    if (!(cost >= 0 && cost < Infinity))
      throw new RangeError(`simulate: the cost ${name} is ${cost}; it must be 0 or more`);
  const base = { F: forward, B: inputGradient + weightGradient, I: inputGradient, W: weightGradient };
  const ends = new Map<string, number>();
  const free = schedule.orders.map(() => 0);
  const busy = schedule.orders.map(() => 0);
  const events = schedule.orders.map((): TimedAction[] => []);
  walk(schedule, (step, rank, needed) => {
    const arrivals = needed.map((other) => {
      const away = schedule.rankOf[other.stage] === rank ? 0 : communication;
      return ends.get(actionText(other))! + away;
    });
    const start = Math.max(free[rank]!, ...arrivals);
    const alone = step.map(({ kind, stage }) => base[kind] * (stageFactor?.[stage] ?? 1));
    const together = alone.reduce((sum, time) => sum + time, 0) * (step.length > 1 ? overlap : 1);
    const end = start + together;
    for (const action of step) {
      ends.set(actionText(action), end);
      events[rank]!.push({ ...action, start, end });
    }
    free[rank] = end;
    busy[rank]! += together;
  });
  const makespan = Math.max(0, ...free);
  return {
    events,
    makespan,
    busy,
    idle: busy.map((time) => makespan - time),
    ownIdle: events.map((own, rank) => (own.length > 0 ? own.at(-1)!.end - own[0]!.start - busy[rank]! : 0)),
    peakLive: peakLive(schedule),
  };
}
