/** Ceilings are measured once and kept; a damaged cache is measured anew, a missing one does no harm. */
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { cacheDirectory, readCache, writeCache } from '../../../src/cache.js';
import { useBackend } from '../../../src/compute/backend.js';

let folder: string;
const environment = { ...process.env };

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kernelbook-cache-'));
  process.env.XDG_CACHE_HOME = folder;
  delete process.env.KERNELBOOK_NO_CACHE;
});
afterEach(async () => {
  process.env = { ...environment };
  await rm(folder, { recursive: true, force: true });
});

/** A fresh copy of the module, whose memory of earlier measurements is empty. */
async function measured() {
  vi.resetModules();
  const { ceilings } = await import('../../../src/workbench/profile/ceilings.js');
  const { useBackend: choose } = await import('../../../src/compute/backend.js');
  return ceilings(await choose('cpu'));
}

test('measured once, then read from the cache; damage is repaired', async () => {
  const first = await measured();
  expect(first.copyBytesPerSecond).toBeGreaterThan(1e6);
  expect(first.matmulFlopsPerSecond).toBeGreaterThan(1e6);
  const files = await readdir(cacheDirectory());
  expect(files).toHaveLength(1);
  const path = join(cacheDirectory(), files[0]!);

  const kept = JSON.parse(await readFile(path, 'utf8'));
  await writeFile(path, JSON.stringify({ ...kept, copyBytesPerSecond: 12345 }));
  expect((await measured()).copyBytesPerSecond).toBe(12345);

  for (const damage of [
    '{"key":',
    JSON.stringify({ ...kept, matmulSize: 'x' }),
    JSON.stringify({ ...kept, key: '?' }),
  ]) {
    await writeFile(path, damage);
    expect((await measured()).copyBytesPerSecond).toBeGreaterThan(1e6);
    expect(JSON.parse(await readFile(path, 'utf8')).key).toBe(kept.key);
  }
});

test('two who ask at once share one measurement', async () => {
  const { ceilings } = await import('../../../src/workbench/profile/ceilings.js');
  const info = await useBackend('cpu');
  const [a, b] = await Promise.all([ceilings(info), ceilings(info)]);
  expect(a).toBe(b);
});

test('the cache tolerates a place it cannot write to, relative paths and being switched off', async () => {
  const file = join(folder, 'a-file');
  await writeFile(file, '');
  process.env.XDG_CACHE_HOME = file;
  await writeCache('x', 'content');
  expect(await readCache('x')).toBeUndefined();

  process.env.XDG_CACHE_HOME = 'relative';
  expect(cacheDirectory().endsWith(join('.cache', 'kernelbook'))).toBe(true);

  process.env.XDG_CACHE_HOME = folder;
  await writeCache('x', 'content');
  expect(String(await readCache('x'))).toBe('content');
  process.env.KERNELBOOK_NO_CACHE = '1';
  expect(await readCache('x')).toBeUndefined();
});
