/**
 * Loader hooks (a thread of Node's own) that let `import './mine.ts'` run and give every version of the user's files its
 * own URL; registered by `importer.ts` when first needed.
 */
import { readFileSync } from 'node:fs';
import type { LoadHook, ResolveHook } from 'node:module';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ownEntry } from './own-entry.js';
import {
  compileUserModule,
  findUserModule,
  isTypeScript,
  isUserModule,
  userModuleUrl,
  userTypeScript,
} from './user-module.js';

export const resolve: ResolveHook = async (specifier, context, next) => {
  const parent = context.parentURL;
  const path = parent?.startsWith('file:')
    ? findUserModule(specifier, dirname(fileURLToPath(parent)))
    : undefined;
  if (path) return versioned(path, context, next);
  try {
    const resolved = await next(specifier, context);
    const found = userTypeScript(resolved.url);
    return found ? await versioned(found, context, next) : resolved;
  } catch (error) {
    const own = ownEntry(specifier);
    if (own === undefined) throw error;
    return next(own, context);
  }
};

type ResolveParameters = Parameters<ResolveHook>;

function versioned(
  path: string,
  context: ResolveParameters[1],
  next: ResolveParameters[2],
): ReturnType<ResolveHook> {
  const url = userModuleUrl(path);
  return isTypeScript(url) ? { url, format: 'module', shortCircuit: true } : next(url, context);
}

export const load: LoadHook = async (url, context, next) => {
  if (!isUserModule(url)) return next(url, context);
  if (isTypeScript(url)) return { format: 'module', source: compileUserModule(url), shortCircuit: true };
  const isBareJson = context.format === 'json' && context.importAttributes.type === undefined;
  if (!isBareJson) return next(url, context);
  // Bundlers and TypeScript need no attribute for JSON; Node does.
  const text = readFileSync(fileURLToPath(url), 'utf8');
  return {
    format: 'module',
    source: `export default JSON.parse(${JSON.stringify(text)});`,
    shortCircuit: true,
  };
};
