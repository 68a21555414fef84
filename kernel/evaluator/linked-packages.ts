/**
 * Whether a project has packages that are links to folders outside of any `node_modules`, as those of a workspace are: they
 * are the user's own files, and may be TypeScript.
 */
import { readdirSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** @param folder in which, and above which, packages are looked for */
export function hasLinkedPackages(folder: string): boolean {
  for (let place = folder; ; place = dirname(place)) {
    if (hasLinks(join(place, 'node_modules'))) return true;
    if (place === dirname(place)) return false;
  }
}

function hasLinks(modules: string): boolean {
  for (const entry of entriesOf(modules)) {
    const path = join(modules, entry.name);
    if (entry.isSymbolicLink() ? isOutside(path) : entry.name.startsWith('@') && hasLinks(path)) return true;
  }
  return false;
}

function isOutside(link: string): boolean {
  try {
    return !/[\\/]node_modules[\\/]/.test(realpathSync(link));
  } catch {
    return false; // it leads nowhere
  }
}

function entriesOf(folder: string) {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch {
    return [];
  }
}
