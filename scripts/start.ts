/** `kernelbook start`, the main job: run every notebook, write the guides, say where they are and what failed. */
import { availableParallelism } from 'node:os';
import { type Command, Option } from 'commander';
import { writeGuide } from './guide/command.js';
import { usualOutput, workbookHere } from './notebook/default-targets.js';
import { backendChoices, runCommand } from './run/command.js';
import { exitStatus } from './run/verdict.js';

const guides = 'build/guides';

export function registerStart(program: Command): void {
  program
    .command('start')
    .description('run all notebooks and write the study guides')
    .addOption(
      new Option('-b, --backend <name>', 'the compute backend of the notebooks').choices(backendChoices),
    )
    .action(async (options: { backend?: string }) => {
      process.exitCode = await start(options.backend);
    });
}

async function start(backend: string | undefined): Promise<number> {
  const status = await runCommand([workbookHere()], {
    parameter: [],
    output: usualOutput,
    jobs: Math.min(2, availableParallelism()),
    timeout: 600,
    check: true,
    triesDriver: true,
    // The guides show what this machine measures now.
    cache: false,
    ...(backend !== undefined && { backend }),
  });
  // Bad input, type errors or Ctrl-C: nothing, or not everything, was run.
  if (status === exitStatus.usage || status === exitStatus['type error'] || status >= exitStatus.interrupted)
    return status;
  console.log('');
  const guide = await writeGuide([usualOutput], guides);
  return Math.max(status, guide);
}
