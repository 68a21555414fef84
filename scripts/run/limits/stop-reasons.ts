/**
 * Why the runner itself ends a notebook's run before its last cell: a limit that was reached, a file that cannot be
 * saved, a question nobody can answer, Ctrl-C. Each is the reason of the signal that interrupts the cell.
 */
import { formatBytes } from '../bytes.js';
import type { Failure } from '../result.js';

/** How the cell took the interrupt. */
export type Ending = 'interrupted' | 'killed' | 'died';

export type Cause = Pick<Failure, 'verdict' | 'ename' | 'evalue'>;

export abstract class StopReason {
  abstract describe(ending: Ending): Cause;
}

export class Interrupted extends StopReason {
  describe(): Cause {
    return { verdict: 'interrupted', ename: 'Interrupted', evalue: 'the run was interrupted' };
  }
}

const endings: Record<Ending, string> = {
  interrupted: '',
  killed: '; the kernel did not answer the interrupt and was killed',
  died: '; the interrupt ended the kernel',
};

export class TimeLimit extends StopReason {
  /** @param setBy the option or metadata the limit comes from */
  constructor(
    readonly of: 'cell' | 'notebook',
    readonly ms: number,
    readonly setBy: string,
  ) {
    super();
  }

  describe(ending: Ending): Cause {
    return {
      verdict: 'timeout',
      ename: this.of === 'cell' ? 'KernelTimeoutError' : 'NotebookTimeoutError',
      evalue: `the ${this.of} did not finish within ${this.ms / 1000} s (${this.setBy}) and was interrupted${endings[ending]}`,
    };
  }
}

export class MemoryLimit extends StopReason {
  constructor(
    readonly used: number,
    readonly limit: number,
  ) {
    super();
  }

  describe(): Cause {
    return {
      verdict: 'dead kernel',
      ename: 'MemoryLimitError',
      evalue: `the kernel used ${formatBytes(this.used)}, more than the ${formatBytes(this.limit)} it may have (--max-memory), and was killed`,
    };
  }
}

/** A kernel asked for input although the request said that there is none. */
export class InputRefused extends StopReason {
  constructor(readonly prompt: unknown) {
    super();
  }

  describe(ending: Ending): Cause {
    return {
      verdict: 'error',
      ename: 'StdinNotImplementedError',
      evalue: `the cell asked for input (${JSON.stringify(this.prompt) ?? 'no prompt'}), which a run without a person cannot give${endings[ending]}`,
    };
  }
}

export class SaveFailure extends StopReason {
  constructor(
    readonly path: string,
    readonly error: unknown,
    /** What the file on disk holds. */
    readonly holds: () => string,
  ) {
    super();
  }

  describe(): Cause {
    return {
      verdict: 'not saved',
      ename: 'NotSavedError',
      evalue: `${this.path} could not be written: ${describeWriteError(this.error)}; ${this.holds()}`,
    };
  }
}

const writeErrors: Record<string, string> = {
  ENOSPC: 'the disk is full',
  EDQUOT: 'the disk quota is used up',
  EFBIG: 'the file would be larger than allowed',
  EROFS: 'the file system is read-only',
  EACCES: 'no permission to write there',
  EPERM: 'no permission to write there',
  ENOTDIR: 'its folder is no folder',
  EEXIST: 'its folder is no folder',
  EISDIR: 'a folder is in its place',
  EIO: 'the disk reported an error',
};

function describeWriteError(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { code } = error as NodeJS.ErrnoException;
  const known = code === undefined ? undefined : writeErrors[code];
  return known ? `${known} (${code})` : error.message;
}
