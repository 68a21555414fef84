/** What a rank must remember to go on: its parts of parameters and optimizer states, by name, whatever the partition. */
import { piecesOfPart } from '../data-parallel/layout.js';
import type { Zero } from './zero.js';

/** Of a parameter's row-major numbers those from `from` on: their float32 values, then one array per slot of the rule. */
export interface StatePiece {
  name: string;
  from: number;
  values: Float32Array[];
}

export async function statesOf(zero: Zero<never>): Promise<StatePiece[]> {
  const pieces: StatePiece[] = [];
  for (const unit of zero.units) {
    const parts = [await unit.parameters(), ...(await unit.shard.slots())];
    for (const { name, from, at, length } of piecesOfPart(unit.layout, zero.comm.rank))
      pieces.push({ name, from, values: parts.map((part) => part.slice(at, at + length)) });
  }
  return pieces;
}

/** Empty pieces of this rank's parts, to be filled. @param slots of the rule */
export function emptyStatesOf(zero: Zero<never>, slots: number): StatePiece[] {
  return zero.units.flatMap(({ layout }) =>
    piecesOfPart(layout, zero.comm.rank).map(({ name, from, length }) => ({
      name,
      from,
      values: Array.from({ length: 1 + slots }, () => new Float32Array(length)),
    })),
  );
}

/** All ranks call it. @param pieces in the order of `emptyStatesOf` @param steps that were taken */
export async function restoreStates(
  zero: Zero<never>,
  pieces: readonly StatePiece[],
  steps: number,
): Promise<void> {
  let next = 0;
  for (const unit of zero.units) {
    const parts = pieces[0]?.values.map(() => new Float32Array(unit.layout.partLength)) ?? [];
    for (const { at } of piecesOfPart(unit.layout, zero.comm.rank)) {
      for (const [n, values] of pieces[next]!.values.entries()) parts[n]!.set(values, at);
      next++;
    }
    const [parameters = new Float32Array(unit.layout.partLength), ...slots] = parts;
    await unit.set(parameters);
    unit.shard.setSlots(slots);
  }
  zero.steps = steps;
}
