/** Installs Debian-family packages, when there is apt-get and the right to use it; every step may answer "why not". */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { type AptSource, parseAptSources } from './apt-sources.js';

const aptFolder = '/etc/apt';
/** Our own source file; the only file outside the checkout that the setup writes itself. */
export const ownSourceFile = path.join(aptFolder, 'sources.list.d', 'kernelbook-backports.sources');

/** Undefined on success, else why it failed. */
export type Failure = string | undefined;

let updated = false;

/** Why packages cannot even be fetched here; undefined when they can. */
export function whyNoAptGet(): Failure {
  return process.platform === 'linux' && existsSync('/usr/bin/apt-get')
    ? undefined
    : 'there is no apt-get on this machine';
}

/** Why apt-get cannot be used here; undefined when it can. */
export function whyNoApt(): Failure {
  const absent = whyNoAptGet();
  if (absent) return absent;
  if (process.getuid?.() === 0) return undefined;
  const sudo = spawnSync('sudo', ['-n', 'true'], { stdio: 'ignore' });
  return sudo.status === 0 ? undefined : 'installing packages needs root or a sudo that asks no password';
}

/** Runs a command as root; gives its last complaint on failure. */
export function asRoot(command: string, args: string[], input?: string): Failure {
  const root = process.getuid?.() === 0;
  const child = spawnSync(root ? command : 'sudo', root ? args : ['-n', command, ...args], {
    encoding: 'utf8',
    input,
    timeout: 15 * 60_000,
    killSignal: 'SIGKILL',
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive', LC_ALL: 'C.UTF-8' },
  });
  if (child.status === 0) return undefined;
  const lines = `${child.stdout ?? ''}\n${child.stderr ?? ''}`
    .split('\n')
    .filter((line) => line.trim() !== '');
  const complaint = lines.findLast((line) => line.startsWith('E:')) ?? lines.at(-1);
  return `${[command, ...args].join(' ')}: ${child.error?.message ?? complaint ?? `exit status ${child.status}`}`;
}

const waitForLock = ['-o', 'DPkg::Lock::Timeout=300', '-o', 'Acquire::Retries=2'];

/** Refreshes the package lists, once per run. */
export function aptUpdate(): Failure {
  if (updated) return undefined;
  const failure = asRoot('apt-get', [...waitForLock, 'update']);
  updated = failure === undefined;
  return failure;
}

/** Refreshes the lists of our own source file only. */
export function aptUpdateOwn(): Failure {
  return asRoot('apt-get', [
    ...waitForLock,
    ...['-o', `Dir::Etc::sourcelist=${ownSourceFile}`, '-o', 'Dir::Etc::sourceparts=-'],
    ...['-o', 'APT::Get::List-Cleanup=0', 'update'],
  ]);
}

/** Installs packages, from `suite` where one is given. */
export function aptInstall(packages: string[], suite?: string): Failure {
  const failure = aptUpdate();
  if (failure) return failure;
  const from = suite ? ['-t', suite] : [];
  const keep = ['-o', 'Dpkg::Options::=--force-confold'];
  return asRoot('apt-get', [
    ...waitForLock,
    ...keep,
    'install',
    '-y',
    '--no-install-recommends',
    ...from,
    ...packages,
  ]);
}

/** The version that apt would install, e.g. `22.3.6-1+deb12u2`; undefined when it knows no such package. */
export function aptCandidate(name: string, suite?: string): string | undefined {
  const args = [...(suite ? ['-t', suite] : []), 'policy', name];
  const policy = spawnSync('apt-cache', args, {
    encoding: 'utf8',
    env: { ...process.env, LC_ALL: 'C.UTF-8' },
  });
  const version = /^\s*Candidate:\s*(\S+)/m.exec(policy.stdout ?? '')?.[1];
  return version === '(none)' ? undefined : version;
}

/** Whether a package is installed. */
export function isInstalled(name: string): boolean {
  const query = spawnSync('dpkg', ['-s', name], {
    encoding: 'utf8',
    env: { ...process.env, LC_ALL: 'C.UTF-8' },
  });
  return query.status === 0 && /^Status: .* installed$/m.test(query.stdout);
}

/** Every package source of this machine. */
export function machineSources(): AptSource[] {
  const parts = path.join(aptFolder, 'sources.list.d');
  const files = [
    path.join(aptFolder, 'sources.list'),
    ...(existsSync(parts)
      ? readdirSync(parts)
          .sort()
          .map((name) => path.join(parts, name))
      : []),
  ];
  return files
    .filter((file) => existsSync(file) && /\.(list|sources)$/.test(file))
    .flatMap((file) => parseAptSources(file, readFileSync(file, 'utf8')));
}

/** `ID` and `VERSION_CODENAME` of /etc/os-release. */
export function release(): { id: string; codename: string } {
  const text = existsSync('/etc/os-release') ? readFileSync('/etc/os-release', 'utf8') : '';
  const value = (name: string) => new RegExp(`^${name}="?([^"\n]*)`, 'm').exec(text)?.[1] ?? '';
  return { id: value('ID'), codename: value('VERSION_CODENAME') };
}
