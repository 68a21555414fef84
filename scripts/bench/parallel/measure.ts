/** How fast ranks add up their data, beside what the machine can do: C with the same calls of MPI, and a plain copy of memory. */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { packageRoot } from '../../../kernel/package-root.js';
import { mpiVersion, threads } from '../../../src/parallel/communicator/index.js';
import { collectOutput } from '../../child-output.js';
import { mpiEnvironment, mpirunArguments } from '../../setup/probe.js';

export interface Scale {
  bytes: number;
  ranks: number;
  /** Each starts every program once. */
  rounds: number;
  /** All-reduces of one start. */
  repetitions: number;
}

/** Seconds per all-reduce, or per copy of as many bytes: all samples, in the order in which they were taken. */
export interface MpiSamples {
  library: string;
  ours: number[];
  /** MPI_Iallreduce and MPI_Test, as ours. */
  sameCalls: number[];
  /** MPI_Allreduce. */
  blocking: number[];
}

export interface ThreadSamples {
  allReduce: number[];
  copy: number[];
}

/** @throws Error when there is no MPI or no compiler for it, with what was looked for */
export async function measureMpi(scale: Scale, onRound: (round: number) => void): Promise<MpiSamples> {
  const { bytes, ranks, rounds, repetitions } = scale;
  const folder = mkdtempSync(join(tmpdir(), 'kernelbook-bench-parallel-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  const program = join(folder, 'all-reduce');
  const source = join(packageRoot(), 'scripts', 'bench', 'parallel', 'all-reduce.c');
  await output('mpicc', ['-O2', '-o', program, source]);
  const node = [process.execPath, fileURLToPath(new URL('./under-mpi.js', import.meta.url))];
  const start = async (command: string[]) =>
    (await output('mpirun', [...mpirunArguments(ranks), ...command, String(bytes), String(repetitions)]))
      .trim()
      .split('\n')
      .map((line) => line.split(' ').map(Number));
  const samples: MpiSamples = { library: mpiVersion(), ours: [], sameCalls: [], blocking: [] };
  for (let round = 0; round < rounds; round++) {
    onRound(round);
    const [ours] = await start(node);
    const [sameCalls, blocking] = await start([program]);
    samples.ours.push(...ours!);
    samples.sameCalls.push(...sameCalls!);
    samples.blocking.push(...blocking!);
  }
  rmSync(folder, { recursive: true });
  return samples;
}

export async function measureThreads(scale: Scale, onRound: (round: number) => void): Promise<ThreadSamples> {
  const { bytes, ranks, rounds, repetitions } = scale;
  const samples: ThreadSamples = { allReduce: [], copy: [] };
  const program = new URL('./rank-program.js', import.meta.url);
  for (let round = 0; round < rounds; round++) {
    onRound(round);
    const [seconds] = await threads(ranks, program, { args: { bytes, repetitions } });
    samples.allReduce.push(...(seconds as number[]));
    samples.copy.push(...copies(bytes, repetitions));
  }
  return samples;
}

function copies(bytes: number, repetitions: number): number[] {
  const from = new Float32Array(bytes / 4).fill(1);
  const to = new Float32Array(bytes / 4);
  to.set(from);
  return Array.from({ length: repetitions }, () => {
    const start = performance.now();
    to.set(from);
    return (performance.now() - start) / 1000;
  });
}

/** @throws Error with what the program complained about */
function output(command: string, args: string[]): Promise<string> {
  const child = spawn(command, args, {
    env: { ...process.env, ...mpiEnvironment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const kill = () => void child.kill();
  process.once('exit', kill);
  const written = collectOutput(child);
  return new Promise((resolve, reject) => {
    child.once('error', (error: NodeJS.ErrnoException) =>
      reject(error.code === 'ENOENT' ? new Error(`there is no ${command} on the PATH`) : error),
    );
    child.once('close', (code) => {
      process.removeListener('exit', kill);
      if (code === 0) resolve(written.stdout);
      else reject(new Error(`${command} ended with ${code}: ${(written.stderr || written.stdout).trim()}`));
    });
  });
}
