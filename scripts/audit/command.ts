/** `kernelbook audit`: its options, what it holds the notebooks to, and its exit status. */
import { existsSync } from 'node:fs';
import { type Command, InvalidArgumentError } from 'commander';
import { type Targets, targetsOr } from '../notebook/default-targets.js';
import { exitStatus } from '../run/verdict.js';
import type { NotebookAudit } from './audit.js';

interface AuditCommandOptions extends Limits {
  kernel?: string;
  backend?: string;
  /** A number, or false for `--no-mutants`. */
  mutants: number | false;
  seed: number;
  longest: number;
  loose: number;
  jobs: number;
  json?: boolean;
  junit?: string;
  sarif?: string;
}

/** What must hold; undefined stands for no limit. */
interface Limits {
  maxSlack?: number;
  maxMedianSlack?: number;
  maxZeroErrors?: number;
  maxSurvivors?: number;
  maxFindings?: number;
}

export function registerAudit(program: Command): void {
  program
    .command('audit')
    .description(
      'audit the checks of executed notebooks: slack, equal things, and mutants that they let live',
    )
    .argument(
      '[notebooks...]',
      'executed notebooks or folders (default: build/notebooks, else the notebooks of this folder)',
    )
    .option('--mutants <number>', 'how many mutants of each cell to try', count, 3)
    .option('--no-mutants', 'read what is recorded, and run nothing')
    .option('--seed <number>', 'draws the mutants', count, 1)
    .option(
      '--longest <seconds>',
      'run no cell for a mutant that took longer when the notebook was executed',
      amount,
      30,
    )
    .option('-k, --kernel <name>', 'the kernel to run mutants in, whatever the notebooks name')
    .option('-b, --backend <name>', 'the compute backend for the mutants')
    .option('-j, --jobs <number>', 'how many notebooks are audited at once', count, 1)
    .option('--loose <times>', 'tell of bounds above so many times the error', amount, 100)
    .option('--max-slack <times>', 'fail where a bound is above so many times its error', amount)
    .option(
      '--max-median-slack <times>',
      'fail where the median of all bounds over their errors is above',
      amount,
    )
    .option('--max-zero-errors <number>', 'fail where more comparisons find an error of exactly 0', count)
    .option('--max-survivors <number>', 'fail where more mutants live', count)
    .option('--max-findings <number>', 'fail where there are more findings, survivors apart', count)
    .option('--json', 'print the audit as JSON')
    .option('--junit <file>', 'write it as JUnit XML, a test case per cell')
    .option('--sarif <file>', 'write the findings as a SARIF log')
    .action(async (targets: string[], options: AuditCommandOptions) => {
      process.exitCode = await auditCommand(
        targets.length > 0 ? targetsOr(targets) : usualTargets(),
        options,
      );
    });
}

const executed = 'build/notebooks';

function usualTargets(): Targets {
  return existsSync(executed) ? targetsOr([executed]) : targetsOr([]);
}

async function auditCommand({ targets, without }: Targets, options: AuditCommandOptions): Promise<number> {
  const { SelectionError, selectNotebooks } = await import('../notebook/select.js');
  const { NotebookFileError } = await import('../notebook/read.js');
  const { stopSignals } = await import('../run/limits/stop-signals.js');
  const { terminalProgress } = await import('../run/progress.js');
  const progress = terminalProgress();
  const stop = stopSignals((line) => progress.note(line));
  try {
    const selected = await selectNotebooks(targets, process.cwd(), without);
    const audits = await auditAll(selected, options, stop.signal, (line) => console.error(line));
    const seed = options.mutants === false ? undefined : options.seed;
    await print(audits, seed, options.json ?? false);
    const isSaved = await write(audits, options);
    const broken = await brokenLimits(audits, options);
    for (const line of broken) console.error(`kernelbook audit: ${line}`);
    if (stop.exitCode() !== undefined) return stop.exitCode()!;
    if (!isSaved) return exitStatus['not saved'];
    return broken.length > 0 ? exitStatus.assertion : exitStatus.passed;
  } catch (error) {
    if (!(error instanceof SelectionError || error instanceof NotebookFileError)) throw error;
    console.error(`kernelbook audit: ${error.message}`);
    return exitStatus.usage;
  } finally {
    stop.release();
  }
}

async function auditAll(
  selected: Parameters<typeof import('./audit.js').auditNotebook>[0][],
  { mutants, seed, longest, kernel, backend, loose, jobs }: AuditCommandOptions,
  signal: AbortSignal,
  tell: (line: string) => void,
): Promise<NotebookAudit[]> {
  const { auditNotebook } = await import('./audit.js');
  const isTold = mutants !== false && process.stderr.isTTY;
  const audits: NotebookAudit[] = [];
  const waiting = [...selected.entries()];
  const lane = async () => {
    for (let next = waiting.shift(); next && !signal.aborted; next = waiting.shift()) {
      const [index, one] = next;
      audits[index] = await auditNotebook(one, {
        kernel,
        loose,
        mutants: mutants === false ? undefined : { most: mutants, seed, longest },
        env: backend ? { ...process.env, KERNELBOOK_BACKEND: backend } : process.env,
        signal,
        onCell: (name, done, total) => {
          if (isTold) tell(`${name}: the mutants of ${done} of ${total} cells`);
        },
      });
    }
  };
  await Promise.all(Array.from({ length: Math.max(1, jobs) }, lane));
  return audits.filter((audit) => audit !== undefined);
}

async function print(audits: NotebookAudit[], seed: number | undefined, asJson: boolean): Promise<void> {
  const { allFigures, auditJson, auditTable, findingLines, ruleLines, summaryLine } = await import(
    './report.js'
  );
  if (asJson) {
    console.log(JSON.stringify(auditJson(audits, seed), null, 2));
    return;
  }
  for (const audit of audits) for (const line of findingLines(audit)) console.log(line);
  console.log(`\n${auditTable(audits)}\n`);
  for (const line of ruleLines(allFigures(audits))) console.log(line);
  console.log(`\n${summaryLine(audits, seed)}`);
}

async function write(audits: NotebookAudit[], { junit, sarif }: AuditCommandOptions): Promise<boolean> {
  const files: [string, string][] = [];
  const { asChecked, asReport } = await import('./as-checked.js');
  if (junit !== undefined) {
    const { junitXml } = await import('../reports/junit.js');
    files.push([junit, junitXml(audits.map(asReport), 'kernelbook audit')]);
  }
  if (sarif !== undefined) {
    const { sarifLog } = await import('../check/sarif.js');
    const { ruleTexts } = await import('./rules/rule.js');
    const faults = audits.flatMap(({ name, notes }) => notes.map((note) => `${name}: ${note}`));
    const log = await sarifLog(audits.map(asChecked), faults, ruleTexts);
    files.push([sarif, `${JSON.stringify(log, null, 2)}\n`]);
  }
  const { writeReportFile } = await import('../reports/write.js');
  const written = await Promise.all(
    files.map(([file, text]) => writeReportFile('kernelbook audit', file, text)),
  );
  return written.every(Boolean);
}

/** A line for each limit that does not hold. */
async function brokenLimits(audits: NotebookAudit[], limits: Limits): Promise<string[]> {
  const { allFigures, slackText } = await import('./report.js');
  const figures = allFigures(audits);
  const findings = Object.values(figures.findings).reduce((sum, one) => sum + one, 0);
  const held: [string, number, number | undefined][] = [
    ['largest slack', figures.maxSlack, limits.maxSlack],
    ['median slack', figures.medianSlack, limits.maxMedianSlack],
    ['number of errors of exactly 0', figures.zeroErrors, limits.maxZeroErrors],
    ['number of living mutants', figures.survivors, limits.maxSurvivors],
    ['number of findings', findings - (figures.findings.survivor ?? 0), limits.maxFindings],
  ];
  return held.flatMap(([what, value, most]) =>
    most !== undefined && value > most
      ? [`the ${what} is ${slackText(value)}, more than ${slackText(most)}`]
      : [],
  );
}

function count(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(value))
    throw new InvalidArgumentError('Give a whole number.');
  return value;
}

function amount(text: string): number {
  const value = Number(text);
  if (!(value >= 0) || text.trim() === '') throw new InvalidArgumentError('Give a number >= 0.');
  return value;
}
