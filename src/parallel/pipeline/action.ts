/**
 * What a rank of a pipeline does, one action after the other. A *stage* is a piece of the model; a rank holds one or
 * several of them. `F` is a stage's forward pass for one micro-batch, `B` its whole backward pass, which may be divided into
 * `I`, the gradient of the stage's input, which the stage before waits for, and `W`, the gradients of its weights, which
 * nobody waits for (Qi et al. 2023, arXiv:2401.10241).
 */
export type ActionKind = 'F' | 'B' | 'I' | 'W';

export interface Action {
  readonly kind: ActionKind;
  /** From 0 at the model's input. */
  readonly stage: number;
  readonly microBatch: number;
  /** A forward pass that runs side by side with the next action of its rank, a B: both start together and end together. */
  readonly overlapped?: true;
}

/** As PyTorch writes it: `2F0` is the forward pass of stage 2 for micro-batch 0. */
export function actionText({ kind, stage, microBatch }: Action): string {
  return `${stage}${kind}${microBatch}`;
}

/** @throws RangeError naming the text when it is no action. */
export function parseAction(text: string): Action {
  const match = /^(\d+)([FBIW])(\d+)$/.exec(text);
  if (!match)
    throw new RangeError(`'${text}' is no action: a stage, one of F, B, I, W and a micro-batch, as in 2F0`);
  return { stage: Number(match[1]), kind: match[2] as ActionKind, microBatch: Number(match[3]) };
}

/** A schedule of a pipeline as data: what a generator makes, the validator checks, the simulator times, the executor runs. */
export interface Schedule {
  readonly name: string;
  /** How many ranks there are; P in the formulas. */
  readonly ranks: number;
  /** Stages of the whole model: P times the stages of a rank (v). */
  readonly stages: number;
  /** m in the formulas. */
  readonly microBatches: number;
  /** Which rank holds a stage. */
  readonly rankOf: readonly number[];
  /** The actions of each rank in the order in which it does them. */
  readonly orders: readonly (readonly Action[])[];
}
