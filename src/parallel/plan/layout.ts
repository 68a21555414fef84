/** How a model and a batch are divided over GPUs, and whether the numbers divide. */

import type { ModelShape } from '../../training/metrics/model-shape.js';
import type { Recompute } from './activations.js';

export type ZeroStage = 0 | 1 | 2 | 3;

export interface Layout {
  gpus: number;
  tensor: number;
  pipeline: number;
  context: number;
  expert: number;
  zero: ZeroStage;
  /** Stages per pipeline rank. */
  virtual: number;
  /** Of one pipeline in one step. */
  microBatches: number;
  /** Sequences in a micro-batch. */
  microBatch: number;
  /** Tokens in a sequence. */
  sequence: number;
  recompute: Recompute;
  sequenceParallel: boolean;
}

/** GPUs that hold the same parameters and see other sequences. */
export function dataRanks({ gpus, tensor, pipeline, context }: Layout): number {
  return gpus / (tensor * pipeline * context);
}

/** @throws RangeError with the numbers that do not divide, and the nearest that do */
export function checkLayout(layout: Layout, shape: ModelShape | undefined): void {
  const { gpus, tensor, pipeline, context, expert, virtual, microBatches, sequence, zero } = layout;
  for (const [name, value] of Object.entries(layout))
    if (typeof value === 'number' && name !== 'zero' && !(Number.isInteger(value) && value >= 1))
      throw new RangeError(`${name} is ${value}; it must be a whole number from 1`);
  if (![0, 1, 2, 3].includes(zero)) throw new RangeError(`ZeRO has the stages 0 to 3, not ${zero}`);
  const divides = (part: number, whole: number, partName: string, wholeName: string) => {
    if (whole % part === 0) return;
    const near = nearestDivisors(part, whole);
    throw new RangeError(
      `${wholeName} (${whole}) cannot be divided by ${partName} (${part}); ${near} would do`,
    );
  };
  const model = tensor * pipeline * context;
  if (gpus % model !== 0)
    throw new RangeError(
      `${gpus} GPUs are no multiple of tensor × pipeline × context = ${tensor} × ${pipeline} × ${context} = ${model}; ` +
        `${nearestMultiples(model, gpus)} would be`,
    );
  divides(context, sequence, 'context ranks', 'the tokens of a sequence');
  if (virtual > 1 && pipeline > 1)
    divides(pipeline, microBatches, 'pipeline ranks', 'the number of micro-batches');
  if (!shape) return;
  divides(tensor, shape.H, 'tensor ranks', 'query heads');
  if (tensor < shape.K) divides(tensor, shape.K, 'tensor ranks', 'key/value heads');
  else divides(shape.K, tensor, 'key/value heads', 'the number of tensor ranks');
  divides(tensor, shape.F, 'tensor ranks', 'the hidden dim of the feed-forward layers');
  divides(pipeline * virtual, shape.layers, 'pipeline stages', 'layers');
  if (expert === 1) return;
  if (!shape.experts) throw new RangeError(`this model has no experts to divide over ${expert} ranks`);
  divides(expert, shape.experts.E, 'expert ranks', 'experts');
  divides(expert, dataRanks(layout), 'expert ranks', 'data-parallel ranks');
}

function nearestDivisors(part: number, whole: number): string {
  let [below, above] = [Math.min(part, whole), part];
  while (whole % below !== 0) below--;
  while (above <= whole && whole % above !== 0) above++;
  return above <= whole ? `${below} or ${above}` : String(below);
}

function nearestMultiples(part: number, whole: number): string {
  const below = Math.floor(whole / part) * part;
  return below === 0 ? String(part) : `${below} or ${below + part}`;
}
