/**
 * How a notebook's run ended, and the exit status of the command that ran it: one per kind of end, so that a build
 * can tell a wrong value from a broken machine without reading the log.
 */

export type Verdict =
  | 'passed'
  | 'skipped'
  | 'error'
  | 'assertion'
  | 'type error'
  | 'timeout'
  | 'dead kernel'
  | 'not saved'
  /** What was asked for could not be run at all. */
  | 'usage'
  | 'interrupted';

/** 2 is that of bad usage, 130 and 143 those of Ctrl-C and SIGTERM, as shells have them. */
export const exitStatus = {
  passed: 0,
  skipped: 0,
  /** A cell raised an error nobody expected. */
  error: 1,
  usage: 2,
  /** A check, a golden output or a budget was not met. */
  assertion: 3,
  timeout: 4,
  'dead kernel': 5,
  'type error': 6,
  'skipped but required': 7,
  /** The executed notebook could not be written. */
  'not saved': 8,
  interrupted: 130,
} as const;

/** Where several notebooks ended badly, the status is that of the fault farthest from the notebook's own code. */
const gravest: Verdict[] = [
  'interrupted',
  'not saved',
  'dead kernel',
  'timeout',
  'error',
  'type error',
  'assertion',
];

/**
 * The exit status of a run of several notebooks.
 * @param mustNotSkip whether something was skipped that had to run
 */
export function statusOf(verdicts: readonly Verdict[], mustNotSkip = false): number {
  const worst = gravest.find((verdict) => verdicts.includes(verdict));
  if (worst !== undefined) return exitStatus[worst];
  return mustNotSkip ? exitStatus['skipped but required'] : exitStatus.passed;
}

const verdictsOfErrors: Record<string, 'assertion' | 'type error'> = {
  // Ours, then that of Node's assert and Python's.
  VerificationError: 'assertion',
  AssertionError: 'assertion',
  CompileError: 'type error',
};

/** What the name of an error that a cell raised says of the notebook. */
export function verdictOfError(ename: string): 'error' | 'assertion' | 'type error' {
  return Object.hasOwn(verdictsOfErrors, ename) ? verdictsOfErrors[ename]! : 'error';
}
