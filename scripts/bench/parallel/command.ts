/** `kernelbook bench parallel`: all-reduce from TypeScript beside C with the same calls of MPI, and threads beside a copy of memory. */
import { type Command, InvalidArgumentError } from 'commander';
import { addResultOptions, endOnSignals, type ResultFiles, writeResult } from '../results.js';
import type { MpiSamples, Scale } from './measure.js';
import type { ParallelBench } from './report.js';

interface Flags extends ResultFiles {
  mib?: number;
  ranks?: number;
  rounds?: number;
  quick?: boolean;
}

const fullScale: Scale = { bytes: 64 * 2 ** 20, ranks: 4, rounds: 5, repetitions: 5 };
const quickScale: Scale = { bytes: 2 ** 20, ranks: 2, rounds: 1, repetitions: 2 };

export function registerBenchParallel(bench: Command): void {
  const command = bench
    .command('parallel')
    .description('all-reduce of MPI and of threads, beside C with the same calls and beside a copy of memory')
    .option('--mib <number>', 'how many MiB are reduced (default: 64)', whole)
    .option('--ranks <number>', 'how many ranks (default: 4)', whole)
    .option('--rounds <number>', 'how often each program is started (default: 5)', whole);
  addResultOptions(command)
    .option('--quick', 'little data, few samples: shows that everything works')
    .addHelpText(
      'after',
      '\nWithout MPI or mpicc only the threads are measured. A target that is missed is no failure.',
    )
    .action(async (flags: Flags) => {
      process.exitCode = await benchParallel(flags);
    });
}

function whole(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1 || value > 1024)
    throw new InvalidArgumentError('a whole number of 1 to 1024 is needed.');
  return value;
}

async function benchParallel(flags: Flags): Promise<number> {
  endOnSignals();
  try {
    const result = await measure(flags);
    const { parallelBenchMarkdown } = await import('./report.js');
    const markdown = parallelBenchMarkdown(result);
    console.log(markdown);
    await writeResult(result, markdown, 'bench-parallel', flags);
    return 0;
  } catch (error) {
    console.error(`kernelbook bench parallel: ${(error as Error).message}`);
    return 1;
  }
}

async function measure({ mib, ranks, rounds, quick = false }: Flags): Promise<ParallelBench> {
  const { gitCommit } = await import('../../git-commit.js');
  const { busyWarning, thisMachine } = await import('../kernel/machine.js');
  const { measureMpi, measureThreads } = await import('./measure.js');
  const machine = thisMachine();
  const warning = busyWarning(machine);
  if (warning) console.error(`kernelbook bench parallel: ${warning}`);
  const usual = quick ? quickScale : fullScale;
  const scale: Scale = {
    ...usual,
    ...(mib !== undefined && { bytes: mib * 2 ** 20 }),
    ...(ranks !== undefined && { ranks }),
    ...(rounds !== undefined && { rounds }),
  };
  const onRound = (what: string) => (round: number) =>
    console.error(`${what}, round ${round + 1} of ${scale.rounds}`);
  const mpi: MpiSamples | string = await measureMpi(scale, onRound('MPI')).catch(
    (error: unknown) => (error as Error).message,
  );
  return {
    measuredAt: new Date().toISOString().slice(0, 10),
    commit: process.env.KERNELBOOK_COMMIT || ((await gitCommit()) ?? 'none'),
    command: [
      'kernelbook bench parallel',
      ...(mib === undefined ? [] : [`--mib ${mib}`]),
      ...(ranks === undefined ? [] : [`--ranks ${ranks}`]),
      ...(rounds === undefined ? [] : [`--rounds ${rounds}`]),
      ...(quick ? ['--quick'] : []),
    ].join(' '),
    quick,
    machine,
    scale,
    mpi,
    threads: await measureThreads(scale, onRound('threads')),
  };
}
