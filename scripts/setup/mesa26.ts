/**
 * Mesa 26's lavapipe, the only software Vulkan that executes subgroup matrices, in the user's cache folder: packages of Debian
 * 13 and its backports, unpacked but not installed, with a C library of their own under which a second Node is started.
 * Needs neither root nor a change to the system; deleting the folder undoes it.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { cacheDirectory } from '../../src/cache.js';
import { machineSources, whyNoAptGet } from './apt.js';
import { derivedSource } from './apt-sources.js';
import type { Installer } from './part.js';

const suites = ['trixie', 'trixie-backports'];
const libraries = path.join('usr', 'lib', 'x86_64-linux-gnu');

export const mesa26Folder = path.join(cacheDirectory(), 'mesa26');

export interface Launcher {
  command: string;
  /** What comes before Node's own arguments. */
  args: string[];
  env: Record<string, string>;
}

/** How to start Node so that Mesa 26 is its Vulkan driver; undefined when it is not there. */
export function mesa26Launcher(folder = mesa26Folder): Launcher | undefined {
  const root = path.join(folder, 'root');
  const loader = path.join(root, libraries, 'ld-linux-x86-64.so.2');
  const manifest = path.join(folder, 'driver.json');
  if (!existsSync(loader) || !existsSync(manifest)) return undefined;
  return {
    command: loader,
    args: ['--library-path', path.join(root, libraries), process.execPath],
    env: { VK_DRIVER_FILES: manifest, XDG_RUNTIME_DIR: folder },
  };
}

/** Downloads (some 60 MB) and unpacks (some 310 MB) what `mesa26Launcher` starts. */
export const installMesa26: Installer = (say) => {
  if (process.platform !== 'linux' || process.arch !== 'x64') return 'Mesa 26 is fetched for linux-x64 only';
  const obstacle = whyNoAptGet();
  if (obstacle) return obstacle;
  const source = derivedSource(machineSources(), suites);
  if ('none' in source) return source.none;
  // Made beside and renamed, so that an interrupted download is never taken for a driver.
  const folder = `${mesa26Folder}.${process.pid}`;
  try {
    say(`fetching Mesa 26 into ${mesa26Folder} (software Vulkan with subgroup matrices)`);
    const failure = fetchPackages(folder, source.text) ?? unpack(folder);
    if (failure) return failure;
    rmSync(mesa26Folder, { recursive: true, force: true });
    renameSync(folder, mesa26Folder);
    return writeManifest();
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
};

/** By an apt that knows no installed package, so that it fetches everything the driver needs, down to the C library. */
function fetchPackages(folder: string, source: string): string | undefined {
  for (const name of ['lists', 'archives'])
    mkdirSync(path.join(folder, name, 'partial'), { recursive: true });
  writeFileSync(path.join(folder, 'status'), '');
  writeFileSync(path.join(folder, 'debian.sources'), source);
  const settings = {
    'Dir::Etc::sourcelist': path.join(folder, 'debian.sources'),
    'Dir::Etc::sourceparts': '/dev/null',
    'Dir::Etc::preferences': '/dev/null',
    'Dir::Etc::preferencesparts': '/dev/null',
    'Dir::State': folder,
    'Dir::State::lists': path.join(folder, 'lists'),
    'Dir::State::status': path.join(folder, 'status'),
    'Dir::Cache': folder,
    'Dir::Cache::archives': path.join(folder, 'archives'),
    'APT::Sandbox::User': '',
    'Acquire::Retries': '2',
  };
  const options = Object.entries(settings).flatMap(([name, value]) => ['-o', `${name}=${value}`]);
  const packages = ['mesa-vulkan-drivers', 'libvulkan1'];
  const download = [
    'install',
    '--download-only',
    '-y',
    '--no-install-recommends',
    '-t',
    suites[1]!,
    ...packages,
  ];
  return run('apt-get', [...options, 'update']) ?? run('apt-get', [...options, ...download]);
}

function unpack(folder: string): string | undefined {
  const archives = path.join(folder, 'archives');
  const root = path.join(folder, 'root');
  for (const name of readdirSync(archives).filter((file) => file.endsWith('.deb'))) {
    const failure = run('dpkg', ['-x', path.join(archives, name), root]);
    if (failure) return failure;
  }
  for (const name of ['archives', 'lists']) rmSync(path.join(folder, name), { recursive: true });
  return undefined;
}

/** The driver's own manifest names its library without a folder. */
function writeManifest(): string | undefined {
  const root = path.join(mesa26Folder, 'root');
  const folder = path.join(root, 'usr', 'share', 'vulkan', 'icd.d');
  const name = readdirSync(folder).find((file) => file.startsWith('lvp_icd'));
  if (!name) return `the packages have no lavapipe in ${folder}`;
  const manifest = JSON.parse(readFileSync(path.join(folder, name), 'utf8')) as {
    ICD: { library_path: string };
  };
  const { library_path: library } = manifest.ICD;
  const ICD = { ...manifest.ICD, library_path: path.join(root, libraries, path.basename(library)) };
  writeFileSync(path.join(mesa26Folder, 'driver.json'), JSON.stringify({ ...manifest, ICD }));
  return undefined;
}

/** Undefined on success, else its last complaint. */
function run(command: string, args: string[]): string | undefined {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', LC_ALL: 'C.UTF-8' };
  const child = spawnSync(command, args, {
    encoding: 'utf8',
    timeout: 10 * 60_000,
    killSignal: 'SIGKILL',
    env,
  });
  if (child.status === 0) return undefined;
  const lines = (child.stderr ?? '').split('\n').filter((line) => line.trim() !== '');
  const complaint = lines.findLast((line) => line.startsWith('E:')) ?? lines.at(-1);
  return `${command} failed: ${child.error?.message ?? complaint ?? `exit status ${child.status}`}`;
}
