/** The ranks that `mpirun` has started: this process is one of them. */
import { CommunicationError, type Communicator } from '../communicator.js';
import { Traffic } from '../traffic.js';
import { MpiError, MpiLibrary } from './library.js';
import { MpiCommunicator } from './mpi-communicator.js';
import { Progress } from './progress.js';
import { Standstill } from './standstill.js';

export interface MpiOptions {
  trace?: boolean;
}

/** How long the others leave it to rank 0 to tell why all ranks end. */
const tellMs = 2_000;

/** MPI_THREAD_FUNNELED: there may be threads, and one of them calls MPI. */
const funneled = 1;
const levels = ['MPI_THREAD_SINGLE', 'MPI_THREAD_FUNNELED', 'MPI_THREAD_SERIALIZED', 'MPI_THREAD_MULTIPLE'];

/**
 * Runs a program on this process's rank; to be started with `mpirun -n 4 node program.js`. Returns when all ranks are done.
 * When a rank fails, its error is printed with its rank, and all processes are ended through MPI_Abort, as nobody could tell the others
 * otherwise.
 * @throws MpiError where there is no MPI, or not as we know it
 */
export async function mpi<T>(
  program: (comm: Communicator) => Promise<T>,
  { trace = false }: MpiOptions = {},
): Promise<T> {
  const libmpi = MpiLibrary.load();
  const provided = new Int32Array(1);
  libmpi.call('MPI_Init_thread', 0n, 0n, funneled, provided);
  if (provided[0]! < funneled)
    throw new MpiError(
      `${libmpi.version()} gives ${levels[provided[0]!]}, but Node has threads of its own and needs ${levels[funneled]}`,
    );
  const { world } = libmpi.handles;
  const number = (name: 'MPI_Comm_rank' | 'MPI_Comm_size') => {
    const place = new Int32Array(1);
    libmpi.call(name, world, place);
    return place[0]!;
  };
  const [rank, size] = [number('MPI_Comm_rank'), number('MPI_Comm_size')];
  const copy = () => {
    const place = libmpi.handlePlace();
    libmpi.call('MPI_Comm_dup', world, place);
    return place[0];
  };
  const [comm, agreement, notes, ending] = [copy(), copy(), copy(), copy()];
  let failure: CommunicationError | undefined;
  const fail = (reason: string): CommunicationError => {
    failure ??= new CommunicationError(reason);
    progress.fail(failure);
    return failure;
  };
  const progress: Progress = new Progress(libmpi, () => standstill.look());
  const standstill: Standstill = new Standstill(libmpi, () => progress, notes, rank, size, fail);
  standstill.listen().catch(() => {});
  const started = performance.now();
  const traffic = new Traffic(rank, trace, () => performance.now() - started);
  const abort = async (error: unknown): Promise<never> => {
    // What all ranks know is told by the first.
    if (failure && rank !== 0) await new Promise((done) => setTimeout(done, tellMs));
    const told = failure ?? error;
    const text = told instanceof Error ? `${told.name}: ${told.message}` : String(told);
    process.stderr.write(`rank ${rank} failed: ${text}\n`);
    libmpi.call('MPI_Abort', world, 1);
    throw error;
  };
  const ended = (signal: NodeJS.Signals) => {
    const waits = standstill.waits;
    process.stderr.write(
      `rank ${rank} was ended by ${signal}${waits === '' ? '' : ` while it waited in ${waits}`}\n`,
    );
    process.exit(1);
  };
  process.once('SIGTERM', ended);
  try {
    const result = await program(
      new MpiCommunicator(
        { libmpi, progress, standstill, traffic, fail },
        { name: 'world', comm, agreement, rank, size },
      ),
    );
    standstill.over();
    await progress.request((place) => libmpi.call('MPI_Ibarrier', ending, place), []);
    progress.fail(new CommunicationError('the program is over'));
    libmpi.call('MPI_Finalize');
    return result;
  } catch (error) {
    return abort(error);
  } finally {
    process.removeListener('SIGTERM', ended);
  }
}

/** The library's own name and version. @throws MpiError where there is none */
export function mpiVersion(): string {
  return MpiLibrary.load().version();
}
