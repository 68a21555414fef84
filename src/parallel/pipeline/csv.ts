/**
 * Schedules in the CSV form of PyTorch's `torch.distributed.pipelining`: a line per rank, an action per field, an empty
 * field where the rank waits, and `(0F4;7B0)OVERLAP_F_B` where two run side by side.
 */
import { type Action, actionText, parseAction, type Schedule } from './action.js';

export function scheduleToCsv({ orders }: Schedule): string {
  return orders.map((order) => `${fieldsOf(order).join(',')}\n`).join('');
}

function fieldsOf(order: readonly Action[]): string[] {
  return order.flatMap((action, n) => {
    if (order[n - 1]?.overlapped) return [];
    const text = actionText(action);
    return action.overlapped ? [`(${text};${actionText(order[n + 1]!)})OVERLAP_F_B`] : [text];
  });
}

/** @throws RangeError naming the line and field that is no action, or a stage that two lines have */
export function scheduleFromCsv(text: string, name = 'csv'): Schedule {
  const lines = text.split(/\r?\n/).filter((line, n, all) => line !== '' || n < all.length - 1);
  const orders = lines.map((line, rank) =>
    line.split(',').flatMap((field, column) => {
      try {
        return actionsOf(field.trim());
      } catch (error) {
        throw new RangeError(`${name}: line ${rank + 1}, field ${column + 1}: ${(error as Error).message}`);
      }
    }),
  );
  const rankOf: number[] = [];
  let microBatches = 0;
  for (const [rank, order] of orders.entries()) {
    for (const { stage, microBatch } of order) {
      if (rankOf[stage] !== undefined && rankOf[stage] !== rank)
        throw new RangeError(
          `${name}: stage ${stage} is on line ${rankOf[stage] + 1} and on line ${rank + 1}`,
        );
      rankOf[stage] = rank;
      microBatches = Math.max(microBatches, microBatch + 1);
    }
  }
  return { name, ranks: orders.length, stages: rankOf.length, microBatches, rankOf, orders };
}

function actionsOf(field: string): Action[] {
  if (field === '') return [];
  const overlap = /^\((.+)\)OVERLAP_F_B$/.exec(field);
  if (!overlap) return [parseAction(field)];
  const [forward, backward, ...more] = overlap[1]!.split(';').map(parseAction);
  if (forward?.kind !== 'F' || backward?.kind !== 'B' || more.length > 0)
    throw new RangeError(`'${field}' is no pair of F and B`);
  return [{ ...forward, overlapped: true }, backward];
}
