/** `kernelbook clean`: notebooks without outputs and the traces of runs, in the bytes that Jupyter itself writes. */
import { readFile } from 'node:fs/promises';
import type { Command } from 'commander';

interface CleanOptions {
  check?: boolean;
  repair?: boolean;
}

export function registerClean(program: Command): void {
  program
    .command('clean')
    .description('strip outputs, counts and the traces of runs from notebooks, in place')
    .argument('[notebooks...]', 'notebooks or folders (default: those of this folder)')
    .option('--repair', 'also mend what is not valid, such as missing or doubled cell ids')
    .option('--check', 'change nothing; name what is not clean and exit with 1 (for hooks and CI)')
    .action(async (targets: string[], options: CleanOptions) => {
      process.exitCode = await clean(targets, options);
    });
}

/** 1 where a notebook could not be read, written, or is not clean in a check; the others are done all the same. */
async function clean(named: string[], { check = false, repair = false }: CleanOptions): Promise<number> {
  const { targetsOr } = await import('./notebook/default-targets.js');
  const { SelectionError, selectNotebooks } = await import('./notebook/select.js');
  const { NotebookFileError, readNotebook } = await import('./notebook/read.js');
  const { cleanNotebook } = await import('./notebook/clean-notebook.js');
  const { serializeNotebook } = await import('./notebook/serialize.js');
  const { FileNotReplacedError, replaceFile } = await import('./notebook/write.js');
  let status = 0;
  const fail = (line: string) => {
    console.error(`kernelbook clean: ${line}`);
    status = 1;
  };
  try {
    const { targets, without } = targetsOr(named);
    for (const { path, name } of await selectNotebooks(targets, process.cwd(), without)) {
      try {
        let mended: string | undefined;
        const notebook = await readNotebook(path, (line) => {
          mended = line.replace(path, name);
        });
        if (mended !== undefined && !repair) {
          fail(mended);
          continue;
        }
        const content = serializeNotebook(cleanNotebook(notebook));
        if ((await readFile(path, 'utf8')) === content) continue;
        if (check) fail(mended ?? `${name} is not clean`);
        else {
          await replaceFile(path, content);
          console.log(mended === undefined ? `${name}  cleaned` : `${name}  mended and cleaned`);
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
