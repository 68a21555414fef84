/** SwiGLU split along its hidden dim: two column-parallel layers and a row-parallel one, one sum in each pass. */
import { gatedActivation } from '../../layers/activation/glu.js';
import type { Tape, Value } from '../tape/index.js';
import { columnLinear, rowLinear } from './linear.js';
import { enterRegion, type TensorGroup } from './region.js';

/** Of one rank: wGate and wUp [F/n,C], wDown [C,F/n], bGate and bUp [F/n], bDown [C]. */
export interface SwiGluShards {
  wGate: Value;
  wUp: Value;
  wDown: Value;
  bGate?: Value | undefined;
  bUp?: Value | undefined;
  bDown?: Value | undefined;
}

/** x [B,T,C] (or its part of the sequence) -> the same shape; see `swiGluFfn`. */
export async function parallelSwiGlu(
  tape: Tape,
  group: TensorGroup,
  x: Value,
  { wGate, wUp, wDown, bGate, bUp, bDown }: SwiGluShards,
): Promise<Value> {
  const entered = await enterRegion(tape, x, group);
  const up = columnLinear(tape, entered, wUp, bUp);
  const gate = columnLinear(tape, entered, wGate, bGate);
  const hidden = tape.local('swiglu', (value, g) => gatedActivation(value!, g!, 'silu'), up, gate);
  return rowLinear(tape, group, hidden, wDown, bDown);
}
