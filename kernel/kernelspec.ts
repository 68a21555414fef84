/**
 * Kernelspecs: which kernels this machine has. Looks where Jupyter looks (JUPYTER_PATH, the active or local virtual
 * environment, the user's folder, the system's folders). The name `kernelbook` is always this package's own kernel.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join, resolve } from 'node:path';
import { packageRoot } from './package-root.js';

export interface KernelSpec {
  name: string;
  displayName: string;
  language: string;
  argv: string[];
  interruptMode: 'signal' | 'message';
  env: Record<string, string>;
  /** The folder of kernel.json, `{resource_dir}` in argv. */
  resourceDir: string;
  metadata: Record<string, unknown>;
}

export class KernelSpecError extends Error {
  override name = 'KernelSpecError';
}

export const ownName = 'kernelbook';
export const ownDisplayName = 'TypeScript (kernelbook)';

export interface SearchContext {
  cwd?: string;
  env?: NodeJS.ProcessEnv;
}

/** The kernel of this package, whether or not a kernelspec of it is installed. */
export function ownKernelSpec(): KernelSpec {
  return {
    name: ownName,
    displayName: ownDisplayName,
    language: 'typescript',
    argv: [
      process.execPath,
      join(packageRoot(), 'dist', 'kernel', 'bundled', 'main.cjs'),
      '{connection_file}',
    ],
    interruptMode: 'message',
    env: {},
    resourceDir: join(packageRoot(), 'dist', 'kernel'),
    metadata: {},
  };
}

/** The user's Jupyter data folder, as jupyter_core chooses it. */
export function userDataDir(env: NodeJS.ProcessEnv = process.env): string {
  if (env.JUPYTER_DATA_DIR) return env.JUPYTER_DATA_DIR;
  if (process.platform === 'darwin') return join(homedir(), 'Library', 'Jupyter');
  if (process.platform === 'win32') return join(env.APPDATA ?? homedir(), 'jupyter');
  return join(env.XDG_DATA_HOME || join(homedir(), '.local', 'share'), 'jupyter');
}

/** The prefix of the active virtual or conda environment, or of `.venv` in `cwd`; undefined where there is none. */
export function environmentPrefix({
  cwd = process.cwd(),
  env = process.env,
}: SearchContext = {}): string | undefined {
  const active = env.VIRTUAL_ENV || env.CONDA_PREFIX;
  if (active) return active;
  const local = resolve(cwd, '.venv');
  return existsSync(join(local, 'pyvenv.cfg')) ? local : undefined;
}

/** Data folders in order of precedence. */
function dataDirs(context: SearchContext = {}): string[] {
  const env = context.env ?? process.env;
  const prefix = environmentPrefix(context);
  const packagePrefix = resolve(packageRoot(), '.venv');
  return [
    ...new Set([
      ...(env.JUPYTER_PATH ? env.JUPYTER_PATH.split(delimiter).filter(Boolean) : []),
      ...(prefix ? [join(prefix, 'share', 'jupyter')] : []),
      userDataDir(env),
      ...(process.platform === 'win32'
        ? [join(env.PROGRAMDATA ?? 'C:\\ProgramData', 'jupyter')]
        : ['/usr/local/share/jupyter', '/usr/share/jupyter']),
      // Last: the environment that this checkout prepares for its own tests.
      ...(existsSync(packagePrefix) ? [join(packagePrefix, 'share', 'jupyter')] : []),
    ]),
  ];
}

/** All kernels by name; of two with one name the first found wins. Unreadable kernelspecs are left out. */
export function listKernelSpecs(context: SearchContext = {}): KernelSpec[] {
  const specs = new Map<string, KernelSpec>([[ownName, ownKernelSpec()]]);
  for (const dir of dataDirs(context)) {
    const kernels = join(dir, 'kernels');
    if (!existsSync(kernels)) continue;
    for (const entry of readdirSync(kernels).sort()) {
      const name = entry.toLowerCase();
      const file = join(kernels, entry, 'kernel.json');
      if (specs.has(name) || !existsSync(file)) continue;
      try {
        specs.set(name, readKernelSpec(name, join(kernels, entry), dir));
      } catch (error) {
        if (!(error instanceof KernelSpecError)) throw error;
      }
    }
  }
  return [...specs.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** Finds a kernel by name. @throws KernelSpecError naming the kernels there are, and the nearest one. */
export function findKernelSpec(name: string, context: SearchContext = {}): KernelSpec {
  const wanted = name.toLowerCase();
  if (wanted === ownName) return ownKernelSpec();
  for (const dir of dataDirs(context)) {
    const folder = join(dir, 'kernels', wanted);
    if (existsSync(join(folder, 'kernel.json'))) return readKernelSpec(wanted, folder, dir);
  }
  const specs = listKernelSpecs(context);
  const exact = specs.find((spec) => spec.name === wanted);
  if (exact) return exact;
  const names = specs.map((spec) => spec.name);
  const near = nearest(wanted, names);
  throw new KernelSpecError(
    `no kernel named ${JSON.stringify(name)}${near ? `, did you mean ${JSON.stringify(near)}?` : '.'} Kernels here: ${names.join(', ')}`,
  );
}

function readKernelSpec(name: string, folder: string, dataDir: string): KernelSpec {
  const file = join(folder, 'kernel.json');
  const fail = (what: string): never => {
    throw new KernelSpecError(`kernelspec ${file}: ${what}`);
  };
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    return fail((error as Error).message);
  }
  const spec = (typeof value === 'object' && value !== null ? value : {}) as Record<string, unknown>;
  const argv = spec.argv;
  if (!Array.isArray(argv) || argv.length === 0 || !argv.every((word) => typeof word === 'string'))
    return fail('argv is not a list of strings');
  const env = typeof spec.env === 'object' && spec.env !== null ? (spec.env as Record<string, unknown>) : {};
  return {
    name,
    displayName: typeof spec.display_name === 'string' ? spec.display_name : name,
    language: typeof spec.language === 'string' ? spec.language : '',
    argv: [pythonOf(argv[0] as string, dataDir), ...(argv.slice(1) as string[])],
    interruptMode: spec.interrupt_mode === 'message' ? 'message' : 'signal',
    env: Object.fromEntries(Object.entries(env).map(([key, text]) => [key, String(text)])),
    resourceDir: folder,
    metadata: typeof spec.metadata === 'object' ? { ...spec.metadata } : {},
  };
}

/** A kernelspec that says just `python` means the interpreter of the prefix it is installed in. */
function pythonOf(program: string, dataDir: string): string {
  if (!/^python(\d(\.\d+)?)?$/.test(program)) return program;
  const bin = process.platform === 'win32' ? 'Scripts/python.exe' : 'bin/python';
  const interpreter = resolve(dataDir, '..', '..', bin);
  return existsSync(interpreter) ? interpreter : program;
}

/** The candidate with the smallest edit distance, if it is near enough to be a slip of the hand. */
export function nearest(word: string, candidates: readonly string[]): string | undefined {
  const ranked = candidates
    .map((candidate) => ({ candidate, distance: editDistance(word, candidate.toLowerCase()) }))
    .sort((a, b) => a.distance - b.distance);
  const best = ranked[0];
  if (!best || best.distance > Math.max(2, word.length / 3)) return undefined;
  // With nothing in common, two short words are as near.
  return best.distance < Math.max(word.length, best.candidate.length) ? best.candidate : undefined;
}

function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++)
      next.push(Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)));
    row = next;
  }
  return row[b.length]!;
}
