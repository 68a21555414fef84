/** SwiftShader for machines without a Vulkan driver: what is fetched, checked, kept and refused. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { brotliCompressSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { parseNotebook } from '../../scripts/notebook/read.js';
import { hasVulkanDriver, provideSoftwareDevice, usesLibrary } from '../../scripts/run/software-device.js';
import { fetchSwiftshader } from '../../scripts/setup/swiftshader.js';
import { hasSoftwareVulkan, softwareVulkanFolder } from '../../src/compute/software-vulkan.js';

let folder: string;
let cacheBefore: string | undefined;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'kernelbook-swiftshader-'));
  cacheBefore = process.env.XDG_CACHE_HOME;
  process.env.XDG_CACHE_HOME = join(folder, 'cache');
});
afterEach(() => {
  if (cacheBefore === undefined) delete process.env.XDG_CACHE_HOME;
  else process.env.XDG_CACHE_HOME = cacheBefore;
  rmSync(folder, { recursive: true, force: true });
});

const sha = (algorithm: string, content: string | Uint8Array, as: 'hex' | 'base64') =>
  createHash(algorithm).update(content).digest(as);
const files = { 'libvk_swiftshader.so': 'the driver', 'libvulkan.so.1': 'the loader' };

/** A package like the real one, made here. */
function makePackage(): { tarball: string; integrity: string } {
  const made = join(folder, 'made');
  mkdirSync(join(made, 'package', 'bin'), { recursive: true });
  for (const [name, text] of Object.entries(files)) writeFileSync(join(made, name), text);
  execFileSync('tar', ['-cf', 'inner.tar', ...Object.keys(files)], { cwd: made });
  const inner = brotliCompressSync(readFileSync(join(made, 'inner.tar')));
  writeFileSync(join(made, 'package', 'bin', 'swiftshader.tar.br'), inner);
  execFileSync('tar', ['-czf', 'made.tgz', 'package'], { cwd: made });
  const tarball = join(made, 'made.tgz');
  return { tarball, integrity: `sha512-${sha('sha512', readFileSync(tarball), 'base64')}` };
}

const libraries = Object.fromEntries(
  Object.entries(files).map(([n, text]) => [n, sha('sha256', text, 'hex')]),
);
const pack = (tarball: string) => async (to: string) => {
  const copy = join(to, 'package.tgz');
  writeFileSync(copy, readFileSync(tarball));
  return copy;
};
const left = () => readdirSync(join(folder, 'cache', 'kernelbook'));
const env = {};

const isFetchedHere = process.platform === 'linux' && process.arch === 'x64';
const note = isFetchedHere ? '' : ' [skipped: it is fetched for linux-x64 only]';

describe.runIf(isFetchedHere)(`fetchSwiftshader${note}`, () => {
  it('keeps the two libraries and a manifest, and nothing else', async () => {
    const { tarball, integrity } = makePackage();
    const said: string[] = [];
    const failure = await fetchSwiftshader({
      say: (line) => said.push(line),
      env,
      pack: pack(tarball),
      expected: { integrity, libraries },
    });
    expect(failure).toBeUndefined();
    expect(said.join()).toContain('70 MB');
    expect(hasSoftwareVulkan()).toBe(true);
    expect(readdirSync(softwareVulkanFolder()).sort()).toEqual(['driver.json', ...Object.keys(files)].sort());
    const { ICD } = JSON.parse(readFileSync(join(softwareVulkanFolder(), 'driver.json'), 'utf8'));
    expect(readFileSync(ICD.library_path, 'utf8')).toBe('the driver');
    expect(left()).toHaveLength(1);
    // It is there: nothing is asked for again.
    const again = vi.fn();
    expect(await fetchSwiftshader({ say: () => {}, env, pack: again })).toBeUndefined();
    expect(again).not.toHaveBeenCalled();
  });

  it('keeps nothing of a package that is not the one it was tested with', async () => {
    const { tarball, integrity } = makePackage();
    const fetch = (expected: { integrity: string; libraries: Record<string, string> }) =>
      fetchSwiftshader({ say: () => {}, env, pack: pack(tarball), expected });
    expect(await fetch({ integrity: 'sha512-other', libraries })).toContain('its checksum is another');
    expect(await fetch({ integrity, libraries: { ...libraries, 'libvulkan.so.1': 'other' } })).toContain(
      'libvulkan.so.1 in the package is not the one that was tested',
    );
    expect([hasSoftwareVulkan(), left()]).toEqual([false, []]);
  });

  it('is forbidden by KERNELBOOK_NO_DOWNLOAD', async () => {
    const never = vi.fn();
    const failure = await fetchSwiftshader({ say: never, env: { KERNELBOOK_NO_DOWNLOAD: '1' }, pack: never });
    expect(failure).toBe('KERNELBOOK_NO_DOWNLOAD forbids to fetch SwiftShader');
    expect(never).not.toHaveBeenCalled();
  });

  it('says so where the registry cannot be reached', { timeout: 120_000 }, async () => {
    vi.stubEnv('npm_config_registry', 'http://127.0.0.1:9/');
    vi.stubEnv('npm_config_cache', join(folder, 'npm'));
    const failure = await fetchSwiftshader({ say: () => {}, env });
    vi.unstubAllEnvs();
    expect(failure).toMatch(/^SwiftShader could not be fetched: /);
    expect([hasSoftwareVulkan(), left()]).toEqual([false, []]);
  });
});

describe('when it is fetched', () => {
  const notebook = (source: string) =>
    parseNotebook(
      JSON.stringify({
        ...{ nbformat: 4, nbformat_minor: 4, metadata: {} },
        cells: [{ cell_type: 'code', metadata: {}, source, outputs: [], execution_count: null }],
      }),
    );

  it('only for notebooks that use the library', () => {
    expect(usesLibrary(notebook("import { tf } from 'kernelbook';"))).toBe(true);
    expect(usesLibrary(notebook("const { tf } = await import('kernelbook');"))).toBe(true);
    expect(usesLibrary(notebook("console.log('kernelbook')"))).toBe(false);
  });

  it('only where no driver is there, and none is where the environment names one that is not', () => {
    const nothing = { XDG_DATA_DIRS: folder, XDG_DATA_HOME: folder };
    expect(hasVulkanDriver({ VK_DRIVER_FILES: join(folder, 'none.json') })).toBe(false);
    mkdirSync(join(folder, 'vulkan', 'icd.d'), { recursive: true });
    writeFileSync(join(folder, 'vulkan', 'icd.d', 'a.json'), '{}');
    expect(hasVulkanDriver(nothing)).toBe(true);
    expect(hasVulkanDriver({ VK_ICD_FILENAMES: join(folder, 'vulkan', 'icd.d', 'a.json') })).toBe(true);
  });

  it('not for a run on another backend, nor against KERNELBOOK_NO_DOWNLOAD, and the run goes on', async () => {
    const said: string[] = [];
    const provide = (more: NodeJS.ProcessEnv) =>
      provideSoftwareDevice([notebook("import { tf } from 'kernelbook';")], {
        env: { VK_DRIVER_FILES: join(folder, 'none.json'), KERNELBOOK_NO_DOWNLOAD: '1', ...more },
        probe: undefined,
        say: (line) => said.push(line),
        signal: new AbortController().signal,
      });
    await provide({ KERNELBOOK_BACKEND: 'cpu' });
    expect(said).toEqual([]);
    await provide({});
    expect(said.join()).toMatch(/going on without WebGPU$/);
  });
});
