/** What a run shows of the check before it: the type errors; warnings about names are only counted. */
import { type CheckedNotebook, errorsOf } from './finding.js';
import { countText, findingsText, isGitHubActions } from './report.js';

/** @param github print them as annotations too */
export async function showTypeErrors(
  checked: readonly CheckedNotebook[],
  github = isGitHubActions(),
): Promise<void> {
  const withErrors = checked.map((one) => ({ ...one, findings: errorsOf(one) }));
  if (withErrors.every(({ findings }) => findings.length === 0)) {
    if (checked.some(({ findings }) => findings.length > 0))
      console.log(`Checked: ${countText(checked)}; kernelbook check shows them.`);
    return;
  }
  console.error(`${findingsText(withErrors, process.stderr.hasColors?.() ?? false)}\n`);
  if (github) {
    const { annotations } = await import('./github.js');
    for (const line of await annotations(withErrors)) console.log(line);
  }
  console.error(`Nothing was run: ${countText(withErrors)}.`);
}
