/**
 * The user's cache directory for things that are cheap to make again: `$XDG_CACHE_HOME/kernelbook`, by default
 * `~/.cache/kernelbook`. A directory that cannot be read or written only means that nothing is kept.
 * `KERNELBOOK_NO_CACHE=1` switches it off.
 */
import { randomUUID } from 'node:crypto';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, isAbsolute, join } from 'node:path';

export function cacheDirectory(): string {
  const base = process.env.XDG_CACHE_HOME;
  // The XDG base directory specification has relative paths ignored.
  return join(base && isAbsolute(base) ? base : join(homedir(), '.cache'), 'kernelbook');
}

export async function readCache(name: string): Promise<Buffer | undefined> {
  if (cacheIsOff()) return undefined;
  return readFile(join(cacheDirectory(), name)).catch(() => undefined);
}

/** Written beside and renamed, so that another process never reads half a file. */
export async function writeCache(name: string, content: string | Uint8Array): Promise<void> {
  if (cacheIsOff()) return;
  const path = join(cacheDirectory(), name);
  const beside = `${path}.${randomUUID()}`;
  try {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(beside, content);
    await rename(beside, path);
  } catch {
    await rm(beside, { force: true }).catch(() => undefined);
  }
}

export function cacheIsOff(): boolean {
  const value = process.env.KERNELBOOK_NO_CACHE;
  return value !== undefined && value !== '' && value !== '0';
}
