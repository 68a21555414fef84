/** Where this package lives, so that notebooks anywhere can import `kernelbook` and have Node's types. */
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const packageName = 'kernelbook';

function findRoot(from: string): string {
  for (let folder = from; ; folder = dirname(folder)) {
    const manifest = join(folder, 'package.json');
    if (existsSync(manifest) && JSON.parse(readFileSync(manifest, 'utf8')).name === packageName)
      return folder;
    if (folder === dirname(folder))
      throw new Error(`${packageName}: no package.json of ${packageName} above ${from}`);
  }
}

/** The folder of this package's `package.json`, whether we run from sources or from `dist`. */
export const packageRoot = findRoot(dirname(fileURLToPath(import.meta.url)));

const requireHere = createRequire(join(packageRoot, 'package.json'));

/** The folder that holds a dependency of ours (hoisted or not), or undefined where it is not installed. */
export function dependencyFolder(name: string): string | undefined {
  try {
    return dirname(requireHere.resolve(`${name}/package.json`));
  } catch {
    return undefined;
  }
}
