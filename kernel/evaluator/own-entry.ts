/** Where the modules are that every notebook finds, for notebooks outside any project that has them installed. */
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { builtFile, packageName, packageRoot, providedPackages } from '../language/own-package.js';

/** The URL of our copy of a module, for one that is not found from the notebook's folder; undefined if we have none. */
export function ownEntry(specifier: string): string | undefined {
  if (!providedPackages.includes(specifier)) return undefined;
  if (specifier === packageName) return builtFile('src', 'index.js').href;
  return pathToFileURL(createRequire(join(packageRoot, 'package.json')).resolve(specifier)).href;
}

/** A `require` that also finds these modules. */
export function requireWithOwn(native: NodeJS.Require): NodeJS.Require {
  const resolve = (id: string, options?: { paths?: string[] }): string => {
    try {
      return native.resolve(id, options);
    } catch (error) {
      const entry = ownEntry(id);
      if (entry === undefined) throw error;
      return fileURLToPath(entry);
    }
  };
  const require = (id: string): unknown => native(providedPackages.includes(id) ? resolve(id) : id);
  return Object.assign(require, native, { resolve: Object.assign(resolve, native.resolve) });
}
