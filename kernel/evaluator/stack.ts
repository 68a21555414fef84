/**
 * Stack traces in the user's terms: frames of cells read `cell 3:2:5` with the line and column of the TypeScript that
 * was typed, frames of the user's `.ts` files their own lines, and the kernel's frames below them are left out.
 */
import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { CellRegistry, SourcePosition } from './cell-registry.js';
import { isUsersCode, originalPosition, withoutVersion } from './user-module.js';

type PrepareStackTrace = (error: Error, sites: NodeJS.CallSite[]) => unknown;

/** Where an error's stack first touches a cell; filled when the stack is first read. */
const cellPositions = new WeakMap<Error, SourcePosition>();

export function cellPosition(error: Error): SourcePosition | undefined {
  void error.stack;
  return cellPositions.get(error);
}

/** Gives an error that passed no cell (a module that cannot be loaded) the place of the import that led to it. */
export function placeAt(error: unknown, here: Error): void {
  if (!(error instanceof Error) || cellPosition(error)) return;
  const place = cellPosition(here);
  if (place) cellPositions.set(error, place);
}

/** Whether a line of a finished stack trace tells nothing about the user's code. */
export function isInternalFrame(line: string): boolean {
  return line.includes(kernelFolder) || line.includes('node:internal/');
}

export function installStackTraces(registry: CellRegistry): void {
  const previous = Error.prepareStackTrace as PrepareStackTrace | undefined;
  const prepare: PrepareStackTrace = (error, sites) => {
    const isOurs = sites.some((site) => registry.has(fileOf(site)) || isUsersCode(fileOf(site)));
    if (!isOurs && previous) return previous(error, sites);
    const frames = isOurs ? userFrames(error, sites, registry) : sites.map(String);
    return [header(error), ...frames.map((frame) => `    at ${frame}`)].join('\n');
  };
  Error.prepareStackTrace = prepare as typeof Error.prepareStackTrace;
}

function userFrames(error: Error, sites: NodeJS.CallSite[], registry: CellRegistry): string[] {
  const frames: string[] = [];
  // What called the outermost frame of the user's is the kernel or Node.
  let end = 0;
  for (const site of sites) {
    const file = fileOf(site);
    const position = { line: site.getLineNumber() ?? 1, column: site.getColumnNumber() ?? 1 };
    const raw = `${file}:${position.line}:${position.column}`;
    const located = registry.locate(file, position);
    if (located) {
      if (!cellPositions.has(error)) cellPositions.set(error, located);
      end = frames.push(String(site).replace(raw, `cell ${located.count}:${located.line}:${located.column}`));
    } else if (isUsersCode(file)) {
      const { line, column } = originalPosition(file, position);
      const path = relative(
        registry.cwd,
        file.startsWith('file:') ? fileURLToPath(withoutVersion(file)) : file,
      );
      end = frames.push(String(site).replace(raw, `${path}:${line}:${column}`));
    } else if (!isKernelFrame(file)) frames.push(String(site));
  }
  return frames.slice(0, end);
}

const kernelFolder = new URL('..', import.meta.url).href;

function isKernelFrame(file: string): boolean {
  return file.startsWith(kernelFolder) || file.startsWith('node:vm') || file.startsWith('node:internal/');
}

function fileOf(site: NodeJS.CallSite): string {
  return site.getFileName() ?? '';
}

/** As V8 and Node begin a stack: also `captureStackTrace` on an object that is no error, and Node's errors with their code. */
function header(error: Error): string {
  try {
    const { code, name, message } = error as NodeJS.ErrnoException;
    const ofNode = `${name} [${code}]: ${message}`;
    return code !== undefined && String(error) === ofNode ? ofNode : Error.prototype.toString.call(error);
  } catch {
    return 'Error';
  }
}
