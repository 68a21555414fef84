/** Where this package lives, so that notebooks anywhere can import `kernelbook` and have Node's types. */
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { packageRoot as findPackageRoot } from '../package-root.js';

export const packageName = 'kernelbook';

/** Found by every notebook, also where its project does not have them: this package, and `tslab` of our dependencies. */
export const providedPackages: readonly string[] = [packageName, 'tslab'];

export const packageRoot = findPackageRoot();

/** The URL of a compiled file of this package: threads and processes start from these, also when tests run the sources. */
export function builtFile(...path: string[]): URL {
  return pathToFileURL(join(packageRoot, 'dist', ...path));
}

const requireHere = createRequire(join(packageRoot, 'package.json'));

/** The folder that holds a dependency of ours (hoisted or not), or undefined where it is not installed. */
export function dependencyFolder(name: string): string | undefined {
  try {
    return dirname(requireHere.resolve(`${name}/package.json`));
  } catch {
    return undefined;
  }
}
