/** `kernelbook run`: its options, and how they reach the runner. */
import { Command, InvalidArgumentError, Option, type ParseOptionsResult } from 'commander';
import { formatCount } from '../../src/display/format.js';
import { type Targets, targetsOr, usualOutput } from '../notebook/default-targets.js';
import {
  addRegressionOptions,
  type RegressionCommandOptions,
  regressionOptions,
} from '../regression/options.js';
import {
  addReportOptions,
  checkReportOptions,
  type ReportOptions,
  writeRefusal,
  writeReports,
} from '../reports/options.js';
import { addLimitOptions, type LimitOptions, limitsOf } from './limits/limit-options.js';
import type { KernelSource } from './notebook-kernel.js';
import type { GivenParameter } from './parameters/parameters.js';
import {
  addScheduleOptions,
  type ScheduleCommandOptions,
  shardOf,
  warmKernelsOf,
} from './schedule/schedule-options.js';
import { exitStatus, statusOf, type Verdict } from './verdict.js';

export interface RunCommandOptions
  extends LimitOptions,
    ReportOptions,
    RegressionCommandOptions,
    ScheduleCommandOptions {
  parameter: GivenParameter[];
  parameterFile?: string[];
  output: string;
  kernel?: string;
  gateway?: string;
  backend?: string;
  resume?: boolean;
  /** False for `--no-cache`. */
  cache: boolean;
  /** False for `--no-check`. */
  check: boolean;
  requireAll?: boolean;
  triesDriver?: boolean;
  helpNotebook?: boolean;
}

export const backendChoices = ['webgpu', 'tensorflow', 'wasm', 'cpu'];

export function registerRun(program: Command): void {
  const command = new RunCommand('run')
    .copyInheritedSettings(program)
    .description('run notebooks in their kernels and save them with their outputs')
    .argument(
      '[notebooks...]',
      'notebooks or folders (default: those of this folder; in the checkout, the workbook in reading order)',
    )
    .addOption(
      new Option('-p, --parameter <name=value>', 'a parameter; also as two words: -p name value')
        .argParser(collectParameter)
        .default([], 'none'),
    )
    .addOption(
      new Option(
        '-f, --parameter-file <file>',
        'parameters from a YAML or JSON file; -p overrides it',
      ).argParser((path: string, before: string[] | undefined) => [...(before ?? []), path]),
    )
    .option('-o, --output <folder>', 'where the executed notebooks go', usualOutput)
    .option('-k, --kernel <name>', 'the kernel to use, whatever the notebooks name')
    .addOption(
      new Option('-b, --backend <name>', 'the compute backend of the notebooks').choices(backendChoices),
    )
    .option(
      '-g, --gateway <url>',
      'run the kernels on a Jupyter server or Enterprise Gateway (its token in KERNELBOOK_GATEWAY_TOKEN)',
    )
    .option(
      '--resume',
      'keep notebooks that passed in the last run and have not changed since; run the others',
    )
    .option('--no-cache', 'run every notebook, also those that passed before and cannot have changed since')
    .option('--help-notebook', "print the notebooks' parameters, their types and defaults, and run nothing")
    .option('--no-check', 'run without checking types first')
    .option('--require-all', 'fail (exit status 7) where this machine lacks what a notebook or cell needs')
    .action(async (targets: string[], options: RunCommandOptions) => {
      process.exitCode = await runCommand(targets, options);
    });
  addScheduleOptions(command);
  addLimitOptions(command);
  addRegressionOptions(command);
  addReportOptions(command);
  program.addCommand(command);
}

/** Runs the notebooks with the output of the command line. Returns the exit status. */
export async function runCommand(targets: string[], options: RunCommandOptions): Promise<number> {
  // Loaded here: the command line must start fast, and ZeroMQ and the compiler are large.
  const { runNotebooks } = await import('./run.js');
  const { UsageError } = await import('./parameters/parameters.js');
  const { terminalProgress } = await import('./progress.js');
  const { failureReport, summaryTable } = await import('./report.js');
  const { showTypeErrors } = await import('../check/show.js');
  const { stopSignals } = await import('./limits/stop-signals.js');
  const wanted = targetsOr(targets);
  const progress = terminalProgress();
  const stop = stopSignals((line) => progress.note(line));
  let canReport = false;
  try {
    if (options.helpNotebook) {
      await printHelp(wanted, options.kernel);
      return exitStatus.passed;
    }
    await checkReportOptions(options);
    canReport = true;
    const results = await runNotebooks({
      targets: wanted.targets,
      without: [...wanted.without, options.output],
      output: options.output,
      parameters: await givenParameters(options),
      jobs: options.jobs,
      warmKernels: warmKernelsOf(options),
      memoryCap: options.memoryCap,
      shard: await shardOf(options),
      kernel: options.kernel,
      kernels: await kernelSource(options.gateway, limitsOf(options).startMs, stop.signal),
      triesDriver: options.triesDriver ?? false,
      limits: limitsOf(options),
      resume: options.resume ?? false,
      reuse: options.cache,
      env: options.backend ? { ...process.env, KERNELBOOK_BACKEND: options.backend } : process.env,
      signal: stop.signal,
      progress,
      onChecked: options.check ? (checked) => showTypeErrors(checked, options.github) : undefined,
      regression: regressionOptions(options),
    });
    console.log(`\n${summaryTable(results)}`);
    const failures = failureReport(results);
    if (failures) console.error(`\n${failures}`);
    console.log('');
    for (const device of new Set(results.flatMap((result) => result.devices)))
      console.log(`Computed by ${device}`);
    const unwritten = await writeReports(options, results);
    for (const fault of unwritten) console.error(`kernelbook run: ${fault}`);
    const cached = results.filter((one) => one.cached !== undefined).length;
    if (cached > 0)
      console.log(
        `Not run, as nothing has changed: ${formatCount(cached, 'notebook')} (--no-cache runs all)`,
      );
    if (results.some(({ ran }) => ran > 0)) console.log(`Executed notebooks: ${options.output}`);
    const isIncomplete = results.some((one) => one.verdict === 'skipped' || one.skippedCells?.length);
    const verdicts: Verdict[] = results.map(({ verdict }) => verdict);
    if (unwritten.length > 0) verdicts.push('not saved');
    return stop.exitCode() ?? statusOf(verdicts, options.requireAll && isIncomplete);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    const unwritten = canReport ? await writeRefusal(options, error.message) : [];
    for (const line of [...error.message.split('\n'), ...unwritten]) console.error(`kernelbook run: ${line}`);
    return stop.exitCode() ?? exitStatus.usage;
  } finally {
    stop.release();
  }
}

async function kernelSource(
  gateway: string | undefined,
  limitMs: number,
  signal: AbortSignal,
): Promise<KernelSource> {
  if (gateway === undefined) return (await import('./notebook-kernel.js')).localKernels;
  const { GatewayError } = await import('../gateway/address.js');
  const { GatewayServer } = await import('../gateway/server.js');
  const { serverKernels } = await import('../gateway/start-on-server.js');
  try {
    const server = await GatewayServer.connect(gateway, { limitMs, signal });
    if (server.exposesToken)
      console.error(`kernelbook run: the token goes to ${server.url} unencrypted; use https`);
    return serverKernels(server);
  } catch (error) {
    throw error instanceof GatewayError
      ? new (await import('./parameters/parameters.js')).UsageError(error.message)
      : error;
  }
}

async function printHelp({ targets, without }: Targets, kernel: string | undefined): Promise<void> {
  const { namedNotebooks } = await import('./run.js');
  const { helpOfNotebook } = await import('./parameters/help-notebook.js');
  const { Engines } = await import('../check/engines.js');
  const engines = new Engines(1);
  try {
    for (const entry of await namedNotebooks({ targets, without, kernel, env: process.env }, engines))
      console.log(await helpOfNotebook(entry));
  } finally {
    engines.close();
  }
}

/** Commander's options take one word; papermill's `-p name value` takes two, and the value may begin with `-`. */
class RunCommand extends Command {
  override parseOptions(argv: string[]): ParseOptionsResult {
    const joined: string[] = [];
    for (let i = 0; i < argv.length; i++) {
      const word = argv[i]!;
      if (word === '--') return super.parseOptions([...joined, ...argv.slice(i)]);
      const name = argv[i + 1];
      if ((word !== '-p' && word !== '--parameter') || name === undefined || name.includes('=')) {
        joined.push(word);
        continue;
      }
      const value = argv[i + 2];
      if (value === undefined)
        this.error(`error: ${word} ${name} needs a value`, { exitCode: exitStatus.usage });
      joined.push(`--parameter=${name}=${value}`);
      i += 2;
    }
    return super.parseOptions(joined);
  }
}

/** What the command line says goes before what a file says. */
async function givenParameters({
  parameter: fromLine,
  parameterFile: files,
}: RunCommandOptions): Promise<GivenParameter[]> {
  if (!files) return fromLine; // reading YAML takes many modules
  const { parameterFiles } = await import('./parameters/parameter-file.js');
  const fromFiles = await parameterFiles(files);
  const named = new Set(fromLine.map(({ name }) => name));
  return [...fromFiles.filter(({ name }) => !named.has(name)), ...fromLine];
}

function collectParameter(word: string, before: GivenParameter[]): GivenParameter[] {
  // Whether there is such a name the notebooks say; a message of this parser would show the value too.
  const [, name, text] = /^([^=]+)=([\s\S]*)$/.exec(word) ?? [];
  if (name === undefined || text === undefined) throw new InvalidArgumentError('Give a name and a value.');
  return [...before, { name, text }];
}
