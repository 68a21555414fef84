/** `kernelbook lint-prose`: its options and exit status. */
import { type Command, InvalidArgumentError } from 'commander';
import { type Targets, targetsOr } from '../notebook/default-targets.js';
import { exitStatus } from '../run/verdict.js';

interface LintOptions {
  rules?: string[];
  json?: boolean;
  sarif?: string;
  maxFindings: number;
}

export function registerLintProse(program: Command): void {
  program
    .command('lint-prose')
    .description(
      'lint the prose of notebooks without running them: terms, typography, numbers, two languages that differ',
    )
    .argument('[notebooks...]', 'notebooks or folders (default: those of this folder)')
    .option('--rules <names...>', 'only these rules')
    .option('--json', 'print the findings as JSON')
    .option('--sarif <file>', 'write the findings as a SARIF log')
    .option('--max-findings <number>', 'fail (exit status 3) where there are more', count, 0)
    .action(async (targets: string[], options: LintOptions) => {
      process.exitCode = await lint(targetsOr(targets), options);
    });
}

async function lint(
  { targets, without }: Targets,
  { rules, json, sarif, maxFindings }: LintOptions,
): Promise<number> {
  const { selectNotebooks, SelectionError } = await import('../notebook/select.js');
  const { readNotebook, NotebookFileError } = await import('../notebook/read.js');
  const { lintNotebook } = await import('./lint.js');
  const { ruleTexts } = await import('./finding.js');
  const unknown = rules?.find((rule) => !Object.hasOwn(ruleTexts, rule));
  if (unknown !== undefined) {
    console.error(
      `kernelbook lint-prose: there is no rule ${unknown}; there are ${Object.keys(ruleTexts).join(', ')}`,
    );
    return exitStatus.usage;
  }
  try {
    const linted = [];
    for (const { name, path } of await selectNotebooks(targets, process.cwd(), without)) {
      const one = lintNotebook(name, path, await readNotebook(path));
      linted.push({ ...one, findings: one.findings.filter(({ code }) => !rules || rules.includes(code)) });
    }
    const findings = linted.flatMap((one) =>
      one.findings.map((finding) => ({ notebook: one.name, finding })),
    );
    const { formatCount } = await import('../../src/display/format.js');
    if (json) {
      const plain = findings.map(({ notebook, finding: { code, message, cell, line, column } }) => ({
        ...{ notebook, cell: cell.number, id: cell.id, line, column, rule: code, message },
      }));
      console.log(JSON.stringify(plain, null, 2));
    } else {
      for (const { finding } of findings) console.log(finding.pretty);
      const counts = Object.entries(ruleTexts).flatMap(([rule, text]) => {
        const found = findings.filter(({ finding }) => finding.code === rule).length;
        return found > 0 ? [`${String(found).padStart(5)}  ${rule}: ${text}`] : [];
      });
      if (counts.length > 0) console.log(`\n${counts.join('\n')}\n`);
      console.log(
        `Linted: ${formatCount(findings.length, 'finding')} in ${formatCount(linted.length, 'notebook')}.`,
      );
    }
    if (sarif !== undefined) {
      const { sarifLog } = await import('../check/sarif.js');
      const { writeReportFile } = await import('../reports/write.js');
      const log = await sarifLog(linted, [], ruleTexts);
      if (!(await writeReportFile('kernelbook lint-prose', sarif, `${JSON.stringify(log, null, 2)}\n`)))
        return exitStatus['not saved'];
    }
    return findings.length > maxFindings ? exitStatus.assertion : exitStatus.passed;
  } catch (error) {
    if (!(error instanceof SelectionError || error instanceof NotebookFileError)) throw error;
    console.error(`kernelbook lint-prose: ${error.message}`);
    return exitStatus.usage;
  }
}

function count(text: string): number {
  if (!/^\d+$/.test(text)) throw new InvalidArgumentError('Give a whole number.');
  return Number(text);
}
