/** The parts of the air-gapped bundle that can be tried without building all of it (that takes minutes). */
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { BundleError, makeBundle } from '../../scripts/bundle/bundle.js';
import { allPassed, type Results, writeResults } from '../../scripts/bundle/results.js';
import { bundleScript } from '../../scripts/bundle/script.js';
import { packageRoot } from '../../scripts/setup/part.js';
import { describeRequires } from '../support/requires.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'kernelbook-bundle-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const linux64 = process.platform === 'linux' && process.arch === 'x64';
const here = (...parts: string[]) => path.join(folder, ...parts);

describeRequires('webgpu', 'the bundled script', () => {
  it('checks golden cases and fused kernels with nothing but Node and the addon beside it', async () => {
    await bundleScript(path.join(packageRoot, 'scripts', 'bundle', 'entry.ts'), here('checks.mjs'));
    const webgpu = path.dirname(createRequire(import.meta.url).resolve('webgpu/package.json'));
    copyFileSync(
      path.join(webgpu, 'dist', `${process.platform}-${process.arch}`, 'dawn.node'),
      here('dawn.node'),
    );
    writeFileSync(here('package.json'), '{"name":"kernelbook","version":"0.0.0","type":"module"}');
    writeFileSync(here('versions.json'), '{"commit":"of the test"}');
    mkdirSync(here('golden'));
    for (const name of ['rms_norm.small', 'rope.half_real.small', 'relu_ffn.small']) {
      const file = `${name}.safetensors`;
      copyFileSync(path.join(packageRoot, 'test', 'golden', file), here('golden', file));
    }
    writeFileSync(here('golden', 'broken.safetensors'), 'no case');
    const child = spawnSync(
      process.execPath,
      ['checks.mjs', '--no-bench', '--allow-software', '--output', here('results')],
      { cwd: folder, env: { KERNELBOOK_NO_CACHE: '1' }, encoding: 'utf8', timeout: 240_000 },
    );
    expect(child.stderr).not.toContain('Error');
    const results = JSON.parse(readFileSync(here('results', 'results.json'), 'utf8')) as Results;
    expect(results.versions).toEqual({ commit: 'of the test' });
    expect(Object.fromEntries(results.golden.map(({ name, verdict }) => [name, verdict]))).toEqual({
      broken: 'fail',
      'relu_ffn.small': results.golden.find(({ name }) => name === 'relu_ffn.small')!.verdict,
      'rms_norm.small': 'pass',
      'rope.half_real.small': 'pass',
    });
    expect(results.fused.length).toBeGreaterThan(15);
    expect(results.fused.filter(({ verdict }) => verdict !== 'pass')).toEqual([]);
    // The broken file is a failure, whatever else passed.
    expect(child.status).toBe(1);
    expect(child.stdout).toMatch(/\n\d+ passed, 1 failed\n$/);
  });
});

describe('the results', () => {
  const results: Results = {
    startedAt: '2026-01-01T00:00:00.000Z',
    versions: { commit: 'abc', node: '20.0.0' },
    backend: { device: 'software', driver: 'x', hardware: false, features: [] },
    golden: [{ name: 'a|b', verdict: 'pass', share: 0.25, detail: 'max |error|' }],
    fused: [{ name: 'c', verdict: 'not implemented', detail: 'op' }],
  };

  it('pass when nothing failed, and say that software is no GPU', () => {
    expect(allPassed(results)).toBe(true);
    writeResults(here('out'), results);
    expect(JSON.parse(readFileSync(here('out', 'results.json'), 'utf8'))).toEqual(results);
    const markdown = readFileSync(here('out', 'results.md'), 'utf8');
    expect(markdown).toContain('says anything about a GPU');
    expect(markdown).toContain('| a\\|b | pass | 0.25 | max \\|error\\| |');
  });

  it('fail with one check, or with the benchmark', () => {
    expect(allPassed({ ...results, fused: [{ name: 'c', verdict: 'fail', detail: 'off' }] })).toBe(false);
    expect(allPassed({ ...results, benchError: 'device lost' })).toBe(false);
  });
});

describe('kernelbook bundle', () => {
  it.skipIf(!linux64)(
    `leaves a folder that is no bundle alone${linux64 ? '' : ' [skipped: needs linux-x64]'}`,
    async () => {
      writeFileSync(here('precious.txt'), 'mine');
      await expect(makeBundle(folder, () => {})).rejects.toThrow(BundleError);
      await expect(makeBundle(folder, () => {})).rejects.toThrow(`${folder} exists and is no bundle`);
      expect(readdirSync(folder)).toEqual(['precious.txt']);
    },
  );
});

describe('run-gpu-checks', () => {
  const script = path.join(packageRoot, 'scripts', 'bundle', 'run-gpu-checks');
  const xz = spawnSync('xz', ['--version']).status === 0;
  const usable = xz && linux64;

  /** A bundle whose Node is a shell script that tells what it was asked; probes end with `probe`, checks with `checks`. */
  function fakeBundle(probe: number, checks: number): void {
    mkdirSync(here('payload', 'fallback'), { recursive: true });
    const node = [
      '#!/bin/sh',
      'case "$*" in',
      '  --version) echo v0 ;;',
      `  *--probe*) echo "driver ${'$'}VK_DRIVER_FILES refused"; exit ${probe} ;;`,
      `  *) echo "driver ${'$'}{VK_DRIVER_FILES:-none}"; echo "arguments $*"; exit ${checks} ;;`,
      'esac',
    ];
    writeFileSync(here('payload', 'node'), `${node.join('\n')}\n`);
    chmodSync(here('payload', 'node'), 0o755);
    expect(
      spawnSync('tar', ['-c', '-J', '-f', here('payload.tar.xz'), '-C', here('payload'), '.']).status,
    ).toBe(0);
    copyFileSync(script, here('run-gpu-checks'));
    mkdirSync(here('tmp'));
  }
  const run = (env: Record<string, string>, ...args: string[]) =>
    spawnSync('sh', [here('run-gpu-checks'), ...args], {
      cwd: folder,
      encoding: 'utf8',
      env: { PATH: process.env.PATH!, TMPDIR: here('tmp'), ...env },
    });
  const title = (text: string) => (usable ? text : `${text} [skipped: needs linux-x64 with xz]`);

  it.skipIf(!usable)(
    title('takes the driver it is told, passes options and status on, and cleans up'),
    () => {
      fakeBundle(2, 7);
      const child = run({ VK_DRIVER_FILES: '/some/driver.json', OUT: here('o') }, '--size', 'tiny');
      expect(child.stdout).toContain('driver /some/driver.json\n');
      expect(child.stdout).toMatch(
        new RegExp(`arguments \\S+/checks.mjs --golden \\S+/golden --output ${here('o')} --size tiny\n`),
      );
      expect(child.status).toBe(7);
      expect(readdirSync(here('tmp'))).toEqual([]);
    },
  );

  it.skipIf(!usable)(title('lets the Vulkan loader choose where no NVIDIA driver works'), () => {
    fakeBundle(2, 0);
    const child = run({});
    expect(child.stdout).toContain('no NVIDIA Vulkan driver works here');
    expect(child.stdout).toContain('driver none\n');
    expect(child.stdout).toContain(`--output ${here('results')}`);
    expect(child.status).toBe(0);
  });

  it.skipIf(!usable)(title('writes a driver manifest for NVIDIA libraries that come without one'), () => {
    fakeBundle(0, 0);
    const child = run({});
    expect(child.stdout).toMatch(/Vulkan driver: \S+nvidia\S*\n/i);
    expect(child.stdout).toMatch(/driver \S+nvidia\S*\n/i);
  });

  it.skipIf(!usable)(title('says what it cannot unpack'), () => {
    fakeBundle(0, 0);
    writeFileSync(here('payload.tar.xz'), 'no archive');
    const child = run({});
    expect(child.status).toBe(3);
    expect(child.stderr).toContain(`cannot unpack ${here('payload.tar.xz')}`);
    expect(readdirSync(here('tmp'))).toEqual([]);
  });
});
