/** Choosing a backend: names, environment, idempotence, reports, and the command `kernelbook devices`. */
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { type BackendReport, backendNames, listBackends, useBackend } from '../../src/compute/backend.js';
import { read } from '../../src/compute/read.js';
import { tf } from '../../src/compute/tf.js';
import { eachBackend, hasBackend } from './backends.js';

const main = path.resolve('dist', 'scripts', 'main.js');

function devices(args: string[], env: NodeJS.ProcessEnv = {}) {
  const child = spawnSync(process.execPath, [main, 'devices', ...args], {
    env: { ...process.env, ...env },
    encoding: 'utf8',
  });
  return { status: child.status, output: child.stdout, errors: child.stderr };
}

afterEach(() => {
  delete process.env.KERNELBOOK_BACKEND;
});

describe('useBackend', () => {
  it('rejects a name it does not know, listing those it does', async () => {
    await expect(useBackend('cuda' as 'cpu')).rejects.toThrow(
      "useBackend: unknown backend 'cuda'; use one of webgpu, tensorflow, wasm, cpu",
    );
  });

  it('follows KERNELBOOK_BACKEND, and blames it when it is wrong', async () => {
    process.env.KERNELBOOK_BACKEND = 'cpu';
    expect((await useBackend()).name).toBe('cpu');
    process.env.KERNELBOOK_BACKEND = 'gpu';
    await expect(useBackend()).rejects.toThrow("unknown backend 'gpu' (from KERNELBOOK_BACKEND)");
  });

  it('an explicit name wins over the environment', async () => {
    process.env.KERNELBOOK_BACKEND = 'wasm';
    expect((await useBackend('cpu')).name).toBe('cpu');
    expect(tf.getBackend()).toBe('cpu');
  });

  it('without a name takes the first that works of the documented order', async () => {
    const info = await useBackend();
    const reports = new Map((await listBackends()).map((report) => [report.name, report]));
    const hardware = (name: 'webgpu' | 'tensorflow') => reports.get(name)?.info?.hardware === true;
    const expected = hardware('webgpu')
      ? 'webgpu'
      : hardware('tensorflow')
        ? 'tensorflow'
        : backendNames.find((name) => reports.get(name)?.available);
    expect(info.name).toBe(expected);
    expect(tf.getBackend()).toBe(expected);
  });

  it('keeps tensors alive across a change of backend', async () => {
    await useBackend('wasm');
    const x = tf.tensor([1, 2, 3]).add(1);
    await useBackend('cpu');
    expect(Array.from(await read(x.mul(2)))).toEqual([4, 6, 8]);
  });

  eachBackend((name) => {
    it('is idempotent and describes itself', async () => {
      const backend = tf.backend();
      const info = await useBackend(name);
      expect(tf.backend()).toBe(backend);
      expect(info).toBe(await useBackend(name));
      expect(info.name).toBe(name);
      expect(info.toMimeBundle()['text/plain']).toContain(`${name} on ${info.device}`);
    });

    it('computes 32-bit floats', async () => {
      expect(tf.env().getBool('DEBUG')).toBe(false);
      expect((await read(tf.scalar(1).add(2 ** -23)))[0]).toBe(1 + 2 ** -23);
      expect((await read(tf.scalar(1).add(2 ** -25)))[0]).toBe(1);
    });
  });
});

describe('kernelbook devices', () => {
  it('lists every backend and the choice', () => {
    const { status, output } = devices([]);
    expect(status).toBe(0);
    for (const name of backendNames)
      expect(output).toMatch(new RegExp(`^${name} +(available|not available)`, 'm'));
    expect(output).toContain('chosen by default: ');
  });

  it('prints the same report as JSON', async () => {
    const { status, output } = devices(['--json']);
    const reports = JSON.parse(output) as BackendReport[];
    expect(status).toBe(0);
    expect(reports.map(({ name, available }) => [name, available])).toEqual(
      (await listBackends()).map(({ name, available }) => [name, available]),
    );
  });

  it('says why webgpu is missing and what to do, and succeeds', () => {
    const nowhere = path.resolve('no-such-driver.json');
    const { status, output } = devices([], { VK_DRIVER_FILES: nowhere, VK_ICD_FILENAMES: nowhere });
    expect(status).toBe(0);
    expect(output).toMatch(/^webgpu +not available: no WebGPU adapter: .+ Vulkan driver/m);
    expect(output).not.toContain('chosen by default: webgpu');
  });

  it('says when no adapter has the wanted name', (context) => {
    if (!hasBackend('webgpu')) context.skip('there is no WebGPU adapter on this machine');
    const { status, output } = devices([], { KERNELBOOK_ADAPTER: 'abacus' });
    expect(status).toBe(0);
    expect(output).toContain("no WebGPU adapter has KERNELBOOK_ADAPTER='abacus' in its name");
  });

  it('reports an unusable KERNELBOOK_BACKEND', () => {
    const { status, output } = devices([], { KERNELBOOK_BACKEND: 'gpu' });
    expect(status).toBe(0);
    expect(output).toContain("no backend: useBackend: unknown backend 'gpu' (from KERNELBOOK_BACKEND)");
  });
});
