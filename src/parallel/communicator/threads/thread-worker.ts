/** What a rank's worker thread runs: the program's file, with a communicator. */
import { parentPort, workerData } from 'node:worker_threads';
import type { Communicator } from '../communicator.js';
import { MessageCommunicator } from '../message-communicator.js';
import { Traffic } from '../traffic.js';
import { type SharedMemory, SharedWorld } from './shared-world.js';
import { ThreadTransport } from './thread-transport.js';

export interface RankData {
  shared: SharedMemory;
  rank: number;
  program: string;
  args: unknown;
  trace: boolean;
  /** On the clock of `performance.timeOrigin`. */
  started: number;
}

export type RankReport = { result: unknown } | { error: { name: string; message: string; stack?: string } };

/** What a program's file exports as default. */
export type RankProgram = (comm: Communicator, args: unknown) => Promise<unknown>;

const { shared, rank, program, args, trace, started } = workerData as RankData;
const world = new SharedWorld(shared);
const transport = new ThreadTransport(world, rank);
// A promise of Atomics.waitAsync alone would not keep the thread alive.
const alive = setInterval(() => {}, 2 ** 30);
const moving = transport.run();
const report = await run();
transport.over();
if ('result' in report) await transport.close();
parentPort!.postMessage(report);
clearInterval(alive);
void moving;

async function run(): Promise<RankReport> {
  try {
    const module = (await import(program)) as { default?: RankProgram };
    if (typeof module.default !== 'function')
      throw new TypeError(`${program} has no default export to call: export default async (comm, args) => …`);
    const now = () => performance.timeOrigin + performance.now() - started;
    const members = Array.from({ length: world.size }, (_, n) => n);
    const comm = new MessageCommunicator(
      transport,
      { name: 'world', members, rank },
      new Traffic(rank, trace, now),
    );
    return { result: await module.default(comm, args) };
  } catch (error) {
    const { name, message, stack } = error instanceof Error ? error : new Error(String(error));
    return { error: { name, message, stack } };
  }
}
