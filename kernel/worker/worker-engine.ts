/** The kernel's language engine: a module of its own so that `worker-start.ts` can take it over before all else is loaded. */
import { workerData } from 'node:worker_threads';
import { EngineAhead } from '../language/engine-ahead.js';
import { adoptEngine } from '../language/engine-child.js';
import { RemoteEngine } from '../language/remote-engine.js';
import { snapshotBuilder } from '../language/snapshot.js';
import type { WorkerSetup } from '../link.js';

const { cwd, checkedCells, engine: started } = workerData as WorkerSetup;

export const engine =
  checkedCells === undefined
    ? new RemoteEngine({ cwd }, started && adoptEngine(started))
    : new EngineAhead(checkedCells, { cwd });

/** Children of this process that are the kernel's own. */
export function ownPrograms(): number[] {
  return [engine.processId, snapshotBuilder()].filter((pid) => pid !== undefined);
}
