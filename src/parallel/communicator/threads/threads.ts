/** Ranks as worker threads: real concurrency on one machine, without MPI. */
import { Worker } from 'node:worker_threads';
import { CommunicationError } from '../communicator.js';
import { rankState, SharedWorld } from './shared-world.js';
import type { RankData, RankReport } from './thread-worker.js';

export interface ThreadsOptions {
  /** What every rank gets beside its communicator; it is copied. */
  args?: unknown;
  /** Whether `comm.traffic.events` is filled. */
  trace?: boolean;
}

/** How often it is looked at whether all ranks wait. */
const lookMs = 50;
/** How long a rank that computes may take to see that all are to end, before its thread is ended. */
const graceMs = 2_000;

/**
 * Runs a program's file on `size` ranks, each in a thread of its own: its default export is called with a communicator and `args`,
 * and what it returns is copied back.
 * @param program a file that Node can import, as a URL
 * @throws CommunicationError when a rank fails or its thread ends, when ranks call different collectives, or when all wait
 */
export async function threads(size: number, program: URL, options: ThreadsOptions = {}): Promise<unknown[]> {
  if (!Number.isInteger(size) || size < 1)
    throw new RangeError(`threads: the number of ranks must be a whole number from 1, got ${size}`);
  const world = SharedWorld.make(size);
  const watch = setInterval(standstillWatch(world), lookMs);
  const workers: Worker[] = [];
  try {
    const started = performance.timeOrigin + performance.now();
    const ends = Array.from({ length: size }, (_, rank) => {
      const data: RankData = {
        shared: { size, memory: world.memory },
        rank,
        program: program.href,
        args: options.args,
        trace: options.trace ?? false,
        started,
      };
      const worker = new Worker(new URL('./thread-worker.js', import.meta.url), { workerData: data });
      workers.push(worker);
      return endOf(worker, rank, world);
    });
    const results = await Promise.all(ends);
    const reason = world.ended;
    if (reason !== undefined) {
      const cause = results.find((end) => 'error' in end && end.error.name !== CommunicationError.name);
      throw new CommunicationError(reason, cause && { cause: (cause as { error: unknown }).error });
    }
    return results.map((end) => (end as { result: unknown }).result);
  } finally {
    clearInterval(watch);
    await Promise.all(workers.map((worker) => worker.terminate()));
  }
}

/** How a rank ended; if not well, all others are told to end. */
function endOf(worker: Worker, rank: number, world: SharedWorld): Promise<RankReport> {
  return new Promise((resolve) => {
    let over = false;
    const fail = (error: { name: string; message: string; stack?: string }) => {
      if (over) return;
      over = true;
      if (error.name !== CommunicationError.name)
        world.end(`rank ${rank} failed: ${error.name}: ${error.message}`);
      else world.end(error.message);
      resolve({ error });
    };
    const grace = setInterval(() => {
      if (world.ended === undefined) return;
      clearInterval(grace);
      setTimeout(() => void worker.terminate(), graceMs).unref();
    }, lookMs);
    worker.once('message', (report: RankReport) => {
      if ('error' in report) fail(report.error);
      else {
        over = true;
        resolve(report);
      }
    });
    worker.once('error', fail);
    worker.once('exit', (code) => {
      clearInterval(grace);
      fail({ name: 'Error', message: `its thread ended with exit code ${code} before its program did` });
    });
  });
}

/** All wait or are over, nothing is under way to those that wait, and nothing has happened since the last look: nobody can go on. */
function standstillWatch(world: SharedWorld): () => void {
  let before = '';
  return () => {
    const ranks = Array.from({ length: world.size }, (_, rank) => world.look(rank));
    const stand = ranks.every(
      ({ state, underWay }) => state === rankState.over || (state === rankState.waiting && underWay === 0),
    );
    const now = stand && ranks.some(({ state }) => state === rankState.waiting) ? JSON.stringify(ranks) : '';
    if (now !== '' && now === before) {
      const states = ranks.map(({ state, text }, rank) =>
        state === rankState.over ? `rank ${rank} has ended` : `rank ${rank} waits in ${text}`,
      );
      world.end(`nobody can go on: ${states.join('; ')}`);
    }
    before = now;
  };
}
