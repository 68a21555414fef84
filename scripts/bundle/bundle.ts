/**
 * Builds the folder: a stripped copy of the running Node, Dawn's addon, the Vulkan loader and the C++ runtime of this
 * machine, the checks as one script, and the golden cases, all in one compressed archive that `run-gpu-checks` unpacks.
 * Written beside the target first and moved into place, so that a failed build leaves the older folder alone.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { packageRoot, packageVersion } from '../../kernel/package-root.js';
import { gitCommit } from '../git-commit.js';
import { bundleScript } from './script.js';

/** The folder travels through narrow doors: more than this is refused. */
const largestBytes = 45_000_000;

export class BundleError extends Error {}

type Say = (line: string) => void;

/** Writes the bundle into `output`; says what went into it. @throws BundleError naming the part that is missing. */
export async function makeBundle(output: string, say: Say): Promise<void> {
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    throw new BundleError(
      `the bundle is for linux-x64 and is built there; this is ${process.platform}-${process.arch}`,
    );
  }
  for (const tool of ['strip', 'tar', 'xz']) {
    if (spawnSync(tool, ['--version'], { stdio: 'ignore' }).status !== 0) {
      throw new BundleError(`${tool} is not installed; install binutils, tar and xz-utils`);
    }
  }
  const target = path.resolve(output);
  refuseForeignFolder(target);
  const staging = `${target}.new`;
  rmSync(staging, { recursive: true, force: true });
  try {
    const payload = path.join(staging, 'payload');
    mkdirSync(payload, { recursive: true });
    const versions = await gather(payload);
    report(payload, say);
    run(
      'tar',
      ['-c', '-J', '--sort=name', '--mtime=@0', '--owner=0', '--group=0', '-f', '../payload.tar.xz', '.'],
      payload,
    );
    rmSync(payload, { recursive: true });
    const script = path.join(staging, 'run-gpu-checks');
    copyFileSync(path.join(packageRoot(), 'scripts', 'bundle', 'run-gpu-checks'), script);
    chmodSync(script, 0o755);
    const archive = readFileSync(path.join(staging, 'payload.tar.xz'));
    const sha256 = createHash('sha256').update(archive).digest('hex');
    writeFileSync(
      path.join(staging, 'manifest.json'),
      `${JSON.stringify({ ...versions, sha256 }, null, 2)}\n`,
    );
    const total = readdirSync(staging).reduce(
      (sum, name) => sum + statSync(path.join(staging, name)).size,
      0,
    );
    if (total > largestBytes) {
      throw new BundleError(
        `the folder would have ${megabytes(total)}, more than the ${megabytes(largestBytes)} allowed`,
      );
    }
    rmSync(target, { recursive: true, force: true });
    renameSync(staging, target);
    say(
      `${path.relative(process.cwd(), target) || target}: ${megabytes(total)}; run ./run-gpu-checks in it on the GPU machine`,
    );
  } finally {
    rmSync(staging, { recursive: true, force: true });
  }
}

/** Only an older bundle, or nothing, may be replaced. */
function refuseForeignFolder(target: string): void {
  if (!existsSync(target)) return;
  const isBundle = statSync(target).isDirectory() && existsSync(path.join(target, 'run-gpu-checks'));
  if (!isBundle && !(statSync(target).isDirectory() && readdirSync(target).length === 0)) {
    throw new BundleError(`${target} exists and is no bundle; name another folder with --output`);
  }
}

/** Puts every part into the payload; gives the versions for the manifest. */
async function gather(payload: string): Promise<Record<string, string | undefined>> {
  const root = packageRoot();
  const require = createRequire(path.join(root, 'package.json'));

  // Dawn opens the Vulkan loader that lies beside it before it looks on the system.
  const webgpu = path.dirname(require.resolve('webgpu/package.json'));
  const parts = [
    { from: process.execPath, to: 'node' },
    { from: path.join(webgpu, 'dist', 'linux-x64', 'dawn.node'), to: 'dawn.node' },
    { from: systemLibrary('libvulkan.so.1', 'libvulkan1'), to: 'libvulkan.so.1' },
    { from: systemLibrary('libstdc++.so.6', 'libstdc++6'), to: 'fallback/libstdc++.so.6' },
    { from: systemLibrary('libgcc_s.so.1', 'libgcc-s1'), to: 'fallback/libgcc_s.so.1' },
  ];
  mkdirSync(path.join(payload, 'fallback'));
  for (const { from, to } of parts) {
    if (!existsSync(from)) throw new BundleError(`${to}: ${from} is not there`);
    const copy = path.join(payload, to);
    copyFileSync(from, copy);
    chmodSync(copy, 0o755);
    run('strip', ['--strip-unneeded', copy], payload);
  }

  const golden = path.join(root, 'test', 'golden');
  if (!existsSync(golden)) throw new BundleError('test/golden is not there: bundles are made in a checkout');
  cpSync(golden, path.join(payload, 'golden'), {
    recursive: true,
    filter: (file) => statSync(file).isDirectory() || /\.(safetensors|json)$/.test(file),
  });

  const entry = path.join(root, 'scripts', 'bundle', 'entry.ts');
  if (!existsSync(entry))
    throw new BundleError('scripts/bundle/entry.ts is not there: bundles are made in a checkout');
  await bundleScript(entry, path.join(payload, 'checks.mjs'));

  const versionOf = (name: string) =>
    (JSON.parse(readFileSync(require.resolve(`${name}/package.json`), 'utf8')) as { version: string })
      .version;
  const versions = {
    commit: await gitCommit(),
    node: process.versions.node,
    dawn: versionOf('webgpu'),
    tfjs: versionOf('@tensorflow/tfjs'),
  };
  // The library looks for its own package around itself.
  const own = { name: 'kernelbook', version: packageVersion(), type: 'module' };
  writeFileSync(path.join(payload, 'package.json'), `${JSON.stringify(own)}\n`);
  writeFileSync(path.join(payload, 'versions.json'), `${JSON.stringify(versions, null, 2)}\n`);
  return versions;
}

/** Where the dynamic linker finds a library. */
function systemLibrary(name: string, debianPackage: string): string {
  const cache = spawnSync('/sbin/ldconfig', ['-p'], { encoding: 'utf8' }).stdout ?? '';
  const line = cache
    .split('\n')
    .find((entry) => entry.trim().startsWith(`${name} `) && entry.includes('x86-64'));
  const file = line?.split('=> ')[1];
  if (!file) throw new BundleError(`${name} is not on this machine; install ${debianPackage}`);
  return realpathSync(file);
}

function run(command: string, args: string[], cwd: string): void {
  const child = spawnSync(command, args, { cwd, encoding: 'utf8' });
  if (child.status !== 0)
    throw new BundleError(`${command} ${args.join(' ')}: ${child.stderr || child.error?.message}`);
}

function report(payload: string, say: Say): void {
  for (const name of readdirSync(payload).sort())
    say(`  ${name.padEnd(16)} ${megabytes(sizeOf(path.join(payload, name)))}`);
}

function sizeOf(file: string): number {
  if (!statSync(file).isDirectory()) return statSync(file).size;
  return readdirSync(file).reduce((sum, name) => sum + sizeOf(path.join(file, name)), 0);
}

const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;
