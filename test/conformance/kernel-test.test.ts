/** Jupyter's own conformance suite for kernels, run against ours. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { installKernelSpec } from '../../kernel/install-spec.js';
import { packageRoot } from '../../kernel/package-root.js';
import { describeRequires } from '../support/requires.js';

describeRequires('venv', 'jupyter_kernel_test', () => {
  let dataDir: string;
  beforeAll(() => {
    dataDir = mkdtempSync(join(tmpdir(), 'kernelbook-test-'));
    installKernelSpec(dataDir, 'kernelbook');
  });
  afterAll(() => rmSync(dataDir, { recursive: true }));

  test('every test passes, none is skipped', () => {
    const python = join(packageRoot(), '.venv', 'bin', 'python');
    const folder = fileURLToPath(new URL('.', import.meta.url));
    const { status, stderr } = spawnSync(
      python,
      ['-m', 'unittest', 'discover', '-v', '-s', folder, '-p', 'kernel_test.py'],
      {
        cwd: packageRoot(),
        env: { ...process.env, JUPYTER_PATH: dataDir, JUPYTER_PREFER_ENV_PATH: '0' },
        encoding: 'utf8',
      },
    );
    const outcomes = [...stderr.matchAll(/^(test_\w+) .*?\.\.\. (ok|skipped|FAIL|ERROR)/gm)].map(
      ([, name, outcome]) => [name, outcome],
    );
    expect(status, stderr).toBe(0);
    expect(outcomes.filter(([, outcome]) => outcome === 'ok').length, stderr).toBeGreaterThanOrEqual(13);
    expect(
      outcomes.filter(([, outcome]) => outcome !== 'ok').map(([name]) => name),
      stderr,
    ).toEqual([]);
  });
});
