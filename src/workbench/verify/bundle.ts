/**
 * How checks are shown: one line each with the verdict, the claim, the error beside what was allowed, and what it was
 * compared with; everything else is in a fold. Several checks are one table.
 */
import type { MimeBundle } from '../../display/display.js';
import { escapeHtml, textColumns, wordsHtml } from '../../display/html.js';
import { splitWords } from '../../display/words.js';
import { details } from './details.js';
import { factsJson, type VerificationFacts } from './facts.js';
import { type Outcome, outcomeOf } from './outcome.js';

export const verifyMimeType = 'application/vnd.kernelbook.verify+json';

/** The checks in all forms. The JSON is that of the one check, or a list with that of each. */
export function checksBundle(checks: readonly VerificationFacts[]): MimeBundle {
  const records = checks.map(factsJson);
  return {
    'text/plain': checksText(checks),
    'text/html': checksHtml(checks),
    [verifyMimeType]: records.length === 1 ? records[0] : records,
  };
}

const markOf = ({ passed }: VerificationFacts): string => (passed ? '✓' : '✗');

/** In a terminal a line per check, in one language; those of several are aligned. */
function checksText(checks: readonly VerificationFacts[]): string {
  const lines = checks.map((facts) => {
    const { label, value } = outcomeOf(facts);
    const shown = [english(label), english(value)].filter(Boolean).join(' ');
    return [`${markOf(facts)} ${english(facts.name)}`, shown, facts.reference ?? ''];
  });
  return lines.length === 1 ? lines[0]!.filter(Boolean).join(' · ') : textColumns(lines);
}

const english = (text: string): string => splitWords(text)?.en ?? text;

const colours = { passed: '#1a8f5a', failed: '#d64550' };
const boxStyle = (passed: boolean) =>
  `border-left:3px solid ${passed ? colours.passed : colours.failed};padding-left:0.6em;line-height:1.5;`;

function checksHtml(checks: readonly VerificationFacts[]): string {
  const passed = checks.every((check) => check.passed);
  const [only] = checks;
  const content = checks.length === 1 ? oneLine(only!) : table(checks);
  return `<div class="kernelbook-verify" style="${boxStyle(passed)}">${content}</div>`;
}

function oneLine(facts: VerificationFacts): string {
  const line = `${mark(facts)} <strong>${wordsHtml(facts.name)}</strong> · ${found(facts)}`;
  const rows = details(facts);
  return rows.length === 0 ? `<div>${line}</div>` : fold(line, [{ rows }], facts.passed);
}

function table(checks: readonly VerificationFacts[]): string {
  const lines = checks.map((facts) =>
    row([
      `<td style="${cell}">${mark(facts)}</td>`,
      `<th scope="row" style="${cell}color:inherit;font-weight:600;white-space:normal;">${wordsHtml(facts.name)}</th>`,
      `<td style="${cell}">${found(facts)}</td>`,
    ]),
  );
  const groups = checks.flatMap((facts) => {
    const rows = details(facts);
    return rows.length === 0 ? [] : [{ name: facts.name, rows }];
  });
  const failed = checks.some(({ passed }) => !passed);
  const folded = groups.length === 0 ? '' : fold(wordsHtml('details / 详情'), groups, !failed, true);
  return `<table style="${tableStyle}"><tbody>${lines.join('')}</tbody></table>${folded}`;
}

const tableStyle = 'border-collapse:collapse;font-variant-numeric:tabular-nums;margin:0;';
const cell = 'padding:0.1em 0.7em 0.1em 0;border:0;text-align:left;vertical-align:top;';
const row = (cells: readonly string[]): string => `<tr>${cells.join('')}</tr>`;

/** In the colour of the text: no green or red is legible on light and on dark paper; the bar beside the checks has them. */
function mark(facts: VerificationFacts): string {
  const words = facts.passed ? 'passed' : 'failed';
  return `<span role="img" aria-label="${words}" style="font-weight:600;">${markOf(facts)}</span>`;
}

/** A number must not be broken at its exponent. */
const longestUnbroken = 24;

/** What was found, and what it was compared with. */
function found(facts: VerificationFacts): string {
  const { label, value }: Outcome = outcomeOf(facts);
  const unbroken = value !== '' && value.length <= longestUnbroken;
  const shown = unbroken ? `<span style="white-space:nowrap;">${wordsHtml(value)}</span>` : wordsHtml(value);
  const outcome = [wordsHtml(label), shown].filter(Boolean).join(' ');
  return facts.reference
    ? `${outcome} · <span style="opacity:0.75;">${wordsHtml(facts.reference)}</span>`
    : outcome;
}

interface Group {
  /** Of the check, where there are several. */
  name?: string;
  rows: ReturnType<typeof details>;
}

/** Folded, unless something failed: then the details are what the reader needs next. */
function fold(summary: string, groups: readonly Group[], closed: boolean, faint = false): string {
  const lines = groups.flatMap(({ name, rows }) => [
    ...(name === undefined
      ? []
      : [
          row([
            `<th scope="rowgroup" colspan="2" style="${cell}color:inherit;font-weight:600;">${wordsHtml(name)}</th>`,
          ]),
        ]),
    ...rows.map(({ label, value }) =>
      row([
        `<th scope="row" style="${cell}color:inherit;font-weight:400;opacity:0.75;white-space:normal;">${wordsHtml(label)}</th>`,
        `<td style="${cell}">${escapeHtml(value)}</td>`,
      ]),
    ),
  ]);
  const style = `cursor:pointer;padding:0;font-weight:400;${faint ? 'font-size:0.9em;opacity:0.75;' : ''}`;
  const list = `<table style="${tableStyle}font-size:0.9em;"><tbody>${lines.join('')}</tbody></table>`;
  return `<details${closed ? '' : ' open'} style="margin:0;padding:0;border:0;"><summary style="${style}">${summary}</summary>${list}</details>`;
}
