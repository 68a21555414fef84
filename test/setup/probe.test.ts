import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { findChromium, readRequirements, tryProgram } from '../../scripts/setup/probe.js';
import { isNewEnough } from '../../scripts/setup/vulkan.js';

describe('tryProgram', () => {
  it('gives the line that names the error', () => {
    const result = tryProgram(
      process.execPath,
      ['-e', 'console.error("start"); throw new Error("no driver")'],
      20,
    );
    expect(result.ok).toBe(false);
    expect(result.reason).toContain('no driver');
  });

  it('says that a program is missing, was killed or did not answer', () => {
    expect(tryProgram('no-such-program-here', [], 5).reason).toContain('ENOENT');
    expect(tryProgram(process.execPath, ['-e', 'process.kill(process.pid, "SIGSEGV")'], 20).reason).toBe(
      'ended by SIGSEGV',
    );
    expect(tryProgram(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], 1).reason).toBe(
      'no answer within 1 s',
    );
  });
});

describe('findChromium', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'kernelbook-probe-'));
    vi.stubEnv('PATH', folder);
    vi.stubEnv('CHROMIUM_PATH', '');
  });
  afterEach(() => {
    vi.unstubAllEnvs();
    rmSync(folder, { recursive: true });
  });
  const program = (name: string, text: string) => {
    writeFileSync(path.join(folder, name), text);
    chmodSync(path.join(folder, name), 0o755);
    return path.join(folder, name);
  };

  it('takes the browser of CHROMIUM_PATH, and does not go on to others when it is wrong', () => {
    const own = program('my-browser', '');
    program('chromium', '');
    vi.stubEnv('CHROMIUM_PATH', own);
    expect(findChromium()).toEqual({ path: own });
    vi.stubEnv('CHROMIUM_PATH', path.join(folder, 'gone'));
    expect(findChromium()).toHaveProperty('missing', expect.stringContaining('gone, which is not there'));
  });

  it('passes over a snap and finds Chrome behind it', () => {
    program('chromium-browser', '#!/bin/sh\nexec /snap/bin/chromium "$@"\n');
    expect(findChromium()).toHaveProperty('missing', expect.stringContaining('snap'));
    mkdirSync(path.join(folder, 'snap'));
    const chrome = program('google-chrome', '#!/bin/sh\n');
    expect(findChromium()).toEqual({ path: chrome });
  });

  it('says when there is none', () => {
    expect(findChromium()).toHaveProperty('missing', expect.stringContaining('CHROMIUM_PATH'));
    symlinkSync(path.join(folder, 'nowhere'), path.join(folder, 'chromium'));
    expect(findChromium()).toHaveProperty('missing');
  });
});

describe('the requirements', () => {
  it('are pinned, every one', () => {
    const names = readRequirements('requirements.txt').map(({ name }) => name);
    expect(names).toEqual(
      expect.arrayContaining(['jupyterlab', 'nbclient', 'nbconvert', 'papermill', 'jupyter_kernel_test']),
    );
    const constraints = new Map(
      readRequirements('constraints.txt').map(({ name, version }) => [normal(name), version]),
    );
    for (const file of ['requirements.txt', 'requirements-tensorflow.txt']) {
      for (const { name, version } of readRequirements(file))
        expect(constraints.get(normal(name)), name).toBe(version);
    }
  });
  const normal = (name: string) => name.toLowerCase().replaceAll('_', '-');
});

describe('the Mesa versions that Dawn accepts', () => {
  it.each([
    ['22.3.6-1+deb12u2', false],
    ['20.3.5-1', false],
    ['23.0.4-0ubuntu1~22.04.1', false],
    ['23.2.1-1ubuntu3.1~22.04.3', true],
    ['24.0.9-0ubuntu0.3', true],
    ['25.0.7-2~bpo12+1', true],
    ['1:25.0.7-2', true],
  ])('%s: %s', (version, expected) => {
    expect(isNewEnough(version)).toBe(expected);
  });
});
