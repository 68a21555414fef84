/** What a run shows of the check before it: the type errors; warnings about names are only counted. */
import { type CheckedNotebook, errorsOf } from './finding.js';
import { countText, findingsText } from './report.js';

export function showTypeErrors(checked: readonly CheckedNotebook[]): void {
  if (checked.every((one) => errorsOf(one).length === 0)) {
    if (checked.some(({ findings }) => findings.length > 0))
      console.log(`Checked: ${countText(checked)}; kernelbook check shows them.`);
    return;
  }
  const isError = ({ severity }: { severity: string }) => severity === 'error';
  console.error(`${findingsText(checked, isError, process.stderr.hasColors?.() ?? false)}\n`);
  console.error(`Nothing was run: ${countText(checked)}.`);
}
