/** Whether a schedule does all of the work, in an order that ends. */
import { actionText, type Schedule } from './action.js';
import { dividedPasses, walk } from './dependencies.js';

/**
 * Every stage has one forward and one backward pass of every micro-batch (B, or I and W), on the rank that holds it, after
 * what it waits for; and no rank waits for ever.
 * @throws RangeError naming what is wrong and where
 */
export function validateSchedule(schedule: Schedule): void {
  const { name, stages, microBatches, rankOf, orders } = schedule;
  const seen = new Set<string>();
  for (const [rank, order] of orders.entries()) {
    for (const action of order) {
      const text = actionText(action);
      const { stage, microBatch } = action;
      if (stage >= stages || microBatch >= microBatches)
        throw new RangeError(`${name}: ${text} is beyond ${stages} stages and ${microBatches} micro-batches`);
      if (rankOf[stage] !== rank)
        throw new RangeError(
          `${name}: rank ${rank} has ${text}, but stage ${stage} is on rank ${rankOf[stage]}`,
        );
      if (seen.has(text)) throw new RangeError(`${name}: ${text} stands twice in rank ${rank}'s order`);
      seen.add(text);
    }
  }
  const divided = dividedPasses(schedule);
  for (let stage = 0; stage < stages; stage++) {
    for (let microBatch = 0; microBatch < microBatches; microBatch++) {
      const place = `${stage} ${microBatch}`;
      const wanted = divided.has(place) ? (['F', 'I', 'W'] as const) : (['F', 'B'] as const);
      for (const kind of wanted) {
        const text = actionText({ kind, stage, microBatch });
        if (!seen.delete(text)) throw new RangeError(`${name}: ${text} is missing`);
      }
    }
  }
  const [extra] = seen;
  if (extra !== undefined)
    throw new RangeError(`${name}: ${extra} is done although the backward pass is divided otherwise`);
  walk(schedule, () => {});
}

/** The largest number of chunks (a stage's activations of one micro-batch) that each rank keeps: from F until B or W. */
export function peakLive({ orders }: Schedule): number[] {
  return orders.map((order) => {
    let live = 0;
    let peak = 0;
    for (const { kind } of order) {
      if (kind === 'F') peak = Math.max(peak, ++live);
      else if (kind !== 'I') live--;
    }
    return peak;
  });
}
