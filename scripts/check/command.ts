/** `kernelbook check`: its options, and the exit status of one check or of watching. */
import type { Command } from 'commander';
import { type Targets, targetsOr } from '../notebook/default-targets.js';
import { exitStatus } from '../run/verdict.js';
import { type CheckedNotebook, errorsOf } from './finding.js';

export interface CheckOptions {
  kernel?: string;
  strict?: boolean;
  sarif?: string;
  github?: boolean;
  watch?: boolean;
}

export function registerCheck(program: Command): void {
  program
    .command('check')
    .description('check notebooks across their cells without running them: types, and names')
    .argument('[notebooks...]', 'notebooks or folders (default: those of this folder)')
    .option('-k, --kernel <name>', 'the kernel to check for, whatever the notebooks name')
    .option('--strict', 'warnings about names fail too')
    .option('--sarif <file>', 'write the findings as a SARIF log too')
    .option('--github', 'print them as annotations of GitHub Actions too (there by itself)')
    .option('-w, --watch', 'go on, and check again what changes')
    .action(async (targets: string[], options: CheckOptions) => {
      process.exitCode = await check(targetsOr(targets), options);
    });
}

async function check({ targets, without }: Targets, options: CheckOptions): Promise<number> {
  const { selectNotebooks, SelectionError } = await import('../notebook/select.js');
  const { checkAll } = await import('./check-all.js');
  const { Engines } = await import('./engines.js');
  const { readJobs } = await import('./read-jobs.js');
  const { requireKernel } = await import('./own-kernel.js');
  const { KernelSpecError } = await import('../../kernel/kernelspec.js');
  const fail = (line: string) => console.error(`kernelbook check: ${line}`);
  // Watching, one process for each folder stays warm.
  const engines = new Engines(options.watch ? 4 : 1);
  try {
    if (options.kernel !== undefined) requireKernel(options.kernel);
    if (options.watch) {
      const { watchNotebooks } = await import('./watch.js');
      await watchNotebooks({ targets, without }, options.kernel, engines);
      return exitStatus.passed;
    }
    const selected = await selectNotebooks(targets, process.cwd(), without);
    const { jobs, faults, warnings, foreign } = await readJobs(selected, options.kernel);
    for (const line of [...warnings, ...faults]) fail(line);
    const checked = await checkAll(jobs, [engines]);
    await print(checked, foreign, options);
    const isSaved = options.sarif === undefined || (await writeSarif(options.sarif, checked, faults));
    if (faults.length > 0) return exitStatus.usage;
    return isSaved ? statusOf(checked, options.strict) : exitStatus['not saved'];
  } catch (error) {
    if (!(error instanceof SelectionError || error instanceof KernelSpecError)) throw error;
    fail(error.message);
    return exitStatus.usage;
  } finally {
    engines.close();
  }
}

async function print(
  checked: CheckedNotebook[],
  foreign: { name: string; kernel: string | undefined }[],
  options: CheckOptions,
): Promise<void> {
  const { countText, findingsText, foreignText, isGitHubActions } = await import('./report.js');
  const text = findingsText(checked, process.stdout.hasColors?.() ?? false);
  if (text) console.log(`${text}\n`);
  if (options.github || isGitHubActions()) {
    const { annotations } = await import('./github.js');
    for (const line of await annotations(checked)) console.log(line);
  }
  if (foreign.length > 0) console.log(foreignText(foreign));
  console.log(`Checked: ${countText(checked)}.`);
}

async function writeSarif(file: string, checked: CheckedNotebook[], faults: string[]): Promise<boolean> {
  const { sarifLog } = await import('./sarif.js');
  const { writeReportFile } = await import('../reports/write.js');
  const log = await sarifLog(checked, faults);
  return writeReportFile('kernelbook check', file, `${JSON.stringify(log, null, 2)}\n`);
}

function statusOf(checked: CheckedNotebook[], strict = false): number {
  const hasErrors = checked.some((one) => errorsOf(one).length > 0);
  const hasFindings = checked.some(({ findings }) => findings.length > 0);
  return hasErrors || (strict && hasFindings) ? exitStatus['type error'] : exitStatus.passed;
}
