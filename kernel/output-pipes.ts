/**
 * Pipes for what is written past JavaScript's streams: by programs that a cell starts with its own stdout and stderr
 * (`stdio: 'inherit'`, `fork`), by native code and WebAssembly, by `writeSync(1, …)`. The protocol worker reads them, also
 * while the main thread waits in `execSync`. Descriptor 1 becomes a pipe itself. Descriptor 2 stays what the starter of
 * the kernel gave: the kernel's log goes there, and the last words of V8 when the process dies, which no thread of it could
 * read any more. Programs get a pipe in its place (`evaluator/inherited-output.ts`).
 */
import { execFileSync } from 'node:child_process';
import { closeSync, constants, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { log } from './log.js';

export interface OutputPipes {
  /** What the worker reads. */
  read: { stdout: number; stderr: number };
  /** What stands for descriptor 2. */
  stderr: number;
}

const stdout = 1;

/**
 * To be called while this is the only thread: the system gives the lowest free descriptor, which is how a new one becomes
 * descriptor 1. Undefined where it cannot be done, with a line in the log; Windows has no such pipes.
 */
export function openOutputPipes(): OutputPipes | undefined {
  if (process.platform === 'win32') return undefined;
  let folder: string | undefined;
  try {
    folder = mkdtempSync(join(tmpdir(), 'kernelbook-output-'));
    const paths = { stdout: join(folder, 'stdout'), stderr: join(folder, 'stderr') };
    execFileSync('mkfifo', ['-m', '600', paths.stdout, paths.stderr], { stdio: 'ignore' });
    const reading = constants.O_RDONLY | constants.O_NONBLOCK;
    const read = { stdout: openSync(paths.stdout, reading), stderr: openSync(paths.stderr, reading) };
    const stderr = openSync(paths.stderr, constants.O_WRONLY);
    closeSync(stdout);
    const opened = openSync(paths.stdout, constants.O_WRONLY);
    if (opened !== stdout) throw new Error(`the pipe for descriptor ${stdout} became descriptor ${opened}`);
    return { read, stderr };
  } catch (error) {
    log(`what programs write to the stdout and stderr they share with a cell is not shown: ${error}`);
    return undefined;
  } finally {
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true }); // the pipes live on without a name
  }
}
