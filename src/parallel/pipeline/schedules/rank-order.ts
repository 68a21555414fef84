/** Writes the actions of one rank in order: it knows which micro-batch of a stage comes next, and which weights wait. */
import type { Action } from '../action.js';

export class RankOrder {
  readonly actions: Action[] = [];
  readonly #forwards = new Map<number, number>();
  readonly #backwards = new Map<number, number>();
  readonly #waiting: Action[] = [];

  forward(stage: number): void {
    this.actions.push({ kind: 'F', stage, microBatch: next(this.#forwards, stage) });
  }

  /** A forward pass of one stage side by side with a whole backward pass of another. */
  overlapped(forward: number, backward: number): void {
    this.actions.push({
      kind: 'F',
      stage: forward,
      microBatch: next(this.#forwards, forward),
      overlapped: true,
    });
    this.backward(backward);
  }

  /** The whole backward pass. */
  backward(stage: number): void {
    this.actions.push({ kind: 'B', stage, microBatch: next(this.#backwards, stage) });
  }

  /** The gradient of the stage's input; that of its weights waits for a call of `weights`. */
  inputGradient(stage: number): void {
    const microBatch = next(this.#backwards, stage);
    this.actions.push({ kind: 'I', stage, microBatch });
    this.#waiting.push({ kind: 'W', stage, microBatch });
  }

  /** The weight gradients that have waited longest. */
  weights(): void {
    this.actions.push(this.#waiting.shift()!);
  }

  get waitingWeights(): number {
    return this.#waiting.length;
  }
}

function next(counts: Map<number, number>, stage: number): number {
  const count = counts.get(stage) ?? 0;
  counts.set(stage, count + 1);
  return count;
}
