/** What can go wrong between a client and its kernel, told apart by class. */
import type { KernelExit } from './kernel-process.js';

export class KernelStartError extends Error {
  override name = 'KernelStartError';
}

/** The kernel process ended although nobody asked it to. */
export class KernelDiedError extends Error {
  override name = 'KernelDiedError';
  /** @param note what else is known of the end */
  constructor(
    kernel: string,
    readonly exit: KernelExit,
    note = '',
  ) {
    super(
      `the kernel ${kernel} died (${describeExit(exit)}${note})${fatalError(exit.log) ?? lastLines(exit.log)}`,
    );
  }
}

/** The cell took longer than allowed; `killed` says whether the interrupt was not enough. */
export class KernelTimeoutError extends Error {
  override name = 'KernelTimeoutError';
  constructor(
    readonly timeoutMs: number,
    readonly killed: boolean,
  ) {
    super(
      `the cell did not finish within ${timeoutMs / 1000} s and was interrupted${killed ? '; the kernel did not answer the interrupt and was killed' : ''}`,
    );
  }
}

export function describeExit({ code, signal }: KernelExit): string {
  if (signal) return `signal ${signal}`;
  return code === null ? 'could not be started' : `exit code ${code}`;
}

/** What V8 says when it gives up; the machine addresses that follow help nobody here. */
function fatalError(log: string): string | undefined {
  const [, what] = /^FATAL ERROR: (.+)$/m.exec(log) ?? [];
  if (what === undefined) return undefined;
  const help = what.includes('heap out of memory')
    ? '; NODE_OPTIONS=--max-old-space-size=8192 lets the heap grow to 8192 MiB'
    : '';
  return `: ${what}${help}`;
}

export function lastLines(log: string, count = 8): string {
  const lines = log.trimEnd().split('\n').slice(-count);
  return lines.length > 1 || lines[0] ? `:\n${lines.join('\n')}` : '';
}
