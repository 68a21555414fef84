/** What a check prints: each finding as `tsc --pretty` does, with notebook, cell and id for the file; then a summary. */
import { stripVTControlCharacters } from 'node:util';
import { formatCount } from '../../src/display/format.js';
import type { CheckedNotebook } from './finding.js';

export function findingsText(notebooks: readonly CheckedNotebook[], hasColors: boolean): string {
  const text = notebooks.flatMap(({ findings }) => findings.map(({ pretty }) => pretty)).join('\n\n');
  return hasColors ? text : stripVTControlCharacters(text);
}

export function isGitHubActions(env: NodeJS.ProcessEnv = process.env): boolean {
  return env.GITHUB_ACTIONS === 'true';
}

/** `2 errors in 1 of 3 notebooks, 1 warning`. */
export function countText(notebooks: readonly CheckedNotebook[]): string {
  const findings = notebooks.flatMap((notebook) => notebook.findings);
  const errors = findings.filter(({ severity }) => severity === 'error').length;
  const bad = notebooks.filter((one) => one.findings.some(({ severity }) => severity === 'error')).length;
  const of =
    errors > 0
      ? `${bad} of ${formatCount(notebooks.length, 'notebook')}`
      : formatCount(notebooks.length, 'notebook');
  const warnings = findings.length - errors;
  const rest = warnings > 0 ? `, ${formatCount(warnings, 'warning')}` : '';
  return `${errors === 0 ? 'no errors' : formatCount(errors, 'error')} in ${of}${rest}`;
}

/** One line for all notebooks that another kernel runs. */
export function foreignText(foreign: readonly { name: string; kernel: string | undefined }[]): string {
  const kernels = [...new Set(foreign.map(({ kernel }) => kernel ?? 'none'))].join(', ');
  const names =
    foreign.length <= 3
      ? foreign.map(({ name }) => name).join(', ')
      : formatCount(foreign.length, 'notebook');
  return `Not type-checked, for other kernels (${kernels}): ${names}`;
}
