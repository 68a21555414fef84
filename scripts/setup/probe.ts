/**
 * Tries each requirement of the test suites on this machine, without installing anything. Every probe runs in a child
 * process, so that a native addon that crashes or hangs gives a reason instead of taking the caller with it, and is
 * synchronous, so that a test file can decide while it registers its suites.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, realpathSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { mesa26Folder, mesa26Launcher } from './mesa26.js';
import { type PartName, type PartState, packageRoot } from './part.js';

const venv = path.join(packageRoot, '.venv');
export const venvPython = path.join(venv, 'bin', 'python');

interface ChildResult {
  ok: boolean;
  stdout: string;
  /** Why it failed, in one line. */
  reason: string;
}

/** Runs a program for at most `seconds` and says in one line why it failed. */
export function tryProgram(
  command: string,
  args: string[],
  seconds: number,
  env: Record<string, string> = {},
): ChildResult {
  const child = spawnSync(command, args, {
    cwd: packageRoot,
    encoding: 'utf8',
    timeout: seconds * 1000,
    killSignal: 'SIGKILL',
    env: { ...process.env, TF_CPP_MIN_LOG_LEVEL: '3', ...env },
  });
  const stdout = child.stdout ?? '';
  if (child.status === 0) return { ok: true, stdout, reason: '' };
  const timedOut = child.error !== undefined && 'code' in child.error && child.error.code === 'ETIMEDOUT';
  const complaint = (child.stderr ?? '').split('\n').filter((line) => line.trim() !== '');
  const reason = timedOut
    ? `no answer within ${seconds} s`
    : (child.error?.message ??
      complaint.find((line) => /^\S*error:/i.test(line)) ??
      complaint.find((line) => /error/i.test(line)) ??
      complaint.at(-1) ??
      (child.signal ? `ended by ${child.signal}` : `exit status ${child.status}`));
  return { ok: false, stdout, reason: reason.trim().replace(/^error: /, '') };
}

const probes: Record<PartName, () => Omit<PartState, 'name'>> = {
  webgpu: probeWebgpu,
  'subgroup-matrix': probeSubgroupMatrix,
  chromium: probeChromium,
  venv: () => probeRequirements('requirements.txt'),
  'tensorflow-python': () => probeRequirements('requirements-tensorflow.txt'),
  kernelspec: probeKernelspec,
  'papermill-plugin': probePapermillPlugin,
  tensorflow: probeTensorflow,
  mpi: probeMpi,
};

/** Tries one part now. */
export function probe(name: PartName): PartState {
  return { name, ...probes[name]() };
}

function probeWebgpu(): Omit<PartState, 'name'> {
  const script = `
    const { create } = await import('webgpu');
    globalThis.gpu = create([]);
    const adapter = await globalThis.gpu.requestAdapter();
    if (!adapter) { console.error('error: no Vulkan driver gave an adapter that Dawn accepts'); process.exit(1); }
    const device = await adapter.requestDevice();
    console.log(adapter.info.description || adapter.info.device);
    device.destroy();`;
  const child = tryProgram(process.execPath, ['--input-type=module', '-e', script], 60);
  const adapter = child.stdout.trim().split('\n').at(-1) ?? '';
  return child.ok ? { ready: true, reason: adapter } : { ready: false, reason: child.reason };
}

function probeSubgroupMatrix(): Omit<PartState, 'name'> {
  const launcher = mesa26Launcher();
  if (!launcher) return { ready: false, reason: `no Mesa 26 in ${mesa26Folder}` };
  const script = `
    const { create } = await import('webgpu');
    globalThis.gpu = create(['enable-dawn-features=allow_unsafe_apis']);
    const adapter = await globalThis.gpu.requestAdapter();
    const [first] = adapter?.info.subgroupMatrixConfigs ?? [];
    if (!first) { console.error('error: its adapter has no subgroup matrices'); process.exit(1); }
    console.log(adapter.info.description);
    process.exit(0);`;
  const args = [...launcher.args, '--input-type=module', '-e', script];
  const child = tryProgram(launcher.command, args, 60, launcher.env);
  return child.ok
    ? { ready: true, reason: child.stdout.trim().split('\n').at(-1) ?? '' }
    : { ready: false, reason: `Mesa 26 in ${mesa26Folder} does not work: ${child.reason}` };
}

/** Two ranks that add one each: `mpirun` starts processes, and they find each other. */
function probeMpi(): Omit<PartState, 'name'> {
  const compiler = tryProgram('mpicc', ['--version'], 60);
  if (!compiler.ok) return { ready: false, reason: compiler.reason };
  const library = pathToFileURL(
    path.join(packageRoot, 'dist', 'src', 'parallel', 'communicator', 'index.js'),
  ).href;
  const script = `
    const { mpi, mpiVersion } = await import('${library}');
    const version = await mpi(async (comm) => {
      const sum = await comm.allReduce(Float32Array.of(1));
      if (sum[0] !== 2) throw new Error('two ranks added up to ' + sum[0]);
      return comm.rank === 0 ? mpiVersion() : '';
    });
    if (version) console.log(version);`;
  const args = [...mpirunArguments(2), process.execPath, '--input-type=module', '-e', script];
  const child = tryProgram('mpirun', args, 120, mpiEnvironment);
  const version = child.stdout.trim().split('\n').at(-1) ?? '';
  return child.ok ? { ready: true, reason: version } : { ready: false, reason: child.reason };
}

/** More ranks than cores, on this machine only. Open MPI's own options, as variables, which others ignore. */
export const mpiEnvironment = {
  OMPI_ALLOW_RUN_AS_ROOT: '1',
  OMPI_ALLOW_RUN_AS_ROOT_CONFIRM: '1',
  OMPI_MCA_rmaps_base_oversubscribe: '1',
  OMPI_MCA_mpi_yield_when_idle: '1',
  OMPI_MCA_btl: 'self,vader',
} as const;

export function mpirunArguments(ranks: number): string[] {
  return ['-n', String(ranks)];
}

/** The browser to use: CHROMIUM_PATH, else the first Chromium or Chrome on the PATH. */
export function findChromium(): { path: string } | { missing: string } {
  const asked = process.env.CHROMIUM_PATH;
  if (asked)
    return existsSync(asked)
      ? { path: asked }
      : { missing: `CHROMIUM_PATH names ${asked}, which is not there` };
  let snap = false;
  for (const name of ['chromium', 'google-chrome', 'google-chrome-stable', 'chromium-browser']) {
    for (const folder of (process.env.PATH ?? '').split(path.delimiter)) {
      const candidate = path.join(folder, name);
      if (folder === '' || !existsSync(candidate)) continue;
      if (isSnap(candidate)) snap = true;
      else return { path: candidate };
    }
  }
  return {
    missing: snap
      ? 'only a snap Chromium is there, which cannot read files outside the home folder: install google-chrome or set CHROMIUM_PATH'
      : 'no chromium or google-chrome on the PATH, and CHROMIUM_PATH is not set',
  };
}

/** Ubuntu's chromium package is a link or a small shell script that starts (or asks to install) a snap. */
function isSnap(file: string): boolean {
  const target = realpathSync(file);
  if (target.startsWith('/snap/') || target.endsWith('/snap')) return true;
  const start = readFileSync(target).subarray(0, 4096).toString('latin1');
  return start.startsWith('#!') && start.includes('/snap/bin/chromium');
}

function probeChromium(): Omit<PartState, 'name'> {
  const found = findChromium();
  if ('missing' in found) return { ready: false, reason: found.missing };
  const child = tryProgram(found.path, ['--version'], 30);
  return child.ok
    ? { ready: true, reason: `${child.stdout.trim()} at ${found.path}` }
    : { ready: false, reason: `${found.path} does not start: ${child.reason}` };
}

/** The pinned lines of a requirements file: names and exact versions. */
export function readRequirements(file: string): { name: string; version: string }[] {
  const text = readFileSync(path.join(packageRoot, 'scripts', 'setup', file), 'utf8');
  return text.split('\n').flatMap((line) => {
    const match = /^\s*([A-Za-z0-9._-]+)==(\S+)/.exec(line);
    return match ? [{ name: match[1]!, version: match[2]! }] : [];
  });
}

function probeRequirements(file: string): Omit<PartState, 'name'> {
  if (!existsSync(venvPython)) return { ready: false, reason: 'there is no .venv with Python in it' };
  const wanted = readRequirements(file);
  const script =
    'import sys\nfrom importlib.metadata import version, PackageNotFoundError\nfor n in sys.argv[1:]:\n' +
    '  try: print(n, version(n))\n  except PackageNotFoundError: print(n, "absent")';
  const child = tryProgram(venvPython, ['-c', script, ...wanted.map(({ name }) => name)], 60);
  if (!child.ok) return { ready: false, reason: `.venv/bin/python does not run: ${child.reason}` };
  const found = new Map(child.stdout.split('\n').map((line) => line.split(' ') as [string, string]));
  const wrong = wanted.filter(({ name, version }) => found.get(name) !== version);
  if (wrong.length === 0) {
    return { ready: true, reason: wanted.map(({ name, version }) => `${name} ${version}`).join(', ') };
  }
  const list = wrong.map(({ name, version }) => `${name} ${version} (there: ${found.get(name)})`).join(', ');
  return { ready: false, reason: `not in .venv: ${list}` };
}

function probeKernelspec(): Omit<PartState, 'name'> {
  const file = path.join(venv, 'share', 'jupyter', 'kernels', 'kernelbook', 'kernel.json');
  if (!existsSync(file)) return { ready: false, reason: 'no kernelspec kernelbook in .venv' };
  const spec: unknown = JSON.parse(readFileSync(file, 'utf8'));
  const argv =
    typeof spec === 'object' && spec !== null && 'argv' in spec && Array.isArray(spec.argv) ? spec.argv : [];
  const missing = argv.filter(
    (word): word is string => typeof word === 'string' && path.isAbsolute(word) && !existsSync(word),
  );
  if (argv.length === 0 || missing.length > 0) {
    return {
      ready: false,
      reason: `the kernelspec in .venv starts ${missing.join(', ') || 'nothing'}, which is not there`,
    };
  }
  // A spec written by another checkout would test that checkout's kernel.
  if (!argv.some((word) => typeof word === 'string' && word.startsWith(packageRoot + path.sep))) {
    return { ready: false, reason: 'the kernelspec in .venv starts a kernel outside this package' };
  }
  return { ready: true, reason: path.relative(packageRoot, file) };
}

export const papermillPlugin = path.join(packageRoot, 'scripts', 'papermill');

/** It must be what papermill loads, and the code of this checkout. */
function probePapermillPlugin(): Omit<PartState, 'name'> {
  const script = `
import sys, pathlib, papermill.engines
from papermill.translators import papermill_translators
translator = papermill_translators.find_translator('kernelbook', 'typescript')
there = pathlib.Path(sys.modules[translator.__module__].__file__).parent
ours = pathlib.Path(sys.argv[1], 'kernelbook_papermill')
stale = [f.name for f in ours.glob('*.py') if f.read_bytes() != (there / f.name).read_bytes()]
if stale: sys.exit('error: what is installed differs from this checkout in ' + ', '.join(stale))
print(translator.__module__)`;
  if (!existsSync(venvPython)) return { ready: false, reason: 'there is no .venv with Python in it' };
  const child = tryProgram(venvPython, ['-c', script, papermillPlugin], 60);
  return child.ok
    ? { ready: true, reason: `papermill uses ${child.stdout.trim()}` }
    : { ready: false, reason: child.reason };
}

function probeTensorflow(): Omit<PartState, 'name'> {
  const script = `const tf = require('@tensorflow/tfjs-node-gpu'); console.log(tf.backend().binding.TF_Version);`;
  const child = tryProgram(process.execPath, ['-e', script], 60);
  return child.ok
    ? { ready: true, reason: `TensorFlow ${child.stdout.trim().split('\n').at(-1)}` }
    : { ready: false, reason: `@tensorflow/tfjs-node-gpu does not load: ${child.reason}` };
}
