/**
 * The folder the measured kernels run in: tfjs is installed in it, as in the folder of a user's notebook, and what
 * kernels keep for their user (history, profiles) stays in it. It goes when this process ends.
 */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

export interface Workspace {
  cwd: string;
  env: NodeJS.ProcessEnv;
}

export function makeWorkspace(): Workspace {
  const folder = mkdtempSync(join(tmpdir(), 'kernelbook-bench-'));
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  const cwd = join(folder, 'notebooks');
  const home = join(folder, 'home');
  mkdirSync(cwd);
  mkdirSync(home);
  const core = createRequire(import.meta.url).resolve('@tensorflow/tfjs-core/package.json');
  symlinkSync(resolve(core, '..', '..', '..'), join(cwd, 'node_modules'), 'junction');
  const dependencies = { '@tensorflow/tfjs-core': '4.22.0', '@tensorflow/tfjs-backend-cpu': '4.22.0' };
  writeFileSync(join(cwd, 'package.json'), JSON.stringify({ private: true, type: 'module', dependencies }));
  return {
    cwd,
    env: { ...process.env, IPYTHONDIR: home, JUPYTER_DATA_DIR: home, DENO_NO_UPDATE_CHECK: '1' },
  };
}
