/** The engine out of a start-up snapshot: same answers as the plain one, and the plain one wherever it cannot be used. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { builtFile } from '../../kernel/language/own-package.js';
import { RemoteEngine } from '../../kernel/language/remote-engine.js';
import {
  descriptionPath,
  findSnapshot,
  type SnapshotDescription,
  snapshotKey,
  snapshotsFolder,
} from '../../kernel/language/snapshot.js';
import { corpus, mutations } from './cells-corpus.js';
import { atCursor, define, errorsOf } from './support.js';

const before = { ...process.env };
const root = mkdtempSync(join(tmpdir(), 'kernelbook-snapshot-'));
const good = join(root, 'good');
let folder = '';
let engine: RemoteEngine | undefined;

function builder(cache: string): ChildProcess {
  return spawn(process.execPath, [fileURLToPath(builtFile('kernel', 'language', 'build-snapshot.js'))], {
    env: { ...process.env, XDG_CACHE_HOME: cache },
    stdio: 'ignore',
  });
}

const ended = (child: ChildProcess): Promise<number | null> =>
  new Promise((resolve) => child.once('exit', (code) => resolve(code)));

const files = (ending: string): string[] => readdirSync(snapshotsFolder()).filter((n) => n.endsWith(ending));

/** A cache of its own with the good snapshot in it. */
function takeGood(): void {
  mkdirSync(snapshotsFolder(), { recursive: true });
  const from = join(good, 'kernelbook', 'engine');
  for (const name of readdirSync(from)) copyFileSync(join(from, name), join(snapshotsFolder(), name));
}

function description(): SnapshotDescription {
  return JSON.parse(readFileSync(descriptionPath(), 'utf8')) as SnapshotDescription;
}

async function start(cwd = process.cwd()): Promise<RemoteEngine> {
  engine = new RemoteEngine({ cwd });
  await engine.ready;
  return engine;
}

beforeAll(async () => {
  for (const name of ['KERNELBOOK_NO_SNAPSHOT', 'KERNELBOOK_NO_CACHE', 'NODE_OPTIONS'])
    delete process.env[name];
  // Two at once: one builds, the other leaves it to the first.
  const codes = await Promise.all([ended(builder(good)), ended(builder(good))]);
  expect(codes).toEqual([0, 0]);
});

beforeEach(() => {
  folder = mkdtempSync(join(root, 'cache-'));
  process.env.XDG_CACHE_HOME = folder;
  delete process.env.KERNELBOOK_NO_SNAPSHOT;
});

afterEach(async () => {
  engine?.close();
  engine = undefined;
  await expect.poll(() => (existsSync(snapshotsFolder()) ? files('.lock') : [])).toEqual([]);
});

afterAll(() => {
  process.env = before;
  rmSync(root, { recursive: true, force: true, maxRetries: 5 });
});

it('two builders at once leave one blob, one description and no lock', () => {
  process.env.XDG_CACHE_HOME = good;
  expect(readdirSync(snapshotsFolder()).sort()).toEqual(
    [description().blob, `engine-${snapshotKey()}.json`].sort(),
  );
  expect(findSnapshot()).toBe(join(snapshotsFolder(), description().blob!));
});

it('answers as the plain engine does', async () => {
  takeGood();
  const quick = await start();
  expect(quick.fromSnapshot).toBe(true);
  process.env.KERNELBOOK_NO_SNAPSHOT = '1';
  const plain = new RemoteEngine({ cwd: process.cwd() });
  try {
    await plain.ready;
    expect(plain.fromSnapshot).toBe(false);
    let rejected = 0;
    for (const [index, code] of corpus.entries()) {
      const broken = mutations.map((mutate) => mutate(code)).filter((_, kind) => (index + kind) % 3 === 0);
      for (const text of [...broken, code]) {
        const [ours, theirs] = await Promise.all([
          quick.compile(text, { count: index }),
          plain.compile(text, { count: index }),
        ]);
        if (!ours.ok) rejected++;
        expect({ ...ours, token: 0 }).toEqual({ ...theirs, token: 0 });
        if (text === code && ours.ok && theirs.ok)
          await Promise.all([quick.commit(ours.token), plain.commit(theirs.token)]);
      }
    }
    expect(rejected).toBeGreaterThan(60);
    for (const text of [
      'import { tf, rmsNorm } from "kernelbook"; tf.ones([4]).nope; rmsNorm(1)',
      'import { tf } from "kernelbook"; const ones = tf.ones([4]).add(1).square()',
    ]) {
      const [ours, theirs] = await Promise.all([
        quick.compile(text, { count: 1 }),
        plain.compile(text, { count: 1 }),
      ]);
      expect({ ...ours, token: 0 }).toEqual({ ...theirs, token: 0 });
      expect(ours.ok).toBe(!text.includes('nope'));
    }
    for (const text of ['Math.ma|', '[1].fla|', 'import { join } from "node:pa|"', 'process.en|']) {
      const at = atCursor(text);
      expect(await quick.complete(...at)).toEqual(await plain.complete(...at));
      expect(await quick.inspect(...at, 1)).toEqual(await plain.inspect(...at, 1));
    }
  } finally {
    plain.close();
  }
});

it('takes the folder, its modules and its types when it starts', async () => {
  takeGood();
  const project = join(folder, 'project');
  const types = join(project, 'node_modules', '@types', 'node');
  mkdirSync(types, { recursive: true });
  writeFileSync(join(project, 'mine.ts'), 'export const mine: number = 1;\n');
  writeFileSync(join(types, 'package.json'), '{ "name": "@types/node", "types": "index.d.ts" }');
  writeFileSync(join(types, 'index.d.ts'), 'interface OfThisProject { size: number }\n');
  const quick = await start(project);
  expect(quick.fromSnapshot).toBe(true);
  await define(quick, 'import { mine } from "./mine.js"; mine.toFixed()');
  // The project's own types of Node, not ours, which declare `process`.
  const code = 'const one: OfThisProject = { size: 1 }; one.x; process';
  expect(await errorsOf(quick, code)).toEqual(['1:45 2339', '1:48 2591']);
  await expect.poll(() => findSnapshot({ cwd: project }), { interval: 200 }).not.toBe(findSnapshot());
});

it('a project with types of its own gets a snapshot of its own, which is never older than they', async () => {
  takeGood();
  const project = join(folder, 'project');
  const types = join(project, 'node_modules', '@types', 'node');
  mkdirSync(join(project, 'deep'), { recursive: true });
  cpSync(join(process.cwd(), 'node_modules', '@types', 'node'), types, { recursive: true });
  const cwd = join(project, 'deep');
  const common = findSnapshot({ cwd });
  expect(common).toBe(findSnapshot());
  const code = 'process.pid.x; const one: OfThisProject = 1;';
  expect(await errorsOf(await start(cwd), code)).toEqual(['1:13 2339', '1:27 2304']);
  engine!.close();
  // The first start has it built.
  await expect.poll(() => findSnapshot({ cwd }), { interval: 200 }).not.toBe(common);
  await expect.poll(() => files('.lock')).toEqual([]);
  expect(findSnapshot({ cwd: project })).toBe(findSnapshot({ cwd }));
  expect(findSnapshot()).toBe(common);
  const quick = await start(cwd);
  expect(quick.fromSnapshot).toBe(true);
  expect(await errorsOf(quick, code)).toEqual(['1:13 2339', '1:27 2304']);
  await define(quick, 'import { sep } from "node:path"; sep.length');
  quick.close();
  writeFileSync(join(types, 'index.d.ts'), 'type OfThisProject = number;\n', { flag: 'a' });
  expect(findSnapshot({ cwd })).toBe(common);
  expect(await errorsOf(await start(cwd), code)).toEqual(['1:13 2339']);
  await expect.poll(() => findSnapshot({ cwd }), { interval: 200 }).not.toBe(common);
  await expect.poll(() => files('.lock')).toEqual([]);
  expect(files('.blob')).toHaveLength(2);
});

/** A cache with a damaged blob in it, which the description takes for right. */
function takeDamaged(damage: (blob: Buffer) => Buffer, failures: number): string {
  takeGood();
  const path = findSnapshot()!;
  const blob = damage(readFileSync(path));
  writeFileSync(path, blob);
  writeFileSync(descriptionPath(), JSON.stringify({ ...description(), size: blob.length, failures }));
  expect(findSnapshot()).toBe(path);
  return path;
}

it('a damaged blob costs one plain start and is built anew', async () => {
  const path = takeDamaged(
    (blob) => Buffer.from(blob).fill(0xa5, blob.length >> 1, (blob.length >> 1) + 65_536),
    0,
  );
  const plain = await start();
  expect(plain.fromSnapshot).toBe(false);
  expect(await errorsOf(plain, 'const a: string = 1')).toEqual(['1:7 2322']);
  await expect.poll(() => findSnapshot() ?? '', { interval: 200 }).not.toBe('');
  expect(findSnapshot()).not.toBe(path);
  expect(description().failures).toBe(1);
  await expect.poll(() => files('.lock')).toEqual([]);
  expect(files('.blob')).toHaveLength(1);
});

it.each([
  ['cut short', (blob: Buffer) => blob.subarray(0, 1000)],
  ['no snapshot', (blob: Buffer) => Buffer.alloc(blob.length, 7)],
])('a blob that is %s and failed before is not built again', async (_, damage) => {
  takeDamaged(damage, 1);
  const plain = await start();
  expect(plain.fromSnapshot).toBe(false);
  expect(await errorsOf(plain, 'const a: string = 1')).toEqual(['1:7 2322']);
  expect(description()).toMatchObject({ blob: null, failures: 2 });
  expect(files('.lock')).toEqual([]);
});

it('whatever keeps a blob from being used or built is not shown', () => {
  takeGood();
  const path = findSnapshot()!;
  writeFileSync(path, Buffer.alloc(description().size, 7));
  const script = fileURLToPath(builtFile('kernel', 'language', 'remote-engine.js'));
  const started = (env: NodeJS.ProcessEnv) =>
    spawnSync(
      process.execPath,
      [
        '--input-type=module',
        '-e',
        `const { RemoteEngine } = await import(${JSON.stringify(script)});
        const engine = new RemoteEngine({ cwd: process.cwd() });
        await engine.ready;
        const { ok } = await engine.compile('const a: string = 1', { count: 1 });
        console.log(engine.fromSnapshot, ok);
        engine.close();`,
      ],
      { encoding: 'utf8', env: { ...process.env, ...env } },
    );
  expect(started({})).toMatchObject({ stdout: 'false false\n', stderr: '', status: 0 });
  // A cache that cannot be: a file where a folder is to be made.
  writeFileSync(join(folder, 'file'), '');
  const nowhere = { XDG_CACHE_HOME: join(folder, 'file') };
  expect(started(nowhere)).toMatchObject({ stdout: 'false false\n', stderr: '', status: 0 });
});

it('declarations that changed after the building are read anew', async () => {
  const copy = join(folder, 'package');
  cpSync(join(process.cwd(), 'dist'), join(copy, 'dist'), { recursive: true });
  cpSync(join(process.cwd(), 'package.json'), join(copy, 'package.json'));
  symlinkSync(join(process.cwd(), 'node_modules'), join(copy, 'node_modules'));
  const built = join(copy, 'dist', 'kernel', 'language');
  const build = () => spawn(process.execPath, [join(built, 'build-snapshot.js')], { stdio: 'ignore' });
  // A builder that was killed is made good by the next one, once its lock is old.
  const killed = build();
  await expect.poll(() => existsSync(snapshotsFolder()) && files('.cjs').length).toBe(1);
  killed.kill('SIGKILL');
  await ended(killed);
  const past = new Date(Date.now() - 3600_000);
  utimesSync(join(snapshotsFolder(), files('.lock')[0]!), past, past);
  expect(await ended(build())).toBe(0);
  expect(readdirSync(snapshotsFolder()).map((name) => name.replace(/^.*\./, ''))).toEqual(['blob', 'json']);

  const run = (code: string) =>
    spawnSync(process.execPath, ['--input-type=module', '-e', code], { encoding: 'utf8' });
  const compile = () =>
    run(`
      const { RemoteEngine } = await import(${JSON.stringify(join(built, 'remote-engine.js'))});
      const engine = new RemoteEngine({ cwd: ${JSON.stringify(folder)} });
      await engine.ready;
      const result = await engine.compile('import { rmsNorm } from "kernelbook"; rmsNorm.nowHere', { count: 1 });
      console.log(engine.fromSnapshot, result.ok);
      engine.close();`).stdout;
  expect(compile()).toBe('true false\n');
  const index = join(copy, 'dist', 'src', 'index.d.ts');
  const text = readFileSync(index, 'utf8');
  writeFileSync(index, `${text}export declare namespace rmsNorm { const nowHere: number }\n`);
  expect(compile()).toBe('true true\n');
});

it('a file that changed since, or a size that does not fit, makes the snapshot as good as none', () => {
  takeGood();
  const right = description();
  const [path] = right.inputs.at(-1)!;
  expect(right.inputs[0]![0]).toBe(process.execPath);
  for (const wrong of [
    { ...right, inputs: [...right.inputs.slice(0, -1), [path, '1 1 1']] },
    { ...right, inputs: [[process.execPath, '1 1 1'], ...right.inputs.slice(1)] },
    { ...right, size: right.size + 1 },
    { ...right, blob: 'engine-none.blob' },
    { ...right, blob: null },
    'nonsense',
  ]) {
    writeFileSync(descriptionPath(), JSON.stringify(wrong));
    expect(findSnapshot()).toBeUndefined();
  }
  writeFileSync(descriptionPath(), JSON.stringify(right));
  expect(findSnapshot()).toBeDefined();
  const key = snapshotKey();
  process.env.NODE_OPTIONS = '--max-old-space-size=4096';
  expect(snapshotKey()).not.toBe(key);
  delete process.env.NODE_OPTIONS;
});

it('switched off, it is neither used nor built', async () => {
  takeGood();
  for (const name of ['KERNELBOOK_NO_SNAPSHOT', 'KERNELBOOK_NO_CACHE']) {
    process.env[name] = '1';
    expect(findSnapshot()).toBeUndefined();
    delete process.env[name];
  }
  rmSync(snapshotsFolder(), { recursive: true });
  process.env.KERNELBOOK_NO_SNAPSHOT = '1';
  const plain = await start();
  expect(plain.fromSnapshot).toBe(false);
  await define(plain, 'const a = 1');
  expect(existsSync(snapshotsFolder())).toBe(false);
});
