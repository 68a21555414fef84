/**
 * A run as one HTML page: a summary, then each notebook with its cells, times, checks and, where it failed, the cell and
 * the traceback. No script, nothing loaded, every text from a notebook escaped; the look is that of the guides.
 */
import { escapeHtml } from '../../src/display/html.js';
import { ansiToHtml } from '../guide/ansi.js';
import { Highlighter } from '../guide/highlight.js';
import { styleSheet } from '../guide/style.js';
import { formatBytes } from '../run/bytes.js';
import { duration, shownVerdict, spentText } from '../run/report.js';
import type { NotebookResult } from '../run/result.js';
import { plainText } from '../run/shown-text.js';
import type { CellReport, NotebookReport, Problem } from './cells.js';

const policy =
  "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'";

export async function htmlReport(reports: readonly NotebookReport[]): Promise<string> {
  const highlighter = await Highlighter.create();
  const sections = reports.map((report, index) =>
    section(report, index, (source) => highlighter.html(source, report.language)),
  );
  const failed = reports.filter(({ result }) => result.failure !== undefined).length;
  const title =
    failed > 0 ? `${failed} of ${reports.length} notebooks failed` : `${reports.length} notebooks`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>kernelbook run: ${title}</title>
<link rel="icon" href="data:,">
<style>${styleSheet(highlighter.css())}${ownStyle}</style>
</head>
<body>
<div class="layout"><main>
<h1>Notebook run</h1>
${facts(runFacts(reports))}
${summary(reports)}
${sections.join('\n')}
</main></div>
<footer>kernelbook run</footer>
</body>
</html>
`;
}

const ownStyle = `
main{max-width:72rem}main p,main li{max-width:none}
.summary,.cells{width:100%}.number{text-align:right;font-variant-numeric:tabular-nums}
.cells td:nth-child(3){width:60%;overflow-wrap:anywhere}.cells code{font-size:.8rem}
.soft{color:var(--soft)}.error pre{white-space:pre-wrap;overflow-wrap:anywhere}
@media print{.cells tr{break-inside:avoid}}
`;

function runFacts(reports: readonly NotebookReport[]): string[] {
  const results = reports.map(({ result }) => result);
  const count = (wanted: (result: NotebookResult) => boolean) => results.filter(wanted).length;
  const passed = count(({ verdict }) => verdict === 'passed');
  const cached = count((one) => one.cached !== undefined);
  const failed = count(({ failure }) => failure !== undefined);
  const skipped = count(({ verdict }) => verdict === 'skipped');
  const [started] = reports.flatMap((report) => report.started ?? []).sort();
  return [
    `<span class="good">${passed} passed</span>`,
    ...(cached > 0 ? [`${cached} of them cached, not run`] : []),
    ...(failed > 0 ? [`<span class="bad">${failed} failed</span>`] : []),
    ...(skipped > 0 ? [`${skipped} skipped`] : []),
    ...(started ? [`started ${escapeHtml(started.slice(0, 19).replace('T', ' '))} UTC`] : []),
    ...[...new Set(results.flatMap(({ devices }) => devices))].map(escapeHtml),
  ];
}

function summary(reports: readonly NotebookReport[]): string {
  const rows = reports.map(({ result }, index) => {
    const cells = [
      `<td><a href="#kb-notebook-${index}">${escapeHtml(result.name)}</a></td>`,
      `<td class="${colour(result)}">${escapeHtml(shownVerdict(result))}</td>`,
      `<td class="number">${result.ran}/${result.cells}</td>`,
      `<td class="number">${checks(result.verifications)}</td>`,
      `<td class="number">${spentText(result)}</td>`,
      `<td class="number">${result.peakMemory === undefined ? '' : formatBytes(result.peakMemory)}</td>`,
    ];
    return `<tr>${cells.join('')}</tr>`;
  });
  const head = ['notebook', 'verdict', 'cells', 'checks', 'time', 'peak memory'].map(
    (one, index) => `<th scope="col"${index > 1 ? ' class="number"' : ''}>${one}</th>`,
  );
  return `<div class="wide"><table class="summary"><thead><tr>${head.join('')}</tr></thead><tbody>${rows.join('\n')}</tbody></table></div>`;
}

function section(report: NotebookReport, index: number, code: (source: string) => string): string {
  const { result, cells, problems } = report;
  const failing = cells.filter((cell) => cell.problems.length > 0);
  const list = [
    `<span class="${colour(result)}">${escapeHtml(shownVerdict(result))}</span>`,
    ...(result.skipped === undefined ? [] : [escapeHtml(result.skipped)]),
    ...(result.ran > 0 ? [`executed notebook: <code>${escapeHtml(report.output)}</code>`] : []),
    ...result.devices.map(escapeHtml),
  ];
  return `<section id="kb-notebook-${index}">
<h2>${escapeHtml(result.name)}</h2>
${facts(list)}
${problems.map((problem) => problemBox([problem], undefined)).join('\n')}
${failing.map((cell) => failingCell(cell, code)).join('\n')}
<details${failing.length > 0 || problems.length > 0 ? ' open' : ''}><summary>Cells</summary>${cellTable(cells)}</details>
${checkList(cells)}
</section>`;
}

function failingCell(cell: CellReport, code: (source: string) => string): string {
  const line = cell.failedAt?.line;
  const file = cell.failedAt?.fileLine;
  const place = [...(line ? [`line ${line}`] : []), ...(file ? [`line ${file} of the file`] : [])].join(', ');
  return `<h3>Cell ${cell.number} <code>${escapeHtml(cell.id)}</code>${place ? ` <small class="soft">${place}</small>` : ''}</h3>
<div class="cell">${markLine(code(cell.source), line)}</div>
${problemBox(cell.problems, cell.traceback)}`;
}

/** The highlighter's markup of a line never goes on in the next one. */
function markLine(html: string, line: number | undefined): string {
  const lines = html.split('\n');
  const wanted = line === undefined ? undefined : lines[line - 1];
  if (wanted === undefined) return html;
  const [, open = '', text = '', close = ''] =
    /^(<pre[^>]*><code>)?(.*?)(<\/code><\/pre>)?$/.exec(wanted) ?? [];
  return lines.with(line! - 1, `${open}<mark>${text}</mark>${close}`).join('\n');
}

function problemBox(problems: Problem[], traceback: string | undefined): string {
  const told = problems.map(({ type, message, details }) => {
    const list = details.map((one) => `<li>${escapeHtml(plainText(one))}</li>`).join('');
    return `<p><strong>${escapeHtml(type)}</strong>: ${escapeHtml(plainText(message))}</p>${list ? `<ul>${list}</ul>` : ''}`;
  });
  const trace = traceback === undefined ? '' : `<pre tabindex="0">${ansiToHtml(traceback)}</pre>`;
  return `<div class="error">${told.join('')}${trace}</div>`;
}

function cellTable(cells: CellReport[]): string {
  const rows = cells.map((cell) => {
    const state =
      cell.problems.length > 0
        ? '<td class="bad">failed</td>'
        : cell.skipped !== undefined
          ? `<td class="soft">${escapeHtml(cell.skipped)}</td>`
          : '<td class="good">passed</td>';
    const first = cell.source.split('\n').find((line) => line.trim() !== '') ?? '';
    const time = cell.seconds === undefined ? '' : duration(cell.seconds);
    return `<tr><td class="number">${cell.number}</td><td>${escapeHtml(cell.id)}</td><td><code>${escapeHtml(first.trim().slice(0, 120))}</code></td><td class="number">${time}</td>${state}</tr>`;
  });
  const head = ['', 'id', 'source', 'time', ''].map((one) => `<th scope="col">${one}</th>`).join('');
  return `<div class="wide"><table class="cells"><thead><tr>${head}</tr></thead><tbody>${rows.join('\n')}</tbody></table></div>`;
}

function checkList(cells: CellReport[]): string {
  const made = cells.flatMap((cell) => cell.verifications.map((check) => ({ ...check, cell: cell.number })));
  if (made.length === 0) return '';
  const items = made.map(
    ({ name, passed, cell }) =>
      `<li><span class="${passed ? 'good' : 'bad'}">${passed ? '✓' : '✗'}</span> ${escapeHtml(name)} <span class="soft">cell ${cell}</span></li>`,
  );
  return `<details><summary>Checks: ${checks(made)}</summary><ul>${items.join('')}</ul></details>`;
}

function checks(made: readonly { passed: boolean }[]): string {
  const failed = made.filter(({ passed }) => !passed).length;
  if (made.length === 0) return '';
  return failed === 0
    ? `${made.length} ok`
    : `${made.length - failed} ok, <span class="bad">${failed} failed</span>`;
}

function facts(list: string[]): string {
  return `<ul class="facts">${list.map((one) => `<li>${one}</li>`).join('')}</ul>`;
}

function colour({ failure, verdict }: NotebookResult): string {
  return failure ? 'bad' : verdict === 'passed' ? 'good' : 'soft';
}
