/** What a run shows of the check before it: the type errors or, where there are none, the first warnings about names. */
import { type CheckedNotebook, errorsOf } from './finding.js';
import { countText, findingsText, isGitHubActions } from './report.js';

/** A run is for its results: who wants to see all warnings has a command for it. */
const mostWarnings = 3;

/** @param github print them as annotations too */
export async function showTypeErrors(
  checked: readonly CheckedNotebook[],
  github = isGitHubActions(),
): Promise<void> {
  const withErrors = checked.map((one) => ({ ...one, findings: errorsOf(one) }));
  if (withErrors.every(({ findings }) => findings.length === 0)) {
    showWarnings(checked);
    return;
  }
  console.error(`${findingsText(withErrors, process.stderr.hasColors?.() ?? false)}\n`);
  if (github) {
    const { annotations } = await import('./github.js');
    for (const line of await annotations(withErrors)) console.log(line);
  }
  console.error(`Nothing was run: ${countText(withErrors)}.`);
}

function showWarnings(checked: readonly CheckedNotebook[]): void {
  const count = checked.reduce((sum, { findings }) => sum + findings.length, 0);
  if (count === 0) return;
  let room = mostWarnings;
  const first = checked.map((one) => {
    const findings = one.findings.slice(0, room);
    room -= findings.length;
    return { ...one, findings };
  });
  console.log(`${findingsText(first, process.stdout.hasColors?.() ?? false)}\n`);
  const rest = count > mostWarnings ? '; kernelbook check shows them all' : '';
  console.log(`Checked: ${countText(checked)}${rest}.`);
}
