/** `kernelbook convert`: notebooks to TypeScript files and back. */
import { type Command, Option } from 'commander';
import type { Form } from './convert.js';

interface ConvertCommandOptions {
  to?: Form;
  output?: string;
  force?: boolean;
}

export function registerConvert(program: Command): void {
  program
    .command('convert')
    .description("notebooks to TypeScript files in jupytext's percent form, and back")
    .argument(
      '<files...>',
      'notebooks (.ipynb), texts (.ts) or folders; of two files of both kinds, from and to',
    )
    .addOption(
      new Option('--to <form>', 'what the files become; needed for folders').choices(['ts', 'ipynb']),
    )
    .option('-o, --output <folder>', 'where the results go (default: beside their sources)')
    .option('-f, --force', 'also over files that are newer or are no notebooks')
    .addHelpText(
      'after',
      '\nA notebook that is there is updated: cells whose source is unchanged keep their outputs.\nThe text has everything else of a notebook, cell ids too.',
    )
    .action(async (files: string[], options: ConvertCommandOptions) => {
      process.exitCode = await convert(files, options);
    });
}

/** 1 where a file could not be converted or was not written over; the others are done all the same. */
async function convert(names: string[], options: ConvertCommandOptions): Promise<number> {
  const { ConvertUsageError, convertFile, planConversions } = await import('./convert.js');
  const { NotebookFileError } = await import('../notebook/read.js');
  const { FileNotReplacedError } = await import('../notebook/write.js');
  let status = 0;
  const fail = (line: string) => {
    console.error(`kernelbook convert: ${line}`);
    status = 1;
  };
  try {
    const plans = await planConversions(names, { to: options.to, output: options.output });
    for (const plan of plans) {
      try {
        const outcome = await convertFile(plan, options.force === true, (line) =>
          console.error(`kernelbook convert: ${line}`),
        );
        if (typeof outcome === 'string') console.log(`${plan.target}  ${outcome}`);
        else fail(`${plan.target} ${outcome.refused}; write over it with --force`);
      } catch (error) {
        if (!(error instanceof NotebookFileError || error instanceof FileNotReplacedError)) throw error;
        fail(error.message);
      }
    }
    return status;
  } catch (error) {
    if (!(error instanceof ConvertUsageError)) throw error;
    console.error(`kernelbook convert: ${error.message}`);
    return 2;
  }
}
