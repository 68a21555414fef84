/** Audits in the forms that the reports of a check and of a run take. */
import type { CheckedNotebook } from '../check/finding.js';
import type { CellReport, NotebookReport, Problem } from '../reports/cells.js';
import type { NotebookAudit } from './audit.js';
import { findingLine } from './report.js';
import type { AuditFinding } from './rules/rule.js';

/** For the SARIF log: places in the notebook that was executed. */
export function asChecked({ name, path, notebook, findings }: NotebookAudit): CheckedNotebook {
  return {
    ...{ name, path, notebook, files: [] },
    findings: findings.map((finding) => {
      const source = notebook.cells[finding.cell.number - 1]?.source ?? '';
      const before = source.slice(0, finding.start).split('\n');
      return {
        severity: 'warning',
        code: finding.rule,
        message: finding.message,
        cell: finding.cell,
        start: finding.start,
        length: finding.end - finding.start,
        line: before.length,
        column: before.at(-1)!.length + 1,
        pretty: findingLine(name, source, finding),
      };
    }),
  };
}

/** For JUnit XML: a case for each cell that has findings or was mutated, which fails where it has findings. */
export function asReport(audit: NotebookAudit): NotebookReport {
  const { name, path, notebook, findings, notes, seconds, mutants } = audit;
  const cells = notebook.cells.flatMap((cell, index): CellReport[] => {
    const own = findings.filter((one) => one.cell.number === index + 1);
    if (cell.cell_type !== 'code' && own.length === 0) return [];
    const untried = mutants.untried.find((one) => one.cell.id === cell.id);
    return [
      {
        ...{ number: index + 1, id: cell.id, source: cell.source, seconds: undefined, verifications: [] },
        skipped: own.length === 0 && untried ? `its mutants were not tried: ${untried.reason}` : undefined,
        problems: own.map(problemOf),
        ...{ traceback: undefined, text: '', failedAt: undefined },
      },
    ];
  });
  return {
    result: {
      ...{ name, output: path, verdict: findings.length > 0 ? 'assertion' : 'passed', failure: undefined },
      ...{ ran: cells.length, cells: cells.length, verifications: [], devices: [], seconds },
      peakMemory: undefined,
    },
    ...{ output: name, language: '', started: undefined, cells },
    problems: notes.map((note) => ({ kind: 'error', type: 'not audited', message: note, details: [] })),
  };
}

function problemOf({ rule, message }: AuditFinding): Problem {
  return { kind: 'failure', type: rule, message, details: [] };
}
