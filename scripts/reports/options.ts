/** The options of `kernelbook run` for reports, and their writing. */
import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { isGitHubActions } from '../check/report.js';
import { writeFileAtomically } from '../notebook/write.js';
import { UsageError } from '../run/parameters/parameters.js';
import type { NotebookResult } from '../run/result.js';
import type { NotebookReport } from './cells.js';
import { annotationLine, runAnnotations } from './github.js';

export interface ReportOptions {
  junit?: string;
  html?: string;
  results?: string;
  /** `--github`, or unset: where GitHub Actions runs it. */
  github?: boolean;
}

export function addReportOptions(command: Command): void {
  command
    .option('--junit <file>', 'write the results as JUnit XML, a test case per cell')
    .option('--html <file>', 'write the results as one page of HTML')
    .option('--results <file>', 'write checks, profiles, differences and budgets as JSON')
    .option('--github', 'annotate failures for GitHub Actions (default: where it runs)');
}

/** A report that cannot be written for a plain reason is told before the run, not after it. Throws UsageError. */
export async function checkReportOptions({ junit, html, results }: ReportOptions): Promise<void> {
  const taken = new Map<string, string>();
  for (const [option, file] of Object.entries({ '--junit': junit, '--html': html, '--results': results })) {
    if (file === undefined) continue;
    const named = `${option} ${file}`;
    const isFolder = (await stat(file).catch(() => undefined))?.isDirectory();
    if (isFolder) throw new UsageError(`${named} is a folder; name a file`);
    if (file.endsWith('.ipynb'))
      throw new UsageError(`${named} is the name of a notebook; name another file`);
    const other = taken.get(resolve(file));
    if (other) throw new UsageError(`${other} and ${option} both name ${file}`);
    taken.set(resolve(file), option);
  }
}

/** Writes what is asked for. Gives a line for each report that could not be written. */
export async function writeReports(
  options: ReportOptions,
  results: readonly NotebookResult[],
): Promise<string[]> {
  const { junit, html, github } = withDefaults(options);
  if (junit === undefined && html === undefined && !github) return writeFiles(options, [], results);
  // Loaded here: most runs write none, and Shiki is large.
  const { reportOf } = await import('./cells.js');
  const reports: NotebookReport[] = [];
  // One after the other: their notebooks may be large.
  for (const result of results) reports.push(await reportOf(result));
  if (github) for (const annotation of runAnnotations(reports)) console.log(annotationLine(annotation));
  return writeFiles(options, reports, results);
}

/**
 * The same of a run that was refused, so that no report of an earlier one is taken for it.
 * @param why as it was told on the terminal
 */
export async function writeRefusal(options: ReportOptions, why: string): Promise<string[]> {
  const name = 'kernelbook run';
  if (withDefaults(options).github)
    console.log(annotationLine({ level: 'error', place: {}, title: name, message: why }));
  const failure = { verdict: 'usage' as const, ename: 'UsageError', evalue: why };
  const nothing = { output: '', ran: 0, cells: 0, verifications: [], devices: [], seconds: 0 };
  const result = { ...nothing, name, verdict: failure.verdict, failure, peakMemory: undefined };
  const problem = { kind: 'error' as const, type: failure.ename, message: why, details: [] };
  const report = { result, output: '', language: '', started: undefined, cells: [], problems: [problem] };
  return writeFiles(options, [report], [], why);
}

function withDefaults({ github = isGitHubActions(), ...files }: ReportOptions) {
  return { ...files, github };
}

async function writeFiles(
  { junit, html, results: json }: ReportOptions,
  reports: readonly NotebookReport[],
  results: readonly NotebookResult[],
  refusal?: string,
): Promise<string[]> {
  const faults: string[] = [];
  const write = async (file: string, make: () => Promise<string>) => {
    try {
      await writeFileAtomically(file, await make());
    } catch (error) {
      if (!(error instanceof Error && 'code' in error)) throw error;
      faults.push(`the report ${file} could not be written: ${error.message}`);
    }
  };
  if (json !== undefined)
    await write(json, async () => (await import('../regression/results.js')).resultsJson(results, refusal));
  if (junit !== undefined) await write(junit, async () => (await import('./junit.js')).junitXml(reports));
  if (html !== undefined) await write(html, async () => (await import('./html.js')).htmlReport(reports));
  return faults;
}
