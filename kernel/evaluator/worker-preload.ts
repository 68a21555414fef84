/** Runs in a worker thread of the user's before its own file: TypeScript, and `require` as cells have it. */
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { registerHooks } from './importer.js';
import { requireWithOwn } from './own-entry.js';
import { installTypeScriptRequire } from './typescript-require.js';

installTypeScriptRequire();
registerHooks();
const require = requireWithOwn(createRequire(join(process.cwd(), '__cell.js')));
Object.defineProperty(globalThis, 'require', { value: require, writable: true, configurable: true });
