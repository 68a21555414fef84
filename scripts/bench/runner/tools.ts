/** The runners that are compared, each with the command that runs all of its notebooks in one process. */
import { join } from 'node:path';
import { packageRoot } from '../../../kernel/package-root.js';
import type { BenchPlace } from './place.js';

export type ToolName = 'kernelbook run' | 'papermill' | 'nbclient';
export const toolNames: readonly ToolName[] = ['kernelbook run', 'papermill', 'nbclient'];

export interface ToolRun {
  notebooks: readonly string[];
  output: string;
  jobs?: number;
}

export function commandOf(
  tool: ToolName,
  { notebooks, output, jobs = 1 }: ToolRun,
  { python }: BenchPlace,
): string[] {
  if (tool !== 'kernelbook run') {
    const script = join(packageRoot(), 'scripts', 'bench', 'runner', 'drive.py');
    return [python, script, tool, output, ...notebooks];
  }
  const main = join(packageRoot(), 'dist', 'scripts', 'main.js');
  return [process.execPath, main, 'run', '-o', output, '--jobs', String(jobs), '--no-cache', ...notebooks];
}

/** What the Python side consists of. @throws Error where something of it is missing */
export async function pythonVersions(place: BenchPlace): Promise<string> {
  const program = [
    'import sys, importlib.metadata as m',
    "names = ['papermill', 'nbclient', 'ipykernel']",
    "print('Python', sys.version.split()[0] + ',', ', '.join(f'{n} {m.version(n)}' for n in names))",
  ].join('\n');
  return (await place.run([place.python, '-c', program])).stdout.trim();
}
