/** Which tokens of a batch a rank computes. */
import type { Communicator } from '../../../parallel/communicator/index.js';
import { type ContextForm, contextPositions } from '../../../parallel/context-parallel/index.js';

/** Token ids [B,T], the same on all ranks of the tensor, context and expert groups; T − 1 positions are predicted, as in `Llama.loss`. */
export interface LlamaBatch {
  ids: Int32Array;
  shape: readonly [B: number, T: number];
}

export interface LlamaGroups {
  /** Ranks that share every matrix. */
  tensor?: Communicator | undefined;
  /** Ranks that share a sequence. */
  context?: Communicator | undefined;
  /** Ranks that share the experts; each takes its part of the sequences of the batch. */
  expert?: Communicator | undefined;
}

export interface OwnTokens {
  ids: Int32Array;
  targets: Int32Array;
  shape: [B: number, T: number];
  /** [T], in the order of the tokens. */
  positions: number[];
  /** Tokens of all ranks. */
  total: number;
  /** Of the whole sequence. */
  length: number;
}

/** @throws RangeError when the ids are not [B,T] or no words, or sequences or tokens do not divide over the ranks */
export function ownTokens(
  { ids, shape: [B, T] }: LlamaBatch,
  { tensor, context, expert }: LlamaGroups,
  { V, form, sequenceParallel }: { V: number; form: ContextForm; sequenceParallel: boolean },
): OwnTokens {
  if (!(ids instanceof Int32Array) || ids.length !== B * T || T < 2)
    throw new RangeError(
      `a batch must be {ids: Int32Array of B T ids, shape: [B,T]} with T ≥ 2, got ${ids?.length} ids for [${B},${T}]`,
    );
  const wrong = ids.findIndex((id) => !(id >= 0 && id < V));
  if (wrong >= 0)
    throw new RangeError(
      `the id ${ids[wrong]} of sequence ${Math.floor(wrong / T)}, token ${wrong % T}, is no word; ids are 0 to ${V - 1}`,
    );
  const sharers = expert?.size ?? 1;
  if (B % sharers !== 0)
    throw new RangeError(
      `${B} sequences do not divide over ${sharers} expert ranks; nearest: ${nearest(B, sharers)}`,
    );
  const [rows, length] = [B / sharers, T - 1];
  const positions = contextPositions(form, length, context);
  const splits = sequenceParallel ? (tensor?.size ?? 1) : 1;
  if (positions.length % splits !== 0)
    throw new RangeError(
      `sequence parallelism divides the ${positions.length} positions of a rank (ids have one more token in a sequence) ` +
        `over ${splits} ranks; nearest: ${nearest(positions.length, splits)}`,
    );
  const first = rows * (expert?.rank ?? 0);
  const pick = (ahead: number) =>
    Int32Array.from({ length: rows * positions.length }, (_, n) => {
      const row = first + Math.floor(n / positions.length);
      return ids[row * T + positions[n % positions.length]! + ahead]!;
    });
  return {
    ids: pick(0),
    targets: pick(1),
    shape: [rows, positions.length],
    positions,
    total: B * length,
    length,
  };
}

function nearest(value: number, part: number): string {
  const below = Math.floor(value / part) * part;
  return `${below > 0 ? `${below} or ` : ''}${below + part}`;
}
