/** Comparisons of a thing with itself: one expression on both sides, one object, one path. */
import { profileMimeType } from '../../../src/workbench/profile/report.js';
import { isObject } from '../../notebook/format.js';
import { cellRecords } from '../../notebook/verifications.js';
import type { AuditedCell, CheckCall } from '../cells/cell.js';
import type { RecordedCheck } from '../checks.js';
import { type AuditFinding, atCheck, firstLine, placeOf, type Rule } from './rule.js';

/** A refute of a thing with itself fails by itself. */
const compares = new Set(['verify', 'verifyEqual', 'verifyRelation', 'assert']);

export const sameValues: Rule = ({ cells, checks }) => {
  const inSource = cells.flatMap((cell) =>
    cell.analysis.checks
      .filter((call) => isOfItself(call) && !didDiffer(call, checks))
      .map((call): AuditFinding => {
        const [one, other] = call.args as [CheckCall['args'][0], CheckCall['args'][0]];
        const both =
          one.text === other.text
            ? `\`${one.text}\``
            : `\`${one.text}\` and \`${other.text}\`, which are one expression,`;
        const message = `${call.kind}${call.name ? ` "${call.name}"` : ''}: ${both} on both sides: it cannot fail`;
        return { rule: 'same-value', message, cell: placeOf(cell), start: call.start, end: call.end };
      }),
  );
  const recorded = checks.filter(({ evidence, call }) => evidence?.same && !(call && isOfItself(call)));
  return [
    ...inSource,
    ...recorded.map((check) =>
      atCheck(check, 'same-value', 'one object was given on both sides: it cannot fail'),
    ),
  ];
};

/** One expression that gave two values, as a call that draws or counts does. */
function didDiffer(call: CheckCall, checks: readonly RecordedCheck[]): boolean {
  return (checks.find((check) => check.call === call)?.numbers?.maxAbsolute ?? 0) > 0;
}

function isOfItself({ kind, args }: CheckCall): boolean {
  const [one, other] = args;
  if (!compares.has(kind) || !one || !other || one.same !== other.same) return false;
  return !/^[\d.'"`-]+$/.test(one.same) || one.text === other.text;
}

/** Names under which a row is meant to be another path than its neighbour. */
const pathName = /fused|composed|融合|组合/i;

export const equalPaths: Rule = ({ cells, checks }) => [
  ...cells.flatMap(profiledPaths),
  ...checks.flatMap((check) => {
    const [one, other] = check.call?.args ?? [];
    const differOnlyInPath = one && other && one.same !== other.same && one.samePath === other.samePath;
    // Of a value that was computed before the check the path is not known; without an error it was the same.
    const tookOne = check.path === undefined ? check.numbers?.maxAbsolute === 0 : isComposed(check.path);
    if (!differOnlyInPath || !tookOne) return [];
    const took = check.path ?? 'one path';
    return [atCheck(check, 'equal-paths', `both sides took ${took} on ${check.backend ?? 'this backend'}`)];
  }),
];

const isComposed = (path: string) => path === 'composed';

/** Rows of a profile that ran the same way although they are shown as different ones. */
function profiledPaths(cell: AuditedCell): AuditFinding[] {
  const calls = cell.analysis.profiles;
  return cellRecords(cell.cell, profileMimeType).flatMap((record) => {
    const rows = (Array.isArray(record.measurements) ? record.measurements : []).filter(isObject);
    const call =
      calls.find(({ ways }) => ways[0]?.name === record.name) ?? (calls.length === 1 ? calls[0] : undefined);
    const [subject, ...others] = rows;
    if (!subject) return [];
    const twins = others.filter((row) => row.path === subject.path && isMeantOther(row, subject, call));
    return twins.map(
      (row): AuditFinding => ({
        rule: 'equal-paths',
        message: `profile "${String(record.name)}": "${String(row.name)}" and "${String(subject.name)}" both took the path ${String(row.path)}; their times differ by chance`,
        cell: placeOf(cell),
        ...(call ? { start: call.start, end: call.end } : firstLine(cell.cell.source)),
      }),
    );
  });
}

function isMeantOther(
  row: Record<string, unknown>,
  subject: Record<string, unknown>,
  call: AuditedCell['analysis']['profiles'][number] | undefined,
): boolean {
  const of = ({ name }: Record<string, unknown>) => call?.ways.find((way) => way.name === name)?.samePath;
  const [one, other] = [of(row), of(subject)];
  if (one !== undefined && other !== undefined) return one === other;
  return pathName.test(String(row.name)) || pathName.test(String(subject.name));
}
