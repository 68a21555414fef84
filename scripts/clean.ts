/** `kernelbook clean`: notebooks without outputs and the traces of runs, in the bytes that Jupyter itself writes. */
import { readFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { defaultNotebooks } from './run/command.js';

interface CleanOptions {
  check?: boolean;
}

export function registerClean(program: Command): void {
  program
    .command('clean')
    .description('strip outputs, counts and the traces of runs from notebooks, in place')
    .argument('[notebooks...]', 'notebooks or folders (default: the notebooks of this project)')
    .option('--check', 'change nothing; name what is not clean and exit with 1 (for hooks and CI)')
    .action(async (targets: string[], options: CleanOptions) => {
      process.exitCode = await clean(targets, options.check === true);
    });
}

/** 1 where a notebook could not be read, written, or is not clean in a check; the others are done all the same. */
async function clean(targets: string[], check: boolean): Promise<number> {
  const { SelectionError, selectNotebooks } = await import('./notebook/select.js');
  const { NotebookFileError, readNotebook } = await import('./notebook/read.js');
  const { withoutVolatile } = await import('./notebook/volatile.js');
  const { serializeNotebook } = await import('./notebook/serialize.js');
  const { FileNotReplacedError, replaceFile } = await import('./notebook/write.js');
  let status = 0;
  const fail = (line: string) => {
    console.error(`kernelbook clean: ${line}`);
    status = 1;
  };
  try {
    for (const { path, name } of await selectNotebooks(targets.length > 0 ? targets : [defaultNotebooks()])) {
      try {
        const notebook = await readNotebook(path);
        const content = serializeNotebook(withoutVolatile(notebook));
        if ((await readFile(path, 'utf8')) === content) continue;
        if (check) fail(`${name} is not clean`);
        else {
          await replaceFile(path, content);
          console.log(`${name}  cleaned`);
        }
      } catch (error) {
        if (error instanceof NotebookFileError || error instanceof FileNotReplacedError)
          fail(error.message.replace(path, name));
        else if (isSystemError(error)) fail(`${name}: ${error.message}`);
        else throw error;
      }
    }
  } catch (error) {
    if (!(error instanceof SelectionError)) throw error;
    console.error(`kernelbook clean: ${error.message}`);
    return 2;
  }
  if (check && status !== 0) console.error('clean with: kernelbook clean');
  return status;
}

function isSystemError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && 'code' in error && 'syscall' in error;
}
