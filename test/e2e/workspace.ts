/**
 * A throw-away copy of notebooks to run, and the Jupyter folders (config, data, runtime) for programs that run them, so
 * that a test neither reads the user's Jupyter settings nor changes the tree. It lies inside the package, under build/,
 * so that a cell's `import 'kernelbook'` resolves as it does beside the real notebooks.
 */
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import path from 'node:path';
import { packageRoot } from '../../scripts/setup/part.js';

export interface Workspace {
  /** Where the notebooks are. */
  folder: string;
  /** Environment for Jupyter programs started on it. */
  env: NodeJS.ProcessEnv;
  /** Where server and kernels write their connection files. */
  runtime: string;
  remove(): void;
}

export const venvProgram = (name: string): string => path.join(packageRoot, '.venv', 'bin', name);

/** The notebook that the end-to-end tests drive: the first of notebooks/, else the fixture. */
export function mainNotebook(): string {
  const folder = path.join(packageRoot, 'notebooks');
  const first = readdirSync(folder).find((name) => /^01-.*\.ipynb$/.test(name));
  return first ? path.join(folder, first) : fixtureNotebook;
}

export const fixtureNotebook = path.join(packageRoot, 'test', 'e2e', 'fixtures', 'figure.ipynb');

/** Copies the given notebooks side by side into a new workspace. */
export function makeWorkspace(notebooks: string[]): Workspace {
  const parent = path.join(packageRoot, 'build', 'e2e');
  mkdirSync(parent, { recursive: true });
  const root = mkdtempSync(path.join(parent, 'run-'));
  const folder = path.join(root, 'notebooks');
  mkdirSync(folder);
  for (const notebook of notebooks) cpSync(notebook, path.join(folder, path.basename(notebook)));
  const runtime = path.join(root, 'runtime');
  return {
    folder,
    runtime,
    env: {
      ...process.env,
      JUPYTER_CONFIG_DIR: path.join(root, 'config'),
      JUPYTER_DATA_DIR: path.join(root, 'data'),
      JUPYTER_RUNTIME_DIR: runtime,
      IPYTHONDIR: path.join(root, 'ipython'),
      JUPYTER_PLATFORM_DIRS: '1',
      VIRTUAL_ENV: path.join(packageRoot, '.venv'),
      PATH: `${path.dirname(venvProgram('python'))}${path.delimiter}${process.env.PATH}`,
    },
    remove: () => rmSync(root, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 }),
  };
}

/** Processes that name a path below `folder` on their command line: kernels name their connection file. */
export function processesNaming(folder: string): { pid: number; command: string }[] {
  return readdirSync('/proc').flatMap((entry) => {
    const pid = Number(entry);
    if (!Number.isInteger(pid) || pid === process.pid) return [];
    try {
      const command = readFileSync(`/proc/${entry}/cmdline`, 'latin1').replaceAll('\0', ' ');
      return command.includes(folder) || readlinkSync(`/proc/${entry}/cwd`).startsWith(folder)
        ? [{ pid, command }]
        : [];
    } catch {
      return []; // ended meanwhile
    }
  });
}

/** Waits until no process names the folder; gives those that are left after `seconds`. */
export async function processesLeft(folder: string, seconds: number): Promise<string[]> {
  const end = Date.now() + seconds * 1000;
  for (;;) {
    const left = processesNaming(folder);
    if (left.length === 0 || Date.now() > end) return left.map(({ pid, command }) => `${pid} ${command}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
