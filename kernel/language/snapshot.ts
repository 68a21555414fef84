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
import type { EngineOptions } from './engine.js';
import { fileStamp } from './file-stamp.js';
import { projectTypes } from './node-types.js';
import { builtFile, packageRoot } from './own-package.js';

export interface SnapshotDescription {
  /** Name of the blob in the snapshots' folder; null where building it failed. */
  blob: string | null;
  size: number;
  /** Node itself and the files of the bundle, with the stamps they had. */
  inputs: [path: string, stamp: string][];
  /** How many attempts failed: to build a blob, or to start from one. */
  failures: number;
  /** Whether it is one of a project with types of its own. */
  isOfProject: boolean;
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

/** What a snapshot is for: the environment of the engine's process, and the notebook's folder. */
export type SnapshotUse = Partial<Pick<EngineOptions, 'env' | 'cwd'>>;

/**
 * One for each Node (version, binary, options), dialect and place of this package, and one more for each project that has types
 * of Node of its own; what is in the files is in the description.
 */
export function snapshotKey({ env = process.env, cwd }: SnapshotUse = {}): string {
  const { execPath, version, arch } = process;
  const types = cwd === undefined ? undefined : projectTypes(cwd)?.types;
  const identity = [
    execPath,
    version,
    arch,
    snapshotOptions,
    env.NODE_OPTIONS ?? '',
    packageRoot,
    dialect(env),
    ...(types === undefined ? [] : [types]),
  ];
  return createHash('sha256').update(JSON.stringify(identity)).digest('hex').slice(0, 16);
}

export function descriptionPath(use: SnapshotUse = {}): string {
  return join(snapshotsFolder(), `engine-${snapshotKey(use)}.json`);
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

/** Path of the blob to start from: of the project's types, or else the one with ours, most of which is the same. */
export function findSnapshot(use: SnapshotUse = {}): string | undefined {
  return ownSnapshot(use) ?? ownSnapshot({ ...use, cwd: undefined });
}

/** Path of the blob that was made for this. */
function ownSnapshot(use: SnapshotUse): string | undefined {
  if (snapshotsAreOff(use.env)) return undefined;
  const found = currentDescription(descriptionPath(use));
  if (!found?.blob) return undefined;
  const path = join(snapshotsFolder(), found.blob);
  return statSync(path, { throwIfNoEntry: false })?.size === found.size ? path : undefined;
}

/** A process started from this blob ended before it was ready: no other one is to try. */
export function rejectSnapshot(path: string, use: SnapshotUse = {}): void {
  for (const place of new Set([descriptionPath(use), descriptionPath({ ...use, cwd: undefined })])) {
    const found = currentDescription(place);
    if (!found?.blob || join(snapshotsFolder(), found.blob) !== path) continue;
    const rejected: SnapshotDescription = { ...found, blob: null, failures: found.failures + 1 };
    try {
      writeFileSync(place, JSON.stringify(rejected));
    } catch {
      // The next start falls back as this one did.
    }
  }
}

export function knownFailures(use: SnapshotUse = {}): number {
  return currentDescription(descriptionPath(use))?.failures ?? 0;
}

/** Whether there is none and building one may help. */
export function snapshotIsWanted(use: SnapshotUse = {}): boolean {
  return !snapshotsAreOff(use.env) && !ownSnapshot(use) && knownFailures(use) < mostFailures;
}

let builder: number | undefined;

/** The process that builds one, where it has been started from here. */
export function snapshotBuilder(): number | undefined {
  return builder;
}

/** Starts the building unless it is of no use; nobody waits for it, and it outlives this process by seconds at most. */
export function buildSnapshotInBackground(use: SnapshotUse = {}): void {
  if (!snapshotIsWanted(use)) return;
  const { env = process.env, cwd } = use;
  const script = fileURLToPath(builtFile('kernel', 'language', 'build-snapshot.js'));
  // It outlives the kernel: it must not hold the user's folder meanwhile.
  const child = spawn(process.execPath, cwd === undefined ? [script] : [script, cwd], {
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
