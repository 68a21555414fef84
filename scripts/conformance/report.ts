/** The result of the suite as a Markdown table: checks as rows, kernels as columns, and below it why. */
import type { CheckResult, KernelResult, Verdict } from './run-suite.js';

export interface SuiteReport {
  command: string;
  measuredAt: string;
  commit: string;
  machine: { platform: string; cpu: string; node: string };
  kernels: KernelResult[];
}

export interface Totals {
  pass: number;
  fail: number;
  notApplicable: number;
}

export function totals({ results }: KernelResult): Totals {
  const count = (verdict: Verdict) => results.filter((result) => result.verdict === verdict).length;
  return { pass: count('pass'), fail: count('fail'), notApplicable: count('n/a') };
}

const shown: Record<Verdict, string> = { pass: 'pass', fail: '**FAIL**', 'n/a': 'n/a' };

export function conformanceMarkdown({ kernels, ...report }: SuiteReport): string {
  const names = kernels.map(({ kernel }) => text(kernel));
  const rows = (kernels[0]?.results ?? []).flatMap((first, index, all) => {
    const heading =
      first.group === all[index - 1]?.group ? [] : [row([`**${first.group}**`, ...names.map(() => '')])];
    const verdicts = kernels.map(({ results }) => shown[results[index]!.verdict]);
    return [...heading, row([text(first.check), ...verdicts])];
  });
  const sums = kernels.map((kernel) => {
    const { pass, fail } = totals(kernel);
    return `**${pass} of ${pass + fail}**`;
  });
  const lines = [
    '# Conformance of Jupyter kernels',
    '',
    'Each row is a rule of the Jupyter messaging specification; `kernelbook conformance` drives every kernel through it by the',
    'same client. The total counts the rules that apply; n/a: the language or library of the kernel has no way to do it.',
    '',
    ...kernels.map(
      (kernel) =>
        `- ${text(kernel.kernel)}: ${text(kernel.implementation)} ${text(kernel.version)}, ${text(kernel.languageVersion)}, says protocol ${text(kernel.protocol)}, interrupted by ${kernel.interruptMode}; ${kernel.messages} messages received`,
    ),
    `- machine: ${report.machine.platform}, ${text(report.machine.cpu)}, Node ${report.machine.node}`,
    `- commit: ${report.commit}; measured ${report.measuredAt}; command: \`${report.command}\``,
    '',
    row(['check', ...names]),
    row(['---', ...names.map(() => ':-:')]),
    ...rows,
    row(['**total**', ...sums]),
    '',
    ...kernels.flatMap(notes),
  ];
  return `${lines.join('\n').trimEnd()}\n`;
}

function notes({ kernel, results }: KernelResult): string[] {
  const noted = results.filter(({ verdict }) => verdict !== 'pass');
  if (noted.length === 0) return [];
  return [`## ${text(kernel)}`, '', ...noted.map(note), ''];
}

function note({ check, section, verdict, why }: CheckResult): string {
  return `- ${shown[verdict]} ${text(check)} (${section}): ${text(why ?? '')}`;
}

function row(cells: readonly string[]): string {
  return `| ${cells.join(' | ')} |`;
}

/** Names and messages come from the kernels; a table must survive them. */
function text(from: string): string {
  return from.replace(/[|\\`*_<>]/g, (character) => `\\${character}`).replace(/\s+/g, ' ');
}
