/** A model's layers as stages of a pipeline: pieces one behind the other, as equal as they can be. */
import { formatCount } from '../../display/format.js';
import type { Layer } from '../layer.js';

/** How many numbers a layer's parameters hold; one that several layers share counts in each. */
export function parameterCount({ parameters }: Layer<never>): number {
  return [...parameters.values()].reduce((sum, { size }) => sum + size, 0);
}

/**
 * Cuts a list into so many pieces of at least one layer that the dearest piece is as cheap as possible: it sets the rate of the whole
 * pipeline. Of the cuts that are equally good, the one whose last pieces are longest, since the first rank keeps most activations.
 * @param costOf of one layer; default the number of its parameters. `() => 1` cuts by count
 * @throws RangeError when there are fewer layers than stages
 */
export function cutIntoStages<T extends Layer<never>>(layers: readonly T[], stages: number): T[][];
export function cutIntoStages<T>(layers: readonly T[], stages: number, costOf: (layer: T) => number): T[][];
export function cutIntoStages<T>(
  layers: readonly T[],
  stages: number,
  costOf: (layer: T) => number = parameterCount as never,
): T[][] {
  if (!Number.isInteger(stages) || stages < 1)
    throw new RangeError(
      `cutIntoStages: the number of stages is ${stages}; it must be a whole number from 1`,
    );
  if (layers.length < stages)
    throw new RangeError(
      `${formatCount(layers.length, 'layer')} cannot be cut into ${stages} stages, each of which needs at least one; nearest: ${layers.length}`,
    );
  const sums = [0];
  for (const layer of layers) sums.push(sums.at(-1)! + costOf(layer));
  // best[k][n]: the dearest of k pieces of the first n layers, and where the last of them begins.
  const best: { cost: number; from: number }[][] = [[{ cost: 0, from: 0 }]];
  for (let pieces = 1; pieces <= stages; pieces++) {
    best[pieces] = [];
    for (let n = pieces; n <= layers.length - (stages - pieces); n++) {
      let found = { cost: Infinity, from: pieces - 1 };
      for (let from = pieces - 1; from < n; from++) {
        const before = best[pieces - 1]![from];
        if (!before) continue;
        const cost = Math.max(before.cost, sums[n]! - sums[from]!);
        if (cost < found.cost) found = { cost, from };
      }
      best[pieces]![n] = found;
    }
  }
  const cut: T[][] = [];
  for (let pieces = stages, end = layers.length; pieces > 0; pieces--) {
    const { from } = best[pieces]![end]!;
    cut.unshift(layers.slice(from, end));
    end = from;
  }
  return cut;
}
