/** What an audit prints: a table of the notebooks, the findings by cell, the survivors, the figures over all. */
import { formatCount, formatNumber } from '../../src/display/format.js';
import { textTable } from '../../src/display/html.js';
import type { NotebookAudit } from './audit.js';
import { type Figures, figuresOf } from './figures.js';
import { type AuditFinding, type RuleName, ruleTexts } from './rules/rule.js';
import { survives } from './session/try-mutants.js';

export function allFigures(audits: readonly NotebookAudit[]): Figures {
  return figuresOf(
    audits.flatMap(({ audited }) => audited.checks),
    audits.flatMap(({ findings }) => findings),
    audits.flatMap(({ mutants }) => mutants.tried),
  );
}

/** One line for each notebook and one for all. */
export function auditTable(audits: readonly NotebookAudit[]): string {
  const head = [
    'notebook',
    'checks',
    'median slack',
    'max slack',
    '> 100',
    '> 1000',
    'error 0',
    'findings',
    'mutants',
    'alive',
  ];
  const row = (name: string, figures: Figures): string[] => [
    name,
    String(figures.checks),
    slackText(figures.medianSlack),
    slackText(figures.maxSlack),
    String(figures.above100),
    String(figures.above1000),
    String(figures.zeroErrors),
    String(
      Object.entries(figures.findings).reduce(
        (sum, [rule, count]) => sum + (rule === 'survivor' ? 0 : count),
        0,
      ),
    ),
    String(figures.mutants),
    String(figures.survivors),
  ];
  const rows = audits.map(({ name, figures }) => row(name, figures));
  if (audits.length > 1) rows.push(row('all', allFigures(audits)));
  return textTable({ head, rows });
}

export function slackText(slack: number): string {
  return Number.isNaN(slack) ? '-' : formatNumber(slack);
}

/** How many findings of each rule, in the order of the rules. */
export function ruleLines({ findings }: Figures): string[] {
  return (Object.keys(ruleTexts) as RuleName[]).flatMap((rule) =>
    findings[rule] ? [`${String(findings[rule]).padStart(5)}  ${rule}: ${ruleTexts[rule]}`] : [],
  );
}

export function findingLine(name: string, source: string, finding: AuditFinding): string {
  const { cell, start, rule, message } = finding;
  const before = source.slice(0, start).split('\n');
  return `${name} cell ${cell.number} "${cell.id}" line ${before.length}: ${rule}: ${message}`;
}

/** All findings; survivors last, as they are many. */
export function findingLines({ name, notebook, findings, notes, mutants }: NotebookAudit): string[] {
  const line = (one: AuditFinding) =>
    findingLine(name, notebook.cells[one.cell.number - 1]?.source ?? '', one);
  return [
    ...notes.map((note) => `${name}: ${note}`),
    ...findings.filter(({ rule }) => rule !== 'survivor').map(line),
    ...findings.filter(({ rule }) => rule === 'survivor').map(line),
    ...mutants.untried
      .filter(({ reason }) => reason !== 'no check depends on it') // told as `unchecked-cell`
      .map(
        ({ cell, reason }) =>
          `${name} cell ${cell.number} "${cell.id}": its mutants were not tried: ${reason}`,
      ),
  ];
}

export function summaryLine(audits: readonly NotebookAudit[], seed: number | undefined): string {
  const { checks, compared, medianSlack, above100, above1000, zeroErrors, mutants, survivors, fates } =
    allFigures(audits);
  const slack = `median slack ${slackText(medianSlack)} of ${compared} comparisons, ${above100} above 100, ${above1000} above 1000, ${zeroErrors} with an error of exactly 0`;
  const base = `Audited: ${formatCount(audits.length, 'notebook')}, ${formatCount(checks, 'check')}; ${slack}`;
  if (seed === undefined) return `${base}.`;
  const kinds = Object.entries(fates).map(([fate, count]) => `${count} ${fate}`);
  return `${base}.\nMutants (seed ${seed}): ${mutants} tried, ${survivors} alive${mutants > 0 ? ` (${kinds.join(', ')})` : ''}.`;
}

/** Everything, for programs. */
export function auditJson(audits: readonly NotebookAudit[], seed: number | undefined): unknown {
  return {
    figures: shownFigures(allFigures(audits)),
    ...(seed !== undefined && { seed }),
    notebooks: audits.map(({ name, notes, figures, findings, mutants, notebook }) => ({
      name,
      notes,
      figures: shownFigures(figures),
      findings: findings.map(({ rule, message, cell, start }) => ({
        ...{ rule, cell: cell.number, id: cell.id },
        line: (notebook.cells[cell.number - 1]?.source ?? '').slice(0, start).split('\n').length,
        message,
      })),
      mutants: mutants.tried.map(({ cell, line, mutation, fate, caughtBy }) => ({
        ...{
          cell: cell.number,
          id: cell.id,
          line,
          kind: mutation.kind,
          mutation: mutation.description,
          fate,
        },
        alive: survives({ cell, line, mutation, fate, caughtBy }),
        ...(caughtBy && { caughtBy }),
      })),
      untried: mutants.untried.map(({ cell, reason }) => ({ cell: cell.number, id: cell.id, reason })),
    })),
  };
}

/** JSON has no NaN. */
function shownFigures(figures: Figures): unknown {
  return Object.fromEntries(
    Object.entries(figures).map(([name, value]) => [
      name,
      typeof value === 'number' && Number.isNaN(value) ? null : value,
    ]),
  );
}
