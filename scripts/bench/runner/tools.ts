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
  const names = ['papermill', 'nbclient', 'ipykernel'];
  const program = `
import sys, json, importlib.metadata as m
def version(name):
    try: return m.version(name)
    except m.PackageNotFoundError: return None
print(json.dumps([sys.version.split()[0]] + [version(n) for n in sys.argv[1:]]))`;
  const hint = `the other runners need a Python with ${names.join(', ')}: pip install ${names.join(' ')}, or name one that has them with --python`;
  const ran = await place.run([place.python, '-c', program, ...names]).catch((error: unknown) => {
    throw new Error(`${place.python} does not run (${firstLine(error)}); ${hint}`);
  });
  const [python, ...versions] = JSON.parse(ran.stdout) as (string | null)[];
  const missing = names.filter((_, index) => versions[index] === null);
  if (missing.length > 0) throw new Error(`${place.python} has no ${missing.join(', no ')}; ${hint}`);
  return [`Python ${python}`, ...names.map((name, index) => `${name} ${versions[index]}`)].join(', ');
}

function firstLine(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split('\n')[0]!;
}
