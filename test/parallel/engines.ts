/**
 * One program on every engine. Programs are plain modules in `programs/`, since threads and MPI start from files; they import the library
 * as it is built, and return plain numbers and typed arrays.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deserialize } from 'node:v8';
import { describe } from 'vitest';
import { mpiEnvironment, mpirunArguments } from '../../scripts/setup/probe.js';
import { type RankProgram, ranks, type threads } from '../../src/parallel/communicator/index.js';
import { describeRequires } from '../support/requires.js';

/** @param program a file in `programs/`, without its ending @param args plain JSON @returns what each rank returned */
export type RunProgram = (size: number, program: string, args?: unknown) => Promise<unknown[]>;

const fileOf = (program: string) => new URL(`./programs/${program}.mjs`, import.meta.url);
const builtThreads = new URL('../../dist/src/parallel/communicator/index.js', import.meta.url);

export const onAsyncRanks: RunProgram = async (size, program, args = {}) => {
  const { default: run } = (await import(fileOf(program).href)) as { default: RankProgram };
  return ranks(size, (comm) => run(comm, structuredClone(args)));
};

const onThreads: RunProgram = async (size, program, args = {}) => {
  const built = (await import(builtThreads.href)) as { threads: typeof threads };
  return built.threads(size, fileOf(program), { args });
};

const underMpi: RunProgram = async (size, program, args = {}) => {
  const folder = mkdtempSync(join(tmpdir(), 'kernelbook-mpi-'));
  try {
    const main = new URL('./programs/under-mpi.mjs', import.meta.url).pathname;
    const command = [...mpirunArguments(size), process.execPath, main, folder, fileOf(program).href];
    const child = spawn('mpirun', [...command, JSON.stringify(args)], {
      env: { ...process.env, ...mpiEnvironment },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => {
        output += text;
      });
    const code = await new Promise((resolve) => child.on('close', resolve));
    if (code !== 0) throw new Error(`mpirun ended with ${code}: ${output}`);
    return Array.from({ length: size }, (_, rank) =>
      deserialize(readFileSync(join(folder, `result-${rank}`))),
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
};

/** Describes the same tests for ranks in one thread, in worker threads and under MPI, where that is installed. */
export function eachEngine(body: (run: RunProgram) => void): void {
  describe('ranks in one thread', () => body(onAsyncRanks));
  describe('worker threads', () => body(onThreads));
  describeRequires('mpi', 'MPI', () => body(underMpi));
}
