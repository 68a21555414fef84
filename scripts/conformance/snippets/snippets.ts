/**
 * The code that the checks run, one entry per thing a kernel can be asked to do. A language says it once; what a
 * kernel has no way to do is said with the reason, and its checks are then not applicable.
 */

/** No way to do this in this kernel, and why. */
export interface Missing {
  missing: string;
}

export interface Snippets {
  /** An expression whose text/plain contains `42`. */
  value: string;
  /** A statement without a result. */
  statement: string;
  /** Prints `out` and a newline to stdout. */
  stdout: string;
  /** Prints `err` and a newline to stderr. */
  stderr: string;
  /** Prints `line 0` to `line 19999`, one per line. */
  lines: string;
  /** Shows text/plain `shown` as display_data. */
  display: string | Missing;
  /** Shows `first` under a display id and updates it to `second`. */
  displayUpdate: string | Missing;
  clearOutput: string | Missing;
  /** Fails with a message that contains `boom`. */
  failure: string;
  /** Runs for about 0.4 s and then fails. */
  lateFailure: string;
  /** Runs for about 2 s and blocks the thread that runs cells. */
  busy: string;
  /** Lets other shells run until one of them has run `release`; fails after 10 s without. */
  waits: string;
  release: string;
  /** Gives a name to something that `useDefined`, a cell of its own, shows as `42`. */
  define: string;
  useDefined: string;
  /** Ends at once, prints `late` 0.5 s later. */
  lateOutput: string | Missing;
  /** Is `42` in user_expressions. */
  expression: string;
  badExpression: string;
  complete: string;
  incomplete: string;
  invalid: string;
  /** Code with emoji whose completion at the end offers `completion`, in place of its last `completed` code points. */
  completable: string;
  completion: string;
  completed: number;
  /** The end of this code is something the kernel knows; `documented` is in what it says. */
  inspectable: string;
  documented: string;
  unknown: string;
  /** Asks `name?` on stdin; the result contains the answer. */
  input: string | Missing;
  password: string | Missing;
  /** Registers the comm target `conformance`, which answers data d by { echo: d } and each buffer with its bytes inverted. */
  commInverts: string | Missing;
  /** Asks for help on what `documented` names. */
  pager: string | Missing;
  interruptLoop: string;
  interruptAfterAwait: string;
  interruptTimer: string;
  interruptPending: string;
  interruptSleep: string;
  interruptCatchAll: string;
  interruptPrinting: string;
  interruptMicrotask: string | Missing;
  interruptGenerator: string;
  interruptSort: string;
}

/** The entries that are code a kernel runs or reads. */
export type SnippetName = Exclude<keyof Snippets, 'completed'>;
