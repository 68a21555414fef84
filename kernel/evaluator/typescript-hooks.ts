/** Loader hooks (a thread of Node's own) that let `import './mine.ts'` run; registered by `importer.ts` when first needed. */
import type { LoadHook, ResolveHook } from 'node:module';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ownEntry } from './own-entry.js';
import { compileUserModule, findUserModule, isUserModule, userModuleUrl } from './user-module.js';

export const resolve: ResolveHook = async (specifier, context, next) => {
  const parent = context.parentURL;
  const path = parent?.startsWith('file:')
    ? findUserModule(specifier, dirname(fileURLToPath(parent)))
    : undefined;
  if (path) return { url: userModuleUrl(path), format: 'module', shortCircuit: true };
  try {
    return await next(specifier, context);
  } catch (error) {
    const own = ownEntry(specifier);
    if (own === undefined) throw error;
    return next(own, context);
  }
};

export const load: LoadHook = async (url, context, next) => {
  if (!isUserModule(url)) return next(url, context);
  return { format: 'module', source: compileUserModule(url).code, shortCircuit: true };
};
