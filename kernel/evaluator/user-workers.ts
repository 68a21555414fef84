/**
 * Worker threads that a cell starts on the user's files run TypeScript as imports do. Node hands loader hooks to no
 * worker: what needs them gets `worker-preload.js` before its own code.
 */
import { createRequire, syncBuiltinESMExports } from 'node:module';
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Worker as NodeWorker, WorkerOptions } from 'node:worker_threads';
import { builtFile } from '../language/own-package.js';
import { hasLinkedPackages } from './linked-packages.js';
import { findUserModule, isTypeScript, withImports } from './user-module.js';

let isInstalled = false;

/** Replaces the class for all who import it from now on. */
export function installUserWorkers(): void {
  if (isInstalled) return;
  isInstalled = true;
  const threads = createRequire(import.meta.url)('node:worker_threads') as { Worker: typeof NodeWorker };
  const preload = builtFile('kernel', 'evaluator', 'worker-preload.js').href;
  threads.Worker = class Worker extends threads.Worker {
    constructor(file: string | URL, options: WorkerOptions = {}) {
      const execArgv = options.execArgv ?? process.execArgv;
      super(
        file,
        needsPreload(file, options) ? { ...options, execArgv: [...execArgv, '--import', preload] } : options,
      );
    }
  };
  syncBuiltinESMExports();
}

function needsPreload(file: string | URL, options: WorkerOptions): boolean {
  try {
    if (options.eval) return false;
    const path = file instanceof URL ? fileURLToPath(file) : resolve(file);
    const found = findUserModule(path, dirname(path));
    if (found === undefined) return false;
    return [...withImports(found)].some(isTypeScript) || hasLinkedPackages(dirname(found));
  } catch {
    return false; // Node says what is wrong with it.
  }
}
