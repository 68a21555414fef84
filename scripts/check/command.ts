/** `kernelbook check`: its options, and what it prints. */
import { dirname } from 'node:path';
import type { Command } from 'commander';
import { defaultNotebooks } from '../run/command.js';
import { exitStatus } from '../run/verdict.js';
import type { CheckJob } from './check-all.js';
import { type CheckedNotebook, errorsOf } from './finding.js';

export interface CheckOptions {
  kernel?: string;
  strict?: boolean;
}

export function registerCheck(program: Command): void {
  program
    .command('check')
    .description('check notebooks across their cells without running them: types, and names')
    .argument('[notebooks...]', 'notebooks or folders (default: the notebooks of this project)')
    .option('-k, --kernel <name>', 'the kernel to check for, whatever the notebooks name')
    .option('--strict', 'warnings about names fail too')
    .action(async (targets: string[], options: CheckOptions) => {
      process.exitCode = await check(targets.length > 0 ? targets : [defaultNotebooks()], options);
    });
}

async function check(targets: string[], options: CheckOptions): Promise<number> {
  const { selectNotebooks, SelectionError } = await import('../notebook/select.js');
  const { checkAll } = await import('./check-all.js');
  const { Engines } = await import('./engines.js');
  const fail = (line: string) => console.error(`kernelbook check: ${line}`);
  const engines = new Engines(1);
  try {
    const selected = await selectNotebooks(targets);
    const { jobs, faults, foreign } = await readJobs(selected, options.kernel);
    for (const fault of faults) fail(fault);
    const checked = await checkAll(jobs, engines);
    const status = await report(checked, foreign, options);
    return faults.length > 0 ? exitStatus.usage : status;
  } catch (error) {
    if (!(error instanceof SelectionError)) throw error;
    fail(error.message);
    return exitStatus.usage;
  } finally {
    engines.close();
  }
}

interface Jobs {
  jobs: CheckJob[];
  /** A line for each file that is no notebook. */
  faults: string[];
  /** Notebooks of other kernels, and which. */
  foreign: { name: string; kernel: string | undefined }[];
}

async function readJobs(
  selected: { path: string; name: string }[],
  kernel: string | undefined,
): Promise<Jobs> {
  const { readNotebook, NotebookFileError } = await import('../notebook/read.js');
  const { checkedDialect } = await import('./own-kernel.js');
  const jobs: Jobs = { jobs: [], faults: [], foreign: [] };
  for (const { path, name } of selected) {
    try {
      const notebook = await readNotebook(path);
      const written = notebook.metadata.kernelspec?.name;
      const dialect = checkedDialect(written, kernel);
      if (dialect === undefined) jobs.foreign.push({ name, kernel: kernel ?? written });
      else jobs.jobs.push({ name, path, notebook, cwd: dirname(path), dialect });
    } catch (error) {
      if (!(error instanceof NotebookFileError)) throw error;
      jobs.faults.push(error.message.replace(path, name));
    }
  }
  return jobs;
}

async function report(
  checked: CheckedNotebook[],
  foreign: Jobs['foreign'],
  options: CheckOptions,
): Promise<number> {
  const { countText, findingsText, foreignText } = await import('./report.js');
  const text = findingsText(checked, () => true, process.stdout.hasColors?.() ?? false);
  if (text) console.log(`${text}\n`);
  if (foreign.length > 0) console.log(foreignText(foreign));
  console.log(`Checked: ${countText(checked)}.`);
  const hasErrors = checked.some((one) => errorsOf(one).length > 0);
  const hasWarnings = checked.some(({ findings }) => findings.length > 0);
  return hasErrors || (options.strict && hasWarnings) ? exitStatus['type error'] : exitStatus.passed;
}
