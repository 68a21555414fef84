/** The compiler writes types and modules with the paths of their files; the reader knows them by their own names. */
import { packageName } from './own-package.js';

/** `import("/folder/__cell_3").A` is `A`, and a file of a package is the package. */
export function withoutPaths(text: string): string {
  return text
    .replaceAll(/import\("[./][^"]*"\)\.(?=[\p{ID_Start}$_])/gu, '')
    .replaceAll(/(typeof )?import\("[^"]*__cell_\d+"\)/g, '$1')
    .replaceAll(/import\("([./][^"]*)"\)/g, (_, path: string) => `import("${nameOf(path)}")`)
    .replaceAll(/'"([./][^"']*)"'/g, (_, path: string) => `'${nameOf(path)}'`);
}

function nameOf(path: string): string {
  const inPackage = /^.*\/node_modules\/(?:@types\/)?((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1];
  if (inPackage !== undefined) return inPackage;
  return /\/dist\/src(?:\/|$)/.test(path) ? packageName : path;
}
