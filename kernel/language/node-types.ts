/** Where a notebook's types of Node come from, found without the compiler: the nearest `node_modules/@types/node`, or ours. */
import { existsSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { dependencyFolder } from './own-package.js';

export interface ProjectTypes {
  /** The folder whose `node_modules` has them. */
  project: string;
  /** Where they really lie. */
  types: string;
}

/** Undefined where ours count. */
export function projectTypes(cwd: string): ProjectTypes | undefined {
  for (let project = cwd; ; project = dirname(project)) {
    const types = join(project, 'node_modules', '@types', 'node');
    if (existsSync(join(types, 'package.json'))) {
      const real = realpathSync(types);
      const own = dependencyFolder('@types/node');
      return own !== undefined && realpathSync(own) === real ? undefined : { project, types: real };
    }
    if (project === dirname(project)) return undefined;
  }
}
