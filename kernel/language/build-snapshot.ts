/**
 * A process that builds the engine's start-up snapshot: bundles `snapshot-entry.js`, runs it in `node
 * --build-snapshot`, and puts the blob into the user's cache under a new name. One process builds at a time.
 */
import { spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build, type Plugin } from 'esbuild';
import { fileStamp } from './file-stamp.js';
import { projectTypes } from './node-types.js';
import { builtFile, dependencyFolder, packageRoot } from './own-package.js';
import {
  currentDescription,
  descriptionPath,
  knownFailures,
  type SnapshotDescription,
  type SnapshotUse,
  snapshotIsWanted,
  snapshotKey,
  snapshotOptions,
  snapshotsFolder,
} from './snapshot.js';

/** A lock older than this belongs to a process that died; a building takes seconds, on a busy machine a minute. */
const patienceMs = 600_000;
/** Snapshots of other Nodes and installations that were not used for so long are removed. */
const keptForMs = 30 * 24 * 3600_000;

/** Projects with types of their own that have a snapshot, those that were used last. */
const mostProjects = 5;

/** The notebook's folder whose types the snapshot is for. */
const use: SnapshotUse = process.argv[2] === undefined ? {} : { cwd: process.argv[2] };
const project = use.cwd === undefined ? undefined : projectTypes(use.cwd);

/** What no snapshot can hold: TypeScript asks for these modules and does without them. */
const withoutModules: Plugin = {
  name: 'without-modules',
  setup(bundle) {
    bundle.onResolve({ filter: /^(perf_hooks|inspector|source-map-support)$/ }, ({ path }) => ({
      path,
      namespace: 'without',
    }));
    bundle.onLoad({ filter: /.*/, namespace: 'without' }, () => ({ contents: 'module.exports = {};' }));
  },
};

/** One object for all importers: esbuild would make each of them a copy of the compiler's two thousand exports. */
const oneCompiler: Plugin = {
  name: 'one-compiler',
  setup(bundle) {
    bundle.onResolve({ filter: /^typescript$/ }, ({ kind, path, resolveDir }) =>
      kind === 'import-statement' ? { path, namespace: 'compiler', pluginData: resolveDir } : undefined,
    );
    bundle.onLoad({ filter: /.*/, namespace: 'compiler' }, ({ pluginData }) => ({
      contents: "const ts = require('typescript'); export default ts;",
      resolveDir: pluginData as string,
    }));
  },
};

/**
 * Native modules are loaded by the process that was started from the snapshot, at first use. Their own JavaScript, which
 * looks for the right binary, is in the bundle: reading it from its files would take longer than all else of a first cell.
 */
const nativeModulesLater: Plugin = {
  name: 'native-modules-later',
  setup(bundle) {
    const filter = /^oxc-(parser|transform)$/;
    bundle.onResolve({ filter }, ({ path, namespace }) =>
      namespace === 'later' ? undefined : { path, namespace: 'later' },
    );
    bundle.onLoad({ filter: /.*/, namespace: 'later' }, ({ path }) => ({
      contents: `
        let found;
        const load = () => (found ??= require('${path}'));
        exports.parseSync = (...args) => load().parseSync(...args);
        exports.transformSync = (...args) => load().transformSync(...args);`,
      resolveDir: packageRoot,
    }));
    // They look for the binary beside themselves and in packages of theirs.
    bundle.onLoad({ filter: /[\\/]node_modules[\\/]oxc-(parser|transform)[\\/].*\.js$/ }, ({ path }) => ({
      contents: readFileSync(path, 'utf8').replaceAll(
        'import.meta.url',
        JSON.stringify(pathToFileURL(path).href),
      ),
    }));
  },
};

async function bundle(outfile: string): Promise<SnapshotDescription['inputs']> {
  const started = Date.now();
  const compiler = join(dependencyFolder('typescript')!, 'lib');
  const entry = builtFile('kernel', 'language', 'snapshot-entry.js');
  const { metafile } = await build({
    absWorkingDir: packageRoot,
    entryPoints: [fileURLToPath(entry)],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    minify: true,
    legalComments: 'none',
    metafile: true,
    logLevel: 'silent',
    define: {
      'import.meta.url': JSON.stringify(entry.href),
      // The only CommonJS module of the bundle is the compiler, which finds its libraries with these.
      __filename: JSON.stringify(join(compiler, 'typescript.js')),
      __dirname: JSON.stringify(compiler),
    },
    plugins: [withoutModules, oneCompiler, nativeModulesLater],
  });
  const files = Object.keys(metafile.inputs)
    .filter((path) => !/^(without|compiler|later):/.test(path))
    .map((path) => join(packageRoot, path));
  files.push(join(dependencyFolder('typescript')!, 'package.json'));
  if (project) files.push(...declarationsOf(project.types));
  return [process.execPath, ...files].map((path) => {
    if (statSync(path).mtimeMs >= started) throw new Error(`${path} changed meanwhile`);
    return [path, fileStamp(path)!];
  });
}

/** The package's description comes with them: another version has other files. */
function declarationsOf(types: string): string[] {
  return readdirSync(types, { recursive: true, encoding: 'utf8' })
    .filter((name) => name === 'package.json' || name.endsWith('.d.ts'))
    .map((name) => join(types, name));
}

/** Whether this process is the one that builds. */
function takeLock(lock: string): boolean {
  const since = statSync(lock, { throwIfNoEntry: false })?.mtimeMs;
  if (since !== undefined && Date.now() - since > patienceMs) rmSync(lock, { force: true });
  try {
    writeFileSync(lock, String(process.pid), { flag: 'wx' });
    return true;
  } catch {
    return false;
  }
}

async function buildSnapshot(beside: string): Promise<void> {
  const failures = knownFailures(use);
  const script = `${beside}.cjs`;
  const inputs = await bundle(script);
  const blob = `${beside}.blob`;
  const { status } = spawnSync(
    process.execPath,
    [
      ...snapshotOptions,
      '--snapshot-blob',
      blob,
      '--build-snapshot',
      script,
      project?.project ?? packageRoot,
    ],
    { stdio: 'ignore', timeout: patienceMs / 2 },
  );
  const size = status === 0 ? statSync(blob).size : 0;
  const isOfProject = project !== undefined;
  const description: SnapshotDescription =
    size > 0
      ? { blob: basename(blob), size, inputs, failures, isOfProject }
      : { blob: null, size, inputs, failures: failures + 1, isOfProject };
  writeFileSync(`${beside}.json`, JSON.stringify(description));
  renameSync(`${beside}.json`, descriptionPath(use));
}

/** Removes descriptions that fit nothing on disk any more, or were not used for long, and every file none names. */
function tidy(folder: string): void {
  const names = readdirSync(folder);
  const found = names
    .filter((name) => name.endsWith('.json'))
    .flatMap((name) => {
      const description = currentDescription(join(folder, name));
      if (!description) return [];
      const { blob } = description;
      const usedAt =
        blob === null ? undefined : statSync(join(folder, blob), { throwIfNoEntry: false })?.atimeMs;
      return Date.now() - (usedAt ?? Date.now()) > keptForMs ? [] : [{ name, description, usedAt }];
    });
  const named = new Set<string>();
  let projects = 0;
  for (const { name, description } of found.sort((a, b) => (b.usedAt ?? 0) - (a.usedAt ?? 0))) {
    if (description.isOfProject && projects++ >= mostProjects) continue;
    named.add(name);
    if (description.blob) named.add(description.blob);
  }
  for (const name of names) {
    const path = join(folder, name);
    // Ours go at once; what else is young may be in another builder's hands.
    const mine = name.startsWith(`engine-${snapshotKey(use)}-`);
    const age = Date.now() - (statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0);
    if (!named.has(name) && (mine || age > patienceMs)) rmSync(path, { force: true });
  }
}

async function run(): Promise<void> {
  const folder = snapshotsFolder();
  mkdirSync(folder, { recursive: true });
  const lock = join(folder, `engine-${snapshotKey(use)}.lock`);
  if (!takeLock(lock)) return;
  try {
    // Another builder may have been quicker.
    if (snapshotIsWanted(use))
      await buildSnapshot(join(folder, `engine-${snapshotKey(use)}-${randomUUID()}`));
  } finally {
    tidy(folder);
    rmSync(lock, { force: true });
  }
}

if (snapshotIsWanted(use)) await run();
