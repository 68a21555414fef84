/**
 * What native code writes to stderr past Node: Dawn tells of two limits of every Vulkan driver on Linux each time it looks for an
 * adapter, which says nothing to a reader of a notebook.
 */
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const stderrFd = 2;

/**
 * Runs `call` and leaves out the lines of native code that match; all others still come, after it. Only while it runs, so not while what it
 * returns is awaited. Where koffi is not installed, or on Windows, everything comes.
 */
export function withoutNativeLines<T>(unwanted: RegExp, call: () => T): T {
  const libc = duplicating();
  if (!libc) return call();
  const folder = mkdtempSync(join(tmpdir(), 'kernelbook-stderr-'));
  const file = join(folder, 'lines');
  const held = openSync(file, 'w');
  const own = libc.dup(stderrFd);
  try {
    libc.dup2(held, stderrFd);
    return call();
  } finally {
    libc.dup2(own, stderrFd);
    closeSync(own);
    closeSync(held);
    const lines = readFileSync(file, 'utf8').split(/(?<=\n)/);
    const wanted = lines.filter((line) => !unwanted.test(line)).join('');
    if (wanted !== '') writeSync(stderrFd, wanted);
    rmSync(folder, { recursive: true });
  }
}

interface Duplicating {
  dup(fd: number): number;
  dup2(from: number, to: number): number;
}

function duplicating(): Duplicating | undefined {
  if (process.platform === 'win32') return undefined;
  try {
    const koffi = createRequire(import.meta.url)('koffi') as typeof import('koffi');
    const libc = koffi.load(null);
    return { dup: libc.func('int dup(int)'), dup2: libc.func('int dup2(int, int)') };
  } catch {
    return undefined;
  }
}
