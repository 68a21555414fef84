/** Runs compiled cells on the main thread (see `outcome.ts` for what goes in and out). */
import type { CompiledCell } from '../language/engine.js';
import type { CellContext, CellOutcome, EvaluatorHost } from './outcome.js';

export interface EvaluatorOptions<Parent> {
  /** The notebook's folder: imports and `require` resolve from here. */
  cwd: string;
  host: EvaluatorHost<Parent>;
}

export declare class Evaluator<Parent = unknown> {
  constructor(options: EvaluatorOptions<Parent>);
  /** Starts the cell; `done` is called exactly once, unless `abandon` was called before. May call it before returning. */
  run(cell: CompiledCell, parent: Parent, done: (outcome: CellOutcome) => void): void;
  /** Drops the running cell (it was interrupted): its `done` will not be called, whatever its promises do later. */
  abandon(): void;
  /** The cell whose code is running now, through awaits and timers. */
  context(): CellContext<Parent> | undefined;
}

/** Thrown into the main thread by an interrupt to clean Node's async stack: never reported. */
export const keyboardInterrupt: Error = Object.assign(new Error('KeyboardInterrupt'), {
  name: 'KeyboardInterrupt',
});
