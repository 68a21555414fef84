/**
 * Finds a start-up snapshot of the engine for this Node and this package, and has one built in the background where
 * there is none. It lives in the user's cache: a description (`engine-KEY.json`) that names the blob and every file
 * that went into it. A description that does not fit what is on disk is as good as none.
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { constants, setPriority } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cacheDirectory, cacheIsOff } from '../../src/cache.js';
import { dialect } from '../dialect.js';
import { fileStamp } from './file-stamp.js';
import { builtFile, packageRoot } from './own-package.js';

export interface SnapshotDescription {
  /** Name of the blob in the snapshots' folder; null where building it failed. */
  blob: string | null;
  size: number;
  /** Node itself and the files of the bundle, with the stamps they had. */
  inputs: [path: string, stamp: string][];
  /** How many attempts failed: to build a blob, or to start from one. */
  failures: number;
}

/** A blob that failed is built once more; after that it is left alone until something it was made of changes. */
const mostFailures = 2;
/**
 * The compiler's functions are optimised later than the V8 of Node 20 would: most of what it optimises in the first seconds
 * it has to take back, and a third of the engine's time went into that. Later ones wait by themselves.
 */
export const engineOptions = process.version.startsWith('v20.') ? ['--interrupt-budget=400000'] : [];
/**
 * Node checks that a blob is used with the options it was made with. Hash tables keep their layout, where V8 would make
 * them anew with another seed: a tenth of the start, for a process that hashes nobody's input but the user's. The heap,
 * large from the start, is not searched for garbage before the first import has been read.
 */
export const snapshotOptions = ['--no-rehash-snapshot', '--initial-heap-size=192', ...engineOptions];

export function snapshotsFolder(): string {
  return join(cacheDirectory(), 'engine');
}

function snapshotsAreOff(env = process.env): boolean {
  const value = env.KERNELBOOK_NO_SNAPSHOT;
  return cacheIsOff() || (value !== undefined && value !== '' && value !== '0');
}

/** One for each Node (version, binary, options), dialect and place of this package; what is in the package is in the description. */
export function snapshotKey(env = process.env): string {
  const { execPath, version, arch } = process;
  const identity = [
    execPath,
    version,
    arch,
    snapshotOptions,
    env.NODE_OPTIONS ?? '',
    packageRoot,
    dialect(env),
  ];
  return createHash('sha256').update(JSON.stringify(identity)).digest('hex').slice(0, 16);
}

export function descriptionPath(env = process.env): string {
  return join(snapshotsFolder(), `engine-${snapshotKey(env)}.json`);
}

/** The description where it fits the files on disk. */
export function currentDescription(path = descriptionPath()): SnapshotDescription | undefined {
  try {
    const found = JSON.parse(readFileSync(path, 'utf8')) as SnapshotDescription;
    return found.inputs.every(([path, stamp]) => fileStamp(path) === stamp) ? found : undefined;
  } catch {
    return undefined;
  }
}

/** Path of a blob that may be started from, by a process with this environment. */
export function findSnapshot(env = process.env): string | undefined {
  if (snapshotsAreOff(env)) return undefined;
  const found = currentDescription(descriptionPath(env));
  if (!found?.blob) return undefined;
  const path = join(snapshotsFolder(), found.blob);
  return statSync(path, { throwIfNoEntry: false })?.size === found.size ? path : undefined;
}

/** A process started from this blob ended before it was ready: no other one is to try. */
export function rejectSnapshot(path: string, env = process.env): void {
  const found = currentDescription(descriptionPath(env));
  if (!found?.blob || join(snapshotsFolder(), found.blob) !== path) return;
  const rejected: SnapshotDescription = { ...found, blob: null, failures: found.failures + 1 };
  try {
    writeFileSync(descriptionPath(env), JSON.stringify(rejected));
  } catch {
    // The next start falls back as this one did.
  }
}

export function knownFailures(env = process.env): number {
  return currentDescription(descriptionPath(env))?.failures ?? 0;
}

/** Whether there is none and building one may help. */
export function snapshotIsWanted(env = process.env): boolean {
  return !snapshotsAreOff(env) && !findSnapshot(env) && knownFailures(env) < mostFailures;
}

let builder: number | undefined;

/** The process that builds one, where it has been started from here. */
export function snapshotBuilder(): number | undefined {
  return builder;
}

/** Starts the building unless it is of no use; nobody waits for it, and it outlives this process by seconds at most. */
export function buildSnapshotInBackground(env = process.env): void {
  if (!snapshotIsWanted(env)) return;
  const script = fileURLToPath(builtFile('kernel', 'language', 'build-snapshot.js'));
  // It outlives the kernel: it must not hold the user's folder meanwhile.
  const child = spawn(process.execPath, [script], {
    stdio: 'ignore',
    detached: true,
    env,
    cwd: packageRoot,
  });
  child.on('error', () => {});
  child.unref();
  builder = child.pid;
  try {
    if (child.pid !== undefined) setPriority(child.pid, constants.priority.PRIORITY_LOW);
  } catch {
    // It has ended already, or the system has no priorities.
  }
}
