/**
 * Runs notebooks: everything that can be known beforehand (files, kernels, parameters, places to write) is
 * checked first, then the notebooks run, `jobs` at a time, each in its own kernel.
 */
import { existsSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { dialectOf, dialectVariable } from '../../kernel/dialect.js';
import { type KernelSpec, KernelSpecError, ownName } from '../../kernel/kernelspec.js';
import { packageVersion } from '../../kernel/package-root.js';
import { checkJobs, decideSkips, isChecked, type Skips, unmarkRun } from '../check/before-run.js';
import { Engines } from '../check/engines.js';
import { errorsOf } from '../check/finding.js';
import { isOwnKernel, settingOf } from '../check/own-kernel.js';
import { ParameterTypes } from '../check/parameter-types.js';
import { MachineProbe } from '../check/probe-machine.js';
import { requirementFaults } from '../check/requirements.js';
import { gitCommit } from '../git-commit.js';
import type { Notebook } from '../notebook/format.js';
import { NotebookFileError, readNotebook } from '../notebook/read.js';
import { type SelectedNotebook, SelectionError, selectNotebooks } from '../notebook/select.js';
import { goldenPath } from '../regression/golden-file.js';
import type { RegressionOptions } from '../regression/regression.js';
import { checkSettings, SettingsError } from '../regression/settings.js';
import { ResultCache } from '../result-cache/result-cache.js';
import { cacheSetting } from '../result-cache/setting.js';
import { checkDirectives, DirectiveError } from './cell-directives.js';
import { CheckedCells } from './checked-cells.js';
import { type KernelSource, localKernels } from './notebook-kernel.js';
import { prepareNotebook } from './papermill.js';
import { applyParameters, type NamedNotebook, UsageError } from './parameters/parameters.js';
import { type NotebookJob, type NotebookResult, unstarted } from './result.js';
import { runKey } from './resume.js';
import { Run, type RunParts } from './run-all.js';
import type { RunOptions } from './run-options.js';
import { KernelPool } from './schedule/kernel-pool.js';
import { inShard } from './schedule/shard.js';
import { provideSoftwareDevice } from './software-device.js';

/** Results in the order of the notebooks. Throws UsageError before anything was started or written. */
export async function runNotebooks(options: RunOptions): Promise<NotebookResult[]> {
  const regression = regressionFor(options);
  const probe = new MachineProbe(options.env);
  const cache = cacheFor(options, regression, probe);
  const cells = checksTypes(options) ? await CheckedCells.open() : undefined;
  const pool = new KernelPool({
    start: options.kernels.start,
    startTimeoutMs: options.limits.startMs,
    // Those that end have memory too.
    mostEnding: options.memoryCap === undefined ? options.jobs : 0,
    onFault: (line) => options.progress.note(line),
  });
  try {
    const planned = await plan({ regression, pool, cache, options }, cells, probe);
    return planned instanceof Run ? await planned.all() : planned;
  } finally {
    await pool.close();
    await cells?.close();
    await cache?.close();
  }
}

/** What is to run, its first kernels started; the results where nothing will. */
async function plan(
  parts: RunParts,
  cells: CheckedCells | undefined,
  probe: MachineProbe,
): Promise<Run | NotebookResult[]> {
  const { regression, pool, cache, options } = parts;
  const engines = new Engines(1);
  try {
    const jobs = await prepare(options, engines, probe, pool);
    for (const job of jobs) if (isChecked(job)) job.checkedCells = cells?.newFile();
    await cache?.observe(jobs);
    tellUncompared(jobs, regression, options);
    const run = await Run.plan(jobs, parts);
    if (options.reuse) await cache?.find(jobs);
    run.startAhead();
    const [refused] = await Promise.all([
      checksTypes(options) ? checkFirst(jobs, parts, engines, cells) : undefined,
      // Where no result is given again, kernels and check need not wait until the cache has read what results depend on.
      options.reuse ? undefined : cache?.find(jobs),
    ]);
    return refused ?? run;
  } finally {
    engines.close();
  }
}

/** How many notebooks make another engine worth its start, and its memory. */
const notebooksPerLane = 4;
const mostLanes = 4;

/** What a notebook may import lies where its kernel runs: elsewhere its types cannot be checked. */
function checksTypes({ kernels, onChecked }: RunOptions): boolean {
  return kernels.local && onChecked !== undefined;
}

/**
 * Checks what is to run, and leaves for the kernels what was found.
 * @returns the results of a run in which nothing runs because a notebook has type errors; undefined where none has
 */
async function checkFirst(
  jobs: NotebookJob[],
  { cache, options: { jobs: atOnce, signal, onChecked } }: RunParts,
  engines: Engines,
  cells: CheckedCells | undefined,
): Promise<NotebookResult[] | undefined> {
  // One whose result is kept was checked when it ran.
  const open = jobs.filter((job) => isChecked(job) && !cache?.has(job));
  const more = Math.min(atOnce, mostLanes, Math.floor(open.length / notebooksPerLane)) - 1;
  const lanes = [engines, ...Array.from({ length: Math.max(more, 0) }, () => new Engines(1))];
  const checked = await checkJobs(open, lanes, signal).finally(() => {
    for (const lane of lanes.slice(1)) lane.close();
  });
  await onChecked?.(checked);
  const files = new Map(open.map(({ name, checkedCells }) => [name, checkedCells]));
  for (const { name, ahead } of checked) {
    const file = files.get(name);
    if (ahead && file !== undefined) await cells?.write(file, ahead);
  }
  const errors = new Map(checked.map((one) => [one.name, errorsOf(one)[0]]));
  if (![...errors.values()].some((error) => error !== undefined)) return undefined;
  return jobs.map((job): NotebookResult => {
    const error = errors.get(job.name);
    const reason = job.skips.notebook ?? 'not run: another notebook has type errors';
    if (!error) return { ...unstarted(job), verdict: 'skipped', skipped: reason };
    const failure = {
      verdict: 'type error' as const,
      cell: { ...error.cell, executionCount: null },
      ...(error.file === undefined && { line: error.line }),
      ename: 'CompileError',
      evalue: `${error.code}: ${error.message}`,
    };
    return { ...unstarted(job), verdict: 'type error', failure };
  });
}

/** Of a machine that is not this one nothing is known. New golden outputs are those of a run. */
function cacheFor(
  { kernels, reuse, onChecked }: RunOptions,
  regression: RegressionOptions,
  probe: MachineProbe,
): ResultCache | undefined {
  if (!kernels.local) return undefined;
  return ResultCache.open({
    reuse: reuse && regression.golden !== 'update',
    regression,
    checked: onChecked !== undefined,
    probe,
  });
}

/** For what is said of notebooks without a run. Throws UsageError. */
export async function namedNotebooks(
  { targets, without, kernel, env }: Pick<RunOptions, 'targets' | 'without' | 'kernel' | 'env'>,
  engines: Engines,
): Promise<NamedNotebook[]> {
  const selected = await selectNotebooks(targets, process.cwd(), without).catch(asUsageError);
  return (await readAll(selected, kernel, localKernels, (line) => console.error(line))).map((candidate) =>
    namedNotebook(candidate, env, engines),
  );
}

interface Candidate extends SelectedNotebook {
  notebook: Notebook;
  spec: KernelSpec;
}

/** Golden outputs are those of the default parameters; with other values they say nothing. */
function regressionFor({ regression, parameters }: RunOptions): RegressionOptions {
  if (parameters.length === 0 || regression.golden === 'off') return regression;
  if (regression.golden === 'update')
    throw new UsageError('--update writes the outputs of the default parameters; leave out -p');
  return { ...regression, golden: 'off' };
}

/** Says what a user might otherwise take for granted. */
function tellUncompared(
  jobs: NotebookJob[],
  used: RegressionOptions,
  { regression, progress }: RunOptions,
): void {
  if (used.golden === regression.golden || !jobs.some((job) => existsSync(goldenPath(job.path)))) return;
  progress.note('golden outputs are not compared: parameters were given');
}

async function prepare(
  options: RunOptions,
  engines: Engines,
  probe: MachineProbe,
  kernels: KernelPool,
): Promise<NotebookJob[]> {
  const committed = gitCommit(); // asked while the notebooks are read
  const selected = await selectNotebooks(options.targets, process.cwd(), options.without).catch(asUsageError);
  const outputs = placeOutputs(selected, resolve(options.output));
  const candidates = await readAll(selected, options.kernel, options.kernels, (line) =>
    options.progress.note(line),
  );
  if (options.kernels.local)
    await provideSoftwareDevice(
      candidates.map(({ notebook }) => notebook),
      {
        env: options.env,
        probe: options.triesDriver ? new MachineProbe(options.env) : undefined,
        say: (line) => options.progress.note(line),
        signal: options.signal,
      },
    );
  const parameterised = await applyParameters(
    candidates.map((candidate) => namedNotebook(candidate, options.env, engines)),
    options.parameters,
  );
  const version = `kernelbook ${packageVersion()}`;
  const commit = await committed;
  const skips = await Promise.all(
    candidates.map(({ notebook }) =>
      options.kernels.local ? decideSkips(notebook, probe) : nothingSkipped(),
    ),
  );
  const jobs = candidates.map(({ name, path, spec, notebook: original }, index): NotebookJob => {
    const written = original.metadata.kernelspec?.name;
    const { notebook, values, secrets } = parameterised[index]!;
    const output = outputs[index]!;
    const prepared = prepareNotebook(notebook, {
      input: relative(process.cwd(), path),
      output: relative(process.cwd(), output),
      parameters: values,
      version,
    });
    const folder = options.kernels.local ? dirname(path) : undefined;
    const key = runKey(notebook, spec, options.env, options.regression.budgets, folder);
    unmarkRun(prepared);
    if (commit) prepared.metadata.kernelbook = { ...asRecord(prepared.metadata.kernelbook), commit };
    return {
      name,
      path,
      skips: skips[index]!,
      notebook: prepared,
      secrets,
      key,
      output,
      spec,
      kernels,
      cwd: dirname(path),
      env: runEnv(written, spec, options.env),
      checkedCells: undefined,
      observed: undefined,
      limits: options.limits,
      signal: options.signal,
      onCell: (done, total) => options.progress.cell(name, done, total),
    };
  });
  if (!options.shard) return jobs;
  // Only now: parameters are checked against the notebooks of all parts.
  const mine = inShard(
    jobs.map(({ name }) => name),
    options.shard,
  );
  return jobs.filter(({ name }) => mine.has(name));
}

/** Of a machine that is not this one nothing is known beforehand. */
function nothingSkipped(): Skips {
  return { notebook: undefined, cells: new Map() };
}

/** Notebooks written for tslab or jslab run in our kernel as they would in theirs. */
function runEnv(written: string | undefined, spec: KernelSpec, env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const dialect = dialectOf(written);
  return spec.name === ownName && dialect !== 'typescript' ? { [dialectVariable]: dialect, ...env } : env;
}

/** As the parameters' rules take it; in our kernel, its language engine knows the types. */
function namedNotebook(
  { name, path, notebook, spec }: Candidate,
  env: NodeJS.ProcessEnv,
  engines: Engines,
): NamedNotebook {
  const named = { name, notebook, language: spec.language.toLowerCase() };
  if (!isOwnKernel(spec)) return named;
  const setting = settingOf(dirname(path), spec, runEnv(notebook.metadata.kernelspec?.name, spec, env));
  return { ...named, types: () => ParameterTypes.of(notebook, setting, engines) };
}

/** Reads every notebook and finds its kernel; all faults are told at once, a line each. */
async function readAll(
  selected: SelectedNotebook[],
  kernel: string | undefined,
  kernels: KernelSource,
  warn: (line: string) => void,
): Promise<Candidate[]> {
  const faults: string[] = [];
  const candidates: Candidate[] = [];
  for (const one of selected) {
    try {
      const notebook = await readNotebook(one.path, (line) => warn(line.replace(one.path, one.name)));
      faults.push(...requirementFaults(notebook).map((fault) => `${one.name}: ${fault}`));
      checkSettings(notebook);
      const name = kernel ?? notebook.metadata.kernelspec?.name;
      if (name === undefined)
        faults.push(`${one.name}: the notebook names no kernel; choose one with --kernel`);
      else candidates.push({ ...one, notebook, spec: kernels.findSpec(name) });
      checkDirectives(notebook);
      cacheSetting(notebook);
    } catch (error) {
      if (error instanceof NotebookFileError) faults.push(error.message.replace(one.path, one.name));
      else if (
        error instanceof KernelSpecError ||
        error instanceof SettingsError ||
        error instanceof DirectiveError
      )
        faults.push(`${one.name}: ${error.message}`);
      else throw error;
    }
  }
  if (faults.length > 0) throw new UsageError([...new Set(faults)].join('\n'));
  return candidates;
}

function placeOutputs(selected: SelectedNotebook[], folder: string): string[] {
  const taken = new Map<string, string>();
  return selected.map(({ place, name }) => {
    const output = join(folder, place);
    const other = taken.get(output);
    if (other)
      throw new UsageError(
        `${other} and ${name} would both be written to ${relative(process.cwd(), output)}`,
      );
    if (selected.some((one) => one.path === output)) {
      throw new UsageError(`${name} would be overwritten by an executed notebook; choose another --output`);
    }
    taken.set(output, name);
    return output;
  });
}

function asUsageError(error: unknown): never {
  throw error instanceof SelectionError ? new UsageError(error.message) : error;
}

function asRecord(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}
