/** Audits executed notebooks: what their checks recorded, what their sources say, and which mutants live. */
import { existsSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { dialectOf, dialectVariable } from '../../kernel/dialect.js';
import { findKernelSpec, type KernelSpec, KernelSpecError, ownName } from '../../kernel/kernelspec.js';
import { type CodeCell, isObject, type Notebook } from '../notebook/format.js';
import { NotebookFileError, readNotebook } from '../notebook/read.js';
import type { SelectedNotebook } from '../notebook/select.js';
import { type AuditedCell, type CellAnalysis, nothingKnown } from './cells/cell.js';
import { analysePython } from './cells/python-cells.js';
import { analyseTypeScript } from './cells/typescript-cells.js';
import { recordedChecks } from './checks.js';
import { type Figures, figuresOf } from './figures.js';
import { javascriptHelper, pythonHelper, typescriptHelper } from './mutants/helper.js';
import { looseBounds, zeroErrors } from './rules/bounds.js';
import { uncheckedCells, uncheckedClaims } from './rules/claims.js';
import { typedConstants } from './rules/constants.js';
import { expectedErrors, refutedRights } from './rules/refutes.js';
import { type AuditedNotebook, type AuditFinding, placeOf } from './rules/rule.js';
import { equalPaths, sameValues } from './rules/same.js';
import { type MutantOptions, type MutantResults, survives, tryMutants } from './session/try-mutants.js';

export interface AuditOptions {
  /** The kernel to run mutants in, whatever the notebooks name. */
  kernel: string | undefined;
  /** What a bound may be of the error without being told. */
  loose: number;
  /** Undefined: no mutants. */
  mutants: Omit<MutantOptions, 'onCell'> | undefined;
  env: NodeJS.ProcessEnv;
  signal: AbortSignal;
  onCell: (name: string, done: number, total: number) => void;
}

export interface NotebookAudit {
  name: string;
  /** Absolute; of the notebook that was executed where its copy says so, for reports that point into files. */
  path: string;
  notebook: Notebook;
  /** Why nothing is recorded in it, or no mutant was tried. */
  notes: string[];
  audited: AuditedNotebook;
  findings: AuditFinding[];
  mutants: MutantResults;
  figures: Figures;
  seconds: number;
}

/** Throws NotebookFileError for what is no notebook. */
export async function auditNotebook(
  selected: SelectedNotebook,
  options: AuditOptions,
): Promise<NotebookAudit> {
  const started = performance.now();
  const { name, path } = selected;
  const notebook = await readNotebook(path).catch((error: unknown) => {
    throw error instanceof NotebookFileError
      ? new NotebookFileError(error.message.replace(path, name))
      : error;
  });
  const notes: string[] = [];
  const spec = specOf(notebook, options, notes);
  const cells = await auditedCells(notebook, spec, notes);
  if (!wasExecuted(notebook)) notes.push('it was not executed: nothing is recorded of its checks');
  const audited: AuditedNotebook = { name, notebook, cells, checks: recordedChecks(cells) };
  const rules = [
    ...[sameValues, looseBounds(options.loose), zeroErrors, equalPaths, typedConstants],
    ...[refutedRights, expectedErrors, uncheckedClaims, uncheckedCells],
  ];
  const findings = rules.flatMap((rule) => rule(audited));
  const source = sourceOf(notebook, path);
  const mutants = await mutantsOf(audited, spec, dirname(source), options, notes);
  findings.push(...survivorFindings(mutants));
  return {
    ...{ name, path: source, notebook, notes, audited, mutants },
    findings: inOrder(findings),
    figures: figuresOf(audited.checks, findings, mutants.tried),
    seconds: (performance.now() - started) / 1000,
  };
}

function specOf(notebook: Notebook, { kernel }: AuditOptions, notes: string[]): KernelSpec | undefined {
  const name = kernel ?? notebook.metadata.kernelspec?.name;
  if (name === undefined) {
    notes.push('it names no kernel: its cells are not mutated');
    return undefined;
  }
  try {
    return findKernelSpec(name);
  } catch (error) {
    if (!(error instanceof KernelSpecError)) throw error;
    notes.push(`${error.message.split('\n')[0]}: its cells are not mutated`);
    return undefined;
  }
}

type Language = 'typescript' | 'javascript' | 'python';

function languageOf(notebook: Notebook, spec: KernelSpec | undefined): Language | undefined {
  const told =
    spec?.language || notebook.metadata.language_info?.name || notebook.metadata.kernelspec?.language;
  const language = String(told ?? '').toLowerCase();
  return language === 'typescript' || language === 'javascript' || language === 'python'
    ? language
    : undefined;
}

async function auditedCells(
  notebook: Notebook,
  spec: KernelSpec | undefined,
  notes: string[],
): Promise<AuditedCell[]> {
  const code = notebook.cells.flatMap((cell, index) =>
    cell.cell_type === 'code' ? [{ number: index + 1, id: cell.id, cell }] : [],
  );
  const sources = code.map(({ cell }) => cell.source);
  const language = languageOf(notebook, spec);
  let analyses: CellAnalysis[];
  if (language === 'python' && spec) analyses = await analysePython(sources, spec);
  else if (language === 'typescript' || language === 'javascript') analyses = analyseTypeScript(sources);
  else {
    analyses = sources.map(() => nothingKnown);
    notes.push(`there is no parser for ${language ?? 'its language'}: its cells are not mutated`);
  }
  for (const fault of new Set(analyses.flatMap((one) => one.fault ?? []))) {
    const count = analyses.filter((one) => one.fault === fault).length;
    notes.push(`${count} of ${code.length} code cells are not mutated: ${fault}`);
  }
  return code.map((one, n) => ({ ...one, analysis: analyses[n]! }));
}

function wasExecuted({ cells }: Notebook): boolean {
  const code = cells.filter(
    (cell): cell is CodeCell => cell.cell_type === 'code' && cell.source.trim() !== '',
  );
  return code.length === 0 || code.some((cell) => cell.execution_count !== null || cell.outputs.length > 0);
}

/** The notebook that was run to make this one, where it is still there and no other. */
function sourceOf({ metadata }: Notebook, path: string): string {
  const record = isObject(metadata.papermill) ? metadata.papermill.input_path : undefined;
  const input = typeof record === 'string' ? resolve(record) : path;
  return existsSync(input) ? input : path;
}

async function mutantsOf(
  { name, notebook, cells }: AuditedNotebook,
  spec: KernelSpec | undefined,
  cwd: string,
  { mutants, env, signal, onCell }: AuditOptions,
  notes: string[],
): Promise<MutantResults> {
  const none: MutantResults = { tried: [], untried: [] };
  if (!mutants || !spec || cells.every(({ analysis }) => analysis.mutations.length === 0)) return none;
  const language = languageOf(notebook, spec);
  const helper =
    language === 'python' ? pythonHelper : language === 'typescript' ? typescriptHelper : javascriptHelper;
  const dialect = dialectOf(notebook.metadata.kernelspec?.name);
  const own = spec.name === ownName && dialect !== 'typescript' ? { [dialectVariable]: dialect } : {};
  try {
    const setting = { spec, cwd, env: { ...own, ...env }, helper, signal };
    return await tryMutants(cells, setting, {
      ...mutants,
      onCell: (done, total) => onCell(name, done, total),
    });
  } catch (error) {
    if (signal.aborted) return none;
    notes.push(`its mutants were not tried: ${(error as Error).message}`);
    return none;
  }
}

function survivorFindings({ tried }: MutantResults): AuditFinding[] {
  return tried.filter(survives).map(({ cell, mutation, fate }) => {
    const control = mutation.kind === 'right for wrong';
    return {
      rule: control ? 'refuted-right' : 'survivor',
      message: control
        ? `with the right value in the place of the wrong one it passes too: ${mutation.description}`
        : `${mutation.kind}, ${mutation.description}: ${told[fate as keyof typeof told]}`,
      cell: placeOf(cell),
      start: mutation.start,
      end: mutation.end,
    };
  });
}

const told = {
  'within bounds': 'every check passes, with other values within its bound',
  unseen: 'the notebook shows other values, and no check compares them',
  'no effect': 'nothing that is shown changes: it is not looked at, or is the same computation',
};

function inOrder(findings: AuditFinding[]): AuditFinding[] {
  return findings.sort((a, b) => a.cell.number - b.cell.number || a.start - b.start);
}
