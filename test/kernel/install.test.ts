/** `kernelbook install`: where the kernelspec goes, that it works from there, and that nothing is left half done. */
import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { findKernelSpec } from '../../kernel/kernelspec.js';
import { packageRoot } from '../../kernel/package-root.js';
import { launchKernel } from '../../kernel/protocol/client.js';
import { cacheDirectory } from '../../src/cache.js';
import { libraryFile } from '../../src/workbench/plot/library.js';
import { describeRequires } from '../support/requires.js';
import { runCell } from './helpers.js';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'kernelbook-test-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

function install(args: string[], env: NodeJS.ProcessEnv = {}, cwd = folder) {
  const main = join(packageRoot(), 'dist', 'scripts', 'main.js');
  const clean = { ...process.env };
  for (const name of ['VIRTUAL_ENV', 'CONDA_PREFIX', 'JUPYTER_DATA_DIR', 'JUPYTER_PATH']) delete clean[name];
  return spawnSync(process.execPath, [main, 'install', ...args], {
    cwd,
    env: {
      ...clean,
      HOME: folder,
      XDG_DATA_HOME: '',
      XDG_CACHE_HOME: dirname(cacheDirectory()),
      KERNELBOOK_NO_SNAPSHOT: '1',
      ...env,
    },
    encoding: 'utf8',
  });
}

test('--prefix: a kernelspec that starts this kernel; installing again replaces it', async () => {
  const prefix = join(folder, 'prefix with space');
  const target = join(prefix, 'share', 'jupyter', 'kernels', 'kernelbook');
  mkdirSync(target, { recursive: true });
  writeFileSync(join(target, 'stale.txt'), 'x');
  const result = install(['--prefix', prefix]);
  expect(result).toMatchObject({
    status: 0,
    stdout: `Installed the kernel kernelbook in ${target}\n`,
    stderr: '',
  });
  expect(readdirSync(target).sort()).toEqual(['kernel.json', 'logo-svg.svg', libraryFile()]);
  expect(readdirSync(join(target, '..'))).toEqual(['kernelbook']);
  expect(JSON.parse(readFileSync(join(target, 'kernel.json'), 'utf8'))).toEqual({
    argv: [
      process.execPath,
      join(packageRoot(), 'dist', 'kernel', 'bundled', 'main.cjs'),
      '{connection_file}',
    ],
    display_name: 'TypeScript (kernelbook)',
    language: 'typescript',
    interrupt_mode: 'message',
    kernel_protocol_version: '5.5',
    // What the figures of a page load from the Jupyter server.
    metadata: { debugger: false, kernelbook: { files: [libraryFile()] } },
  });

  install(['--prefix', prefix, '--name', 'my-ts']);
  const spec = findKernelSpec('my-ts', { env: { JUPYTER_PATH: join(prefix, 'share', 'jupyter') } });
  expect(spec).toMatchObject({ interruptMode: 'message', language: 'typescript' });
  const kernel = await launchKernel(spec, { cwd: folder });
  try {
    expect((await runCell(kernel, 'process.cwd()')).result).toBe(`'${folder}'`);
  } finally {
    await kernel.shutdown();
  }
});

test('under the names tslab and jslab it takes notebooks written for these', () => {
  const prefix = join(folder, 'for-tslab');
  for (const [name, language] of [
    ['tslab', 'typescript'],
    ['jslab', 'javascript'],
  ] as const) {
    expect(install(['--prefix', prefix, '--name', name]).status).toBe(0);
    const spec = findKernelSpec(name, { env: { JUPYTER_PATH: join(prefix, 'share', 'jupyter') } });
    expect(spec).toMatchObject({ language, env: { KERNELBOOK_DIALECT: name } });
    expect(spec.displayName).toMatch(/kernelbook/);
  }
});

test('a dialect that is none ends the kernel at once, naming the choices', () => {
  const main = join(packageRoot(), 'dist', 'kernel', 'bundled', 'main.cjs');
  const env = { ...process.env, KERNELBOOK_DIALECT: 'coffee' };
  const { status, stderr } = spawnSync(process.execPath, [main, 'none.json'], { env, encoding: 'utf8' });
  expect(status).toBe(2);
  expect(stderr).toBe(
    'kernelbook kernel: KERNELBOOK_DIALECT is "coffee"; choose one of typescript, tslab, jslab\n',
  );
});

test('--user is the default', () => {
  const target = join(folder, '.local', 'share', 'jupyter', 'kernels', 'kernelbook');
  for (const args of [[], ['--user']]) {
    expect(install(args).stdout).toContain(target);
    expect(existsSync(join(target, 'kernel.json'))).toBe(true);
  }
  expect(install(['--uninstall']).stdout).toBe(`Removed ${target}\n`);
  expect(existsSync(target)).toBe(false);
  expect(install(['--uninstall'])).toMatchObject({ status: 1 });
});

test('--sys-prefix: the active environment, else ./.venv, else an error', () => {
  const active = join(folder, 'active');
  expect(install(['--sys-prefix'], { VIRTUAL_ENV: active }).stdout).toContain(
    join(active, 'share', 'jupyter'),
  );
  const nothing = install(['--sys-prefix']);
  expect(nothing.status).toBe(2);
  expect(nothing.stderr).toMatch(/^kernelbook install: --sys-prefix: no environment is active.*\n$/);
  mkdirSync(join(folder, '.venv'));
  writeFileSync(join(folder, '.venv', 'pyvenv.cfg'), '');
  expect(install(['--sys-prefix']).stdout).toContain(join(folder, '.venv', 'share', 'jupyter'));
});

test.each([
  [['--name', 'a/b'], /"a\/b" is no kernel name/],
  [['--name', '../up'], /is no kernel name/],
  [['--user', '--sys-prefix'], /choose one of/],
])('%j: one line, exit code 2, nothing written', (args, message) => {
  const result = install(['--prefix', join(folder, 'untouched'), ...args]);
  expect(result.status).toBe(2);
  expect(result.stderr).toMatch(message);
  expect(result.stderr.trim().split('\n')).toHaveLength(1);
  expect(existsSync(join(folder, 'untouched'))).toBe(false);
});

test('a place that cannot be written: one line, exit code 1', () => {
  const file = join(folder, 'a-file');
  writeFileSync(file, '');
  const result = install(['--prefix', file]);
  expect(result.status).toBe(1);
  expect(result.stderr).toMatch(/^kernelbook install: ENOTDIR.*\n$/);
});

describeRequires('venv', 'Jupyter itself', () => {
  test('finds the installed kernelspec', () => {
    const prefix = join(folder, 'for-jupyter');
    install(['--prefix', prefix]);
    const jupyter = join(packageRoot(), '.venv', 'bin', 'jupyter');
    const { stdout } = spawnSync(jupyter, ['kernelspec', 'list', '--json'], {
      env: { ...process.env, JUPYTER_PATH: join(prefix, 'share', 'jupyter') },
      encoding: 'utf8',
    });
    const { kernelspecs } = JSON.parse(stdout) as { kernelspecs: Record<string, { resource_dir: string }> };
    expect(kernelspecs.kernelbook!.resource_dir).toContain('for-jupyter');
  });

  test('runs files with it: output, errors and the exit status', () => {
    const prefix = join(folder, 'for-jupyter-run');
    install(['--prefix', prefix]);
    const run = (name: string, text: string) => {
      writeFileSync(join(folder, name), text);
      const jupyter = join(packageRoot(), '.venv', 'bin', 'jupyter');
      return spawnSync(jupyter, ['run', '--kernel', 'kernelbook', name], {
        cwd: folder,
        env: { ...process.env, JUPYTER_PATH: join(prefix, 'share', 'jupyter') },
        encoding: 'utf8',
      });
    };
    const right = run('right.ts', 'const x: number = 4;\nconsole.log("printed");\nx + 1');
    expect(right).toMatchObject({ status: 0, stdout: 'printed\n5' });
    const wrong = run('wrong.ts', 'const y: number = "s"');
    expect(wrong.status).toBe(1);
    expect(wrong.stderr).toContain("Type 'string' is not assignable to type 'number'.");
    const failing = run('failing.ts', 'throw new RangeError("too far")');
    expect(failing.status).toBe(1);
    expect(failing.stderr).toContain('cell 1, line 1');
  });
});
