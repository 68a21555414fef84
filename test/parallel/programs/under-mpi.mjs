/** What mpirun starts: `under-mpi.mjs FOLDER PROGRAM JSON` runs a program of this folder and keeps what each rank returned. */
import { writeFileSync } from 'node:fs';
import { serialize } from 'node:v8';
import { mpi } from '../../../dist/src/parallel/communicator/index.js';

const [folder, program, args] = process.argv.slice(2);
const { default: run } = await import(program);
await mpi(async (comm) => {
  const result = await run(comm, JSON.parse(args));
  writeFileSync(`${folder}/result-${comm.rank}`, serialize(result));
});
