/** What an action waits for: the actions whose results it needs. */
import { type Action, type ActionKind, actionText, type Schedule } from './action.js';

/** A backward pass is known by its B, or by its I where it is divided. */
export function dependenciesOf(
  { kind, stage, microBatch }: Action,
  schedule: Schedule,
  divided: Divided,
): Action[] {
  const at = (otherKind: ActionKind, otherStage: number): Action => ({
    kind: otherKind,
    stage: otherStage,
    microBatch,
  });
  if (kind === 'F') return stage === 0 ? [] : [at('F', stage - 1)];
  if (kind === 'W') return [at('I', stage)];
  const forward = at('F', stage);
  if (stage === schedule.stages - 1) return [forward];
  const after = stage + 1;
  return [forward, at(divided.has(`${after} ${microBatch}`) ? 'I' : 'B', after)];
}

/** The `stage micro-batch` whose backward pass is divided into I and W. */
export type Divided = ReadonlySet<string>;

export function dividedPasses({ orders }: Schedule): Divided {
  const found = orders.flat().filter(({ kind }) => kind === 'I');
  return new Set(found.map(({ stage, microBatch }) => `${stage} ${microBatch}`));
}

/** An action, or two that run side by side. */
export type Step = readonly Action[];

function stepAt(order: readonly Action[], place: number): Step {
  return order.slice(place, place + (order[place]?.overlapped ? 2 : 1));
}

/**
 * Does the actions as soon as they can be done, each rank in its order.
 * @param visit gets every step after all the actions that it waits for
 * @throws RangeError naming, for each rank that stands still, what it waits for
 */
export function walk(
  schedule: Schedule,
  visit: (step: Step, rank: number, needed: readonly Action[]) => void,
): void {
  const divided = dividedPasses(schedule);
  const done = new Set<string>();
  const places = schedule.orders.map(() => 0);
  const neededBy = (step: Step) => step.flatMap((action) => dependenciesOf(action, schedule, divided));
  const missing = (step: Step) => neededBy(step).find((needed) => !done.has(actionText(needed)));
  for (let moved = true; moved; ) {
    moved = false;
    for (const [rank, order] of schedule.orders.entries()) {
      for (;;) {
        const step = stepAt(order, places[rank]!);
        if (step.length === 0 || missing(step)) break;
        visit(step, rank, neededBy(step));
        for (const action of step) done.add(actionText(action));
        places[rank]! += step.length;
        moved = true;
      }
    }
  }
  const waits = schedule.orders.flatMap((order, rank) => {
    const step = stepAt(order, places[rank]!);
    if (step.length === 0) return [];
    return [`rank ${rank} at ${step.map(actionText).join(' with ')} for ${actionText(missing(step)!)}`];
  });
  if (waits.length > 0)
    throw new RangeError(`${schedule.name}: this order never ends; waiting: ${waits.join(', ')}`);
}
