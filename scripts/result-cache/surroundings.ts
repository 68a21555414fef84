/**
 * What a result depends on beside the notebook and its imports: this package's build, the project's lock files, Node and
 * the kernel's program, the environment variables that matter, the device.
 */
import { existsSync, realpathSync } from 'node:fs';
import { cpus } from 'node:os';
import { dirname, join, parse } from 'node:path';
import type { KernelSpec } from '../../kernel/kernelspec.js';
import { fileStamp } from '../../kernel/language/file-stamp.js';
import { packageRoot } from '../../kernel/package-root.js';
import type { MachineProbe } from '../check/probe-machine.js';
import type { FileHashes } from './file-hashes.js';

/** The code of this package, what notebooks read of it, and which packages it stands on. */
export function buildParts(hashes: FileHashes, root = packageRoot()): unknown {
  const code = hashes.tree(join(root, 'dist'), (name) => /\.(js|d\.ts)$/.test(name));
  return [code, hashes.tree(join(root, 'test', 'golden')), projectParts(root, hashes)];
}

const projectFiles = [
  'package.json',
  'package-lock.json',
  'npm-shrinkwrap.json',
  'yarn.lock',
  'pnpm-lock.yaml',
  'bun.lock',
  'bun.lockb',
  'tsconfig.json',
  // What is really installed.
  join('node_modules', '.package-lock.json'),
];

/** What a project says of its packages, in the folder and in those above it: modules are looked for in all of them. */
export function projectParts(folder: string, hashes: FileHashes): unknown {
  const parts: unknown[] = [];
  for (let place = folder; ; place = dirname(place)) {
    for (const name of projectFiles) {
      const hash = hashes.file(join(place, name));
      if (hash !== undefined) parts.push([name, hash]);
    }
    if (place === parse(place).root) return parts;
  }
}

export function runtimeParts(spec: KernelSpec): unknown {
  const [program = ''] = spec.argv;
  const file = existsSync(program) ? realpathSync(program) : program;
  return [process.version, process.platform, process.arch, file, fileStamp(file)];
}

const prefixes = [
  ['KERNELBOOK_', 'VK_', 'MESA_', 'LIBGL_', 'GALLIUM_', 'LP_', 'DAWN_', 'CUDA_', 'NVIDIA_', 'TF_', 'XLA_'],
  ['OMP_', 'MKL_', 'OPENBLAS_', 'LC_', 'PYTHON'],
].flat();
const names = [
  ['NODE_OPTIONS', 'NODE_PATH', 'NODE_ENV', 'NODE_ICU_DATA', 'LD_LIBRARY_PATH', 'LD_PRELOAD'],
  ['LANG', 'LANGUAGE', 'TZ', 'VIRTUAL_ENV', 'CONDA_PREFIX'],
].flat();
/** How fast, from where and with what stamp, not with what result. */
const without = [
  'KERNELBOOK_COMMIT',
  'KERNELBOOK_GATEWAY_TOKEN',
  'KERNELBOOK_HISTORY',
  'KERNELBOOK_NO_CACHE',
  'KERNELBOOK_NO_SNAPSHOT',
];

/** Of the variables, those that our kernel and library, Node, Python, drivers and locales go by. */
export function environmentParts(env: NodeJS.ProcessEnv): unknown {
  return Object.entries(env)
    .filter(([name]) => names.includes(name) || prefixes.some((prefix) => name.startsWith(prefix)))
    .filter(([name]) => !without.includes(name))
    .sort(([a], [b]) => (a < b ? -1 : 1));
}

/**
 * What computes: the processor, and the devices that this machine's backends have, unless the run is bound to a backend
 * that has none. Undefined where they could not be listed.
 */
export async function deviceParts(
  env: NodeJS.ProcessEnv,
  probe: Pick<MachineProbe, 'devices'>,
): Promise<unknown> {
  const processor = cpus()[0]?.model;
  if (env.KERNELBOOK_BACKEND === 'cpu' || env.KERNELBOOK_BACKEND === 'wasm') return [processor];
  const devices = await probe.devices();
  return typeof devices === 'string' ? undefined : [processor, devices];
}
