/** Which notebooks a command means that is given none: those of the current folder, in the checkout the workbook. */
import { existsSync } from 'node:fs';
import { join, relative, resolve, sep } from 'node:path';
import { packageRoot } from '../../kernel/package-root.js';

/** Where executed notebooks go unless the user says otherwise. */
export const usualOutput = join('build', 'notebooks');

export interface Targets {
  /** Files and folders. */
  targets: string[];
  /** Folders of results, in which none is looked for. */
  without: string[];
}

export function targetsOr(named: string[], cwd = process.cwd()): Targets {
  return named.length > 0 ? { targets: named, without: [] } : defaultTargets(cwd);
}

function defaultTargets(cwd: string): Targets {
  const workbook = workbookFolder();
  const isCheckout = !packageRoot().split(sep).includes('node_modules');
  const inWorkbook = isInside(cwd, workbook);
  const targets = [isCheckout && !inWorkbook && isInside(cwd, packageRoot()) ? relative(cwd, workbook) : '.'];
  return { targets, without: [resolve(cwd, usualOutput)] };
}

/** What `kernelbook start` runs: the folder `notebooks` that is here, else the workbook of this package. */
export function workbookHere(cwd = process.cwd()): string {
  const here = 'notebooks';
  return existsSync(join(cwd, here)) ? here : relative(cwd, workbookFolder());
}

/** The notebooks that come with this package. */
function workbookFolder(): string {
  return join(packageRoot(), 'notebooks');
}

/** Whether a path is a folder or lies in it. */
export function isInside(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder.endsWith(sep) ? folder : folder + sep);
}
