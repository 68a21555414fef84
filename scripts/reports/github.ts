/**
 * Annotations of GitHub Actions: lines on standard output that show an error at a line of a file.
 * Reference: GitHub, "Workflow commands for GitHub Actions".
 */
import { relative, resolve, sep } from 'node:path';
import { plainText } from '../run/shown-text.js';
import type { NotebookReport } from './cells.js';

export interface Annotation {
  level: 'error' | 'warning' | 'notice';
  /** Absolute, or from the current folder; none for what is at no place. */
  file?: string;
  place: { line?: number | undefined; col?: number; endLine?: number; endColumn?: number };
  title: string;
  message: string;
}

/** The line that makes the annotation. Files are named from the root of the checkout, as GitHub wants them. */
export function annotationLine(
  { level, file, place, title, message }: Annotation,
  env = process.env,
): string {
  const fromRoot =
    file &&
    relative(env.GITHUB_WORKSPACE || process.cwd(), resolve(file))
      .split(sep)
      .join('/');
  const properties = Object.entries({ file: fromRoot, ...place, title })
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}=${escapeProperty(String(value))}`);
  return `::${level} ${properties.join(',')}::${escapeData(plainText(message))}`;
}

/** One for each problem of the notebooks. Type errors found before the run are told by the check, each of them. */
export function runAnnotations(reports: readonly NotebookReport[]): Annotation[] {
  return reports.flatMap(({ result, cells, problems }) => {
    if (result.verdict === 'type error' && result.ran === 0) return [];
    const one =
      (place: string, line: number | undefined) => (problem: NotebookReport['problems'][number]) => ({
        level: 'error' as const,
        file: result.name,
        place: { line },
        title: `${result.verdict}: ${place}`,
        message: [`${problem.type}: ${problem.message}`, ...problem.details].join('\n'),
      });
    return [
      ...problems.map(one('the notebook', undefined)),
      ...cells.flatMap((cell) =>
        cell.problems.map(one(`cell ${cell.number} "${cell.id}"`, cell.failedAt?.fileLine)),
      ),
    ];
  });
}

function escapeData(text: string): string {
  return text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
}

function escapeProperty(text: string): string {
  return escapeData(text).replaceAll(':', '%3A').replaceAll(',', '%2C');
}
