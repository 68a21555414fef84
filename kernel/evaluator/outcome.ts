/**
 * What the evaluator hands to the kernel: the outcome of a cell, and the services it needs from the kernel.
 * All calls are callbacks on the main thread; nothing here is a promise, because the promises of an
 * interrupted cell never settle.
 */
import type { MimeBundle } from '../../src/display/display.js';
import type { CommMessage } from '../comms/messages.js';

export interface ErrorReport {
  ename: string;
  evalue: string;
  /** Lines with ANSI colours, naming `cell N, line L` in the user's TypeScript. */
  traceback: string[];
}

/** Of a cell that failed, `undone` are the names that it declares and that had no value yet: they stay as they were. */
export type CellOutcome =
  | { status: 'ok'; result?: MimeBundle }
  | ({ status: 'error'; undone: readonly string[] } & ErrorReport);

export interface DisplayOutput {
  data: MimeBundle;
  metadata: Record<string, unknown>;
  displayId?: string;
  /** True: replace the outputs shown under `displayId`. */
  update: boolean;
}

/** What code belongs to; follows the code through awaits, timers and callbacks. */
export interface CellContext<Parent = unknown> {
  /** The cell's number; 0 where a message of the front end set the code off. */
  count: number;
  /** Opaque to the evaluator: the kernel keeps the parent header here. */
  parent: Parent;
}

/** What the kernel provides. `context` is undefined when no cell can be held responsible. */
export interface EvaluatorHost<Parent = unknown> {
  display(output: DisplayOutput, context: CellContext<Parent> | undefined): void;
  /** Text for the stderr stream: exceptions in timers, unhandled rejections. */
  stderr(text: string, context: CellContext<Parent> | undefined): void;
  /** Clears the outputs of the cell: at once, or with `wait` when the next output comes. */
  clearOutput?(wait: boolean, context: CellContext<Parent> | undefined): void;
  /** Sends a comm message to the front end; absent where there is none to take it. */
  comm?(message: CommMessage, context: CellContext<Parent> | undefined): void;
  /** Asks the front end for a line; absent where there is no stdin. */
  input?(prompt: string, password: boolean, context: CellContext<Parent> | undefined): Promise<string>;
}
