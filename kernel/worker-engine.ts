/** The kernel's language engine: a module of its own so that `worker-start.ts` can start it before all else is loaded. */
import { workerData } from 'node:worker_threads';
import { RemoteEngine } from './language/remote-engine.js';
import type { WorkerSetup } from './link.js';

export const engine = new RemoteEngine({ cwd: (workerData as WorkerSetup).cwd });
