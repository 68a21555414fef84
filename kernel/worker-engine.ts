/** The kernel's language engine: a module of its own so that `worker-start.ts` can take it over before all else is loaded. */
import { workerData } from 'node:worker_threads';
import { adoptEngine } from './language/engine-child.js';
import { RemoteEngine } from './language/remote-engine.js';
import type { WorkerSetup } from './link.js';

const { cwd, engine: started } = workerData as WorkerSetup;

export const engine = new RemoteEngine({ cwd }, started && adoptEngine(started));
