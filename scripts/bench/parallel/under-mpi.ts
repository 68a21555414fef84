/** What mpirun starts beside the program in C: `under-mpi.js BYTES REPETITIONS` prints the seconds of each repetition. */
import { mpi } from '../../../src/parallel/communicator/index.js';
import measureRank from './rank-program.js';

const [bytes, repetitions] = process.argv.slice(2).map(Number);
await mpi(async (comm) => {
  const seconds = await measureRank(comm, { bytes, repetitions });
  if (comm.rank === 0) console.log(seconds.join(' '));
});
