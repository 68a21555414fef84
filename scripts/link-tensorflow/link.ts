/**
 * The steps of the link: get the package tfjs-node-gpu beside our @tensorflow/tfjs (without its install script),
 * point its `deps/` at the wheel, build its addon, check in a process of its own that it computes a gradient.
 */
import {
  existsSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { LinkError, runProgram } from './run.js';
import { findTensorFlow, libraries, type TensorFlowWheel } from './tensorflow.js';

export { LinkError };

const packageName = '@tensorflow/tfjs-node-gpu';
const packageVersion = '4.22.0';
/** What is linked, written once the check has passed; kept beside the package in node_modules. */
const stampName = 'kernelbook-link.json';

export interface LinkRequest {
  python?: string;
  install?: boolean;
  force?: boolean;
}

interface Stamp {
  folder: string;
  tensorflow: string;
  napi: string;
}

/** @throws LinkError naming the step that failed and what to do. */
export function linkTensorflow(request: LinkRequest, say: (line: string) => void): void {
  if (process.platform !== 'linux') {
    throw new LinkError(`linking is for Linux; on ${process.platform} use the backends webgpu or wasm`);
  }
  const wheel = findTensorFlow(request.python, request.install ?? false, say);
  const root = installRoot();
  const folder = path.join(root, 'node_modules', packageName);
  const wanted: Stamp = {
    folder: wheel.folder,
    tensorflow: wheel.version,
    napi: process.versions.napi ?? '',
  };
  if (!request.force && isLinked(folder, wanted)) {
    say(`tfjs-node-gpu is already linked against TensorFlow ${wheel.version}`);
    return;
  }
  fetchPackage(root, folder, say);
  pointDependencies(folder, wheel);
  say(`building the addon of tfjs-node-gpu against TensorFlow ${wheel.version}`);
  build(folder, wheel);
  const version = check(root);
  writeFileSync(path.join(folder, stampName), `${JSON.stringify(wanted)}\n`);
  say(`tfjs-node-gpu now runs on TensorFlow ${version}: KERNELBOOK_BACKEND=tensorflow`);
}

/** Removes the package; `npm ci` or another link brings it back. */
export function undoLink(say: (line: string) => void): void {
  const folder = path.join(installRoot(), 'node_modules', packageName);
  const existed = existsSync(folder);
  rmSync(folder, { recursive: true, force: true });
  say(existed ? 'removed tfjs-node-gpu' : 'tfjs-node-gpu was not installed; nothing to undo');
}

/** The folder whose node_modules holds our @tensorflow/tfjs: the addon's package must share that copy. */
function installRoot(): string {
  const main = createRequire(import.meta.url).resolve('@tensorflow/tfjs');
  const marker = `${path.sep}node_modules${path.sep}`;
  return main.slice(0, main.lastIndexOf(marker));
}

function isLinked(folder: string, wanted: Stamp): boolean {
  const file = path.join(folder, stampName);
  if (!existsSync(file)) return false;
  try {
    const stamp = JSON.parse(readFileSync(file, 'utf8')) as Stamp;
    return (
      stamp.folder === wanted.folder && stamp.tensorflow === wanted.tensorflow && stamp.napi === wanted.napi
    );
  } catch {
    return false;
  }
}

/** Without scripts (the package's own would download TensorFlow) and without touching package.json or its lock. */
function fetchPackage(root: string, folder: string, say: (line: string) => void): void {
  if (!existsSync(path.join(folder, 'binding.gyp')) || !isInstalled(root, '@mapbox/node-pre-gyp')) {
    say(`fetching ${packageName} ${packageVersion}`);
    const flags = ['--no-save', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
    runProgram('npm', ['install', `${packageName}@${packageVersion}`, ...flags], {
      what: `fetching ${packageName}`,
      minutes: 5,
      cwd: root,
    });
  }
  const nested = path.join(folder, 'node_modules', '@tensorflow');
  if (existsSync(nested)) {
    throw new LinkError(
      `${packageName} brought a second copy of tfjs in ${nested}; run \`npm ci\`, then \`kernelbook link-tensorflow\``,
    );
  }
}

function isInstalled(root: string, name: string): boolean {
  return existsSync(path.join(root, 'node_modules', name, 'package.json'));
}

/** What the package's install script would have downloaded: headers, and the two libraries under both names. */
function pointDependencies(folder: string, wheel: TensorFlowWheel): void {
  const deps = path.join(folder, 'deps');
  const lib = path.join(deps, 'lib');
  rmSync(deps, { recursive: true, force: true });
  mkdirSync(lib, { recursive: true });
  symlinkSync(path.join(wheel.folder, 'include'), path.join(deps, 'include'));
  symlinkSync(path.join(wheel.folder, libraries.main), path.join(lib, 'libtensorflow.so'));
  symlinkSync(path.join(wheel.folder, libraries.framework), path.join(lib, 'libtensorflow_framework.so'));
  for (const name of Object.values(libraries)) {
    symlinkSync(path.join(wheel.folder, name), path.join(lib, name));
  }
}

function build(folder: string, wheel: TensorFlowWheel): void {
  for (const tool of ['make', 'g++']) {
    try {
      runProgram(tool, ['--version'], { what: `looking for ${tool}`, minutes: 1 });
    } catch {
      throw new LinkError(
        `building the addon needs make and g++, and there is no ${tool}; \`apt install build-essential\``,
      );
    }
  }
  rmSync(path.join(folder, 'lib'), { recursive: true, force: true });
  const require = createRequire(path.join(folder, 'package.json'));
  const preGyp = path.join(
    path.dirname(require.resolve('@mapbox/node-pre-gyp/package.json')),
    'bin',
    'node-pre-gyp',
  );
  runProgram(process.execPath, [preGyp, 'install', '--build-from-source', ...headerFlags()], {
    what: 'building the addon',
    minutes: 10,
    cwd: folder,
    env: {
      ...process.env,
      // The wheel's libraries find their neighbours (CUDA's, too) relative to their own folder, so the addon must
      // load them from there and not through the symbolic links of deps/lib.
      LDFLAGS: `${process.env.LDFLAGS ?? ''} -Wl,-rpath,${wheel.folder}`.trim(),
      npm_config_python: wheel.python,
      JOBS: '2',
    },
  });
}

/** Node's headers where this Node was installed with them, so that node-gyp need not download any. */
function headerFlags(): string[] {
  const prefix = path.resolve(path.dirname(realpathSync(process.execPath)), '..');
  return existsSync(path.join(prefix, 'include', 'node', 'node_api.h')) ? [`--nodedir=${prefix}`] : [];
}

/** In a process of its own: a library that does not load must not take this one down. Gives TensorFlow's version. */
function check(root: string): string {
  const script = `
    const tf = require('@tensorflow/tfjs');
    const node = require('${packageName}');
    if (node.Tensor !== tf.Tensor) throw new Error('two copies of tfjs are loaded');
    const gradient = tf.grad((x) => x.square().sum())(tf.tensor1d([1, -2, 3])).dataSync();
    if (gradient.join() !== '2,-4,6') throw new Error('wrong gradient of x^2: ' + gradient.join());
    console.log(tf.backend().binding.TF_Version);
  `;
  const output = runProgram(process.execPath, ['-e', script], {
    what: 'checking the built addon',
    minutes: 3,
    cwd: root,
    env: { ...process.env, TF_CPP_MIN_LOG_LEVEL: '2' },
  });
  return output.trim().split('\n').at(-1) ?? '';
}
