/**
 * `kernelbook check --watch`: checks everything once, then after each save what it concerns: the notebook itself, or those
 * that import the file. Ends with Ctrl-C.
 */
import { existsSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import type { Targets } from '../notebook/default-targets.js';
import { SelectionError, selectNotebooks } from '../notebook/select.js';
import { checkAll } from './check-all.js';
import type { Engines } from './engines.js';
import type { CheckedNotebook } from './finding.js';
import { FolderWatch } from './folder-watch.js';
import { type CheckJobs, readJobs } from './read-jobs.js';
import { countText, findingsText, foreignText } from './report.js';

/** @throws SelectionError where there is nothing to watch from the beginning */
export async function watchNotebooks(
  { targets, without }: Targets,
  kernel: string | undefined,
  engines: Engines,
): Promise<void> {
  const stop = new AbortController();
  const interrupt = () => stop.abort();
  process.on('SIGINT', interrupt);
  const folders = new FolderWatch(stop.signal);
  const known = new Map<string, CheckedNotebook>();
  try {
    let found = await readJobs(await selectNotebooks(targets, process.cwd(), without), kernel);
    say('Checking. Ctrl-C ends it.');
    for (let changed: string[] = []; ; ) {
      folders.watchTrees(targets.map((target) => resolve(target)).filter((target) => existsSync(target)));
      folders.watch(found.jobs.map(({ cwd }) => cwd));
      await checkChanged(found, changed, known, engines, stop.signal);
      if (stop.signal.aborted) return;
      const checked = found.jobs.map(({ path }) => known.get(path)!);
      folders.watch(checked.flatMap(({ files }) => files.map((file) => dirname(file))));
      showResults(checked, found);
      changed = await folders.changes();
      if (stop.signal.aborted) return;
      clearScreen();
      say('Files changed, checking again.');
      found = await readAgain({ targets, without }, kernel);
    }
  } finally {
    stop.abort();
    process.off('SIGINT', interrupt);
  }
}

/** What is missing for a moment, because an editor is saving it, is a fault to show and no reason to end. */
async function readAgain({ targets, without }: Targets, kernel: string | undefined): Promise<CheckJobs> {
  try {
    return await readJobs(await selectNotebooks(targets, process.cwd(), without), kernel);
  } catch (error) {
    if (!(error instanceof SelectionError)) throw error;
    return { jobs: [], faults: [error.message], warnings: [], foreign: [] };
  }
}

/** Checks what is new or concerned by a change; `known` then has exactly the notebooks of `jobs`. */
async function checkChanged(
  { jobs }: CheckJobs,
  changed: readonly string[],
  known: Map<string, CheckedNotebook>,
  engines: Engines,
  signal: AbortSignal,
): Promise<void> {
  const paths = new Set(jobs.map(({ path }) => path));
  for (const path of known.keys()) if (!paths.has(path)) known.delete(path);
  const imported = new Set([...known.values()].flatMap(({ files }) => files));
  const open = jobs.filter(({ path }) => {
    const before = known.get(path);
    return !before || changed.some((file) => concerns(file, before, imported));
  });
  for (const result of await checkAll(open, [engines], signal)) known.set(result.path, result);
}

/** @param imported the files that any notebook is known to import */
function concerns(file: string, notebook: CheckedNotebook, imported: ReadonlySet<string>): boolean {
  if (file === notebook.path) return true;
  if (file.endsWith('.ipynb')) return false;
  const mayBeMissing = notebook.findings.some(({ code }) => code === 'TS2307' || code === 'TS2792');
  if (imported.has(file)) return notebook.files.includes(file) || mayBeMissing;
  // Declarations, JSON and JavaScript are not in the lists: whoever reads in their folder may import them.
  const folders = [notebook.path, ...notebook.files].map((one) => dirname(one));
  return mayBeMissing || folders.includes(dirname(file));
}

function showResults(checked: CheckedNotebook[], { faults, foreign }: CheckJobs): void {
  const text = findingsText(checked, process.stdout.hasColors?.() ?? false);
  if (text) console.log(`\n${text}\n`);
  for (const fault of faults) console.log(fault);
  if (foreign.length > 0) console.log(foreignText(foreign));
  say(`Checked: ${countText(checked)}. Watching for changes.`);
}

function say(line: string): void {
  console.log(`[${new Date().toLocaleTimeString()}] ${line}`);
}

function clearScreen(): void {
  if (process.stdout.isTTY) process.stdout.write('\u001b[2J\u001b[3J\u001b[H');
}
