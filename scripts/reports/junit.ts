/**
 * A run as JUnit XML: a suite per notebook, a case per code cell. The elements, attributes and their order are those of
 * the schema that Jenkins, GitLab and the Ant task share.
 */
import { plainText, shortened } from '../run/shown-text.js';
import type { NotebookReport, Problem } from './cells.js';

/** @param name of the command that made them */
export function junitXml(reports: readonly NotebookReport[], name = 'kernelbook run'): string {
  const suites = reports.map(suite);
  const total = (key: 'tests' | 'failures' | 'errors' | 'skipped') =>
    suites.reduce((sum, one) => sum + one.counts[key], 0);
  const seconds = reports.reduce((sum, { result }) => sum + result.seconds, 0);
  const root = attributes({
    name,
    tests: total('tests'),
    failures: total('failures'),
    errors: total('errors'),
    time: seconds.toFixed(3),
  });
  return `<?xml version="1.0" encoding="UTF-8"?>\n<testsuites${root}>\n${suites.map(({ xml }) => xml).join('\n')}\n</testsuites>\n`;
}

interface Counts {
  tests: number;
  failures: number;
  errors: number;
  skipped: number;
}

function suite(report: NotebookReport, id: number): { xml: string; counts: Counts } {
  const { result, cells, problems, started } = report;
  const className = result.name.replace(/\.ipynb$/, '');
  const cases = cells.map((cell) => {
    const name = `cell ${cell.number} "${cell.id}"`;
    const inside = [
      ...mainElement(cell.problems, cell.skipped, cell.traceback),
      ...(cell.text === '' ? [] : [element('system-out', {}, plainText(cell.text))]),
    ];
    return testCase(className, name, result.kept ? 0 : (cell.seconds ?? 0), inside);
  });
  const whole = problems.length > 0 || cells.length === 0;
  const skipped = problems.length === 0 ? result.skipped : undefined;
  if (whole) cases.unshift(testCase(className, 'the notebook', 0, mainElement(problems, skipped, undefined)));
  const all = [...(whole ? [{ problems, skipped }] : []), ...cells];
  const failed = all.filter((one) => one.problems.length > 0);
  const counts: Counts = {
    tests: all.length,
    failures: failed.filter((one) => one.problems[0]!.kind === 'failure').length,
    errors: failed.filter((one) => one.problems[0]!.kind === 'error').length,
    skipped: all.filter((one) => one.problems.length === 0 && one.skipped !== undefined).length,
  };
  const properties = [
    ...Object.entries({ verdict: result.verdict, output: report.output }),
    ...(result.cached ? [['cached', `ran until ${result.cached.at}`] as const] : []),
    ...result.devices.map((device) => ['device', device] as const),
    ...(result.peakMemory === undefined ? [] : [['peak-memory-bytes', String(result.peakMemory)] as const]),
  ].map(([name, value]) => element('property', { name, value }));
  const timestamp = new Date(started ?? Date.now()).toISOString().slice(0, 19);
  const head = attributes({
    ...{ id, name: result.name, package: '', hostname: 'localhost', timestamp },
    ...{ ...counts, time: result.seconds.toFixed(3) },
  });
  const body = [`<properties>${properties.join('')}</properties>`, ...cases];
  return { xml: `<testsuite${head}>\n${body.join('\n')}\n</testsuite>`, counts };
}

function testCase(className: string, name: string, seconds: number, inside: string[]): string {
  return `<testcase${attributes({ classname: className, name, time: seconds.toFixed(3) })}>${inside.join('')}</testcase>`;
}

/** A case has one such element: several problems of a cell are told in one. */
function mainElement(
  problems: Problem[],
  skipped: string | undefined,
  traceback: string | undefined,
): string[] {
  const [first] = problems;
  if (!first) return skipped === undefined ? [] : [element('skipped', { message: skipped })];
  const told = problems.flatMap(({ type, message, details }) => [
    `${type}: ${plainText(message)}`,
    ...details,
  ]);
  const text = [...told, ...(traceback === undefined ? [] : [plainText(traceback)])].join('\n');
  return [element(first.kind, { message: plainText(first.message), type: first.type }, shortened(text))];
}

function element(name: string, given: Record<string, unknown>, text = ''): string {
  const head = `${name}${attributes(given)}`;
  return text === '' ? `<${head}/>` : `<${head}>${escapeXml(text)}</${name}>`;
}

function attributes(given: Record<string, unknown>): string {
  return Object.entries(given)
    .map(
      ([name, value]) =>
        ` ${name}="${escapeXml(String(value)).replaceAll('\n', '&#10;').replaceAll('\t', '&#9;')}"`,
    )
    .join('');
}

/** XML 1.0 has no way to write most control characters; they are shown as what they are not. */
function escapeXml(text: string): string {
  return (
    text
      // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not get into the file
      .replace(/[\0-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\p{Surrogate}]/gu, '\ufffd')
      .replaceAll('&', '&amp;')
      .replaceAll('<', '&lt;')
      .replaceAll('>', '&gt;')
      .replaceAll('"', '&quot;')
      .replaceAll('\r', '&#13;')
  );
}
