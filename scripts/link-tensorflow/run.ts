/** Runs the programs of the link step by step, and turns a failure into one line that names the step. */
import { spawnSync } from 'node:child_process';

/** A failed step, for the user: what failed, and what to do. */
export class LinkError extends Error {
  override name = 'LinkError';
}

export interface RunOptions {
  /** The step, for the error message. */
  what: string;
  minutes: number;
  cwd?: string;
  env?: NodeJS.ProcessEnv;
}

/** Standard output of the program. @throws LinkError with the last lines it wrote. */
export function runProgram(program: string, args: readonly string[], options: RunOptions): string {
  const child = spawnSync(program, args, {
    cwd: options.cwd,
    env: options.env ?? process.env,
    encoding: 'utf8',
    timeout: options.minutes * 60_000,
    maxBuffer: 64 * 2 ** 20,
  });
  if (child.error) {
    const { code } = child.error as NodeJS.ErrnoException;
    const cause =
      code === 'ENOENT'
        ? `${program} was not found`
        : code === 'ETIMEDOUT'
          ? `no end after ${options.minutes} minutes`
          : child.error.message;
    throw new LinkError(`${options.what} failed: ${cause}`);
  }
  if (child.status !== 0) {
    const lines = `${child.stderr}\n${child.stdout}`.split('\n').filter((line) => line.trim() !== '');
    throw new LinkError(`${options.what} failed (${exitOf(child)}):\n  ${pick(lines).join('\n  ')}`);
  }
  return child.stdout;
}

function exitOf({ status, signal }: { status: number | null; signal: NodeJS.Signals | null }): string {
  return signal ? `signal ${signal}` : `exit code ${status}`;
}

/** The lines worth showing: those that say "error", else the last ones. */
function pick(lines: readonly string[]): readonly string[] {
  const errors = lines.filter((line) => /\berror\b/i.test(line));
  return errors.length > 0 ? errors.slice(0, 6) : lines.slice(-6);
}
