/**
 * `kernelbook parallel run`: trains a small Llama on several ranks, in a layout, and tells what they sent and when they worked. Ranks are worker
 * threads; started by mpirun, this process is one of them. Exit code 2 for a layout that cannot be, or without the MPI that started it.
 */
import { writeFile } from 'node:fs/promises';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { packageVersion } from '../../kernel/package-root.js';
import type { RankArguments, RankResult } from './rank-program.js';
import type { RunFlags, RunOptions } from './run-options.js';

interface Flags extends RunFlags {
  json?: boolean;
  trace?: string;
}

const help = `
Under MPI every process is one rank, and all of them get the same arguments:
  mpirun -n 4 kernelbook parallel run --tensor 2 --pipeline 2

All four backends can compute in a worker thread; those of a GPU share it between the ranks.`;

export function registerParallel(program: Command): void {
  const parallel = program.command('parallel').description('training on several ranks');
  parallel
    .command('run')
    .description('train a small Llama on several ranks: loss, bytes sent, and the timeline as measured')
    .option('--ranks <N>', 'how many ranks (default: as many as the layout needs)', whole)
    .option('--data <D>', 'replicas (default: what is left of the ranks)', whole)
    .option('--tensor <T>', 'ranks that share every matrix', whole, 1)
    .option('--pipeline <P>', 'ranks that share the layers', whole, 1)
    .option('--context <C>', 'ranks that share a sequence', whole, 1)
    .option('--expert <E>', 'ranks that share the experts, and the sequences of a replica', whole, 1)
    .option('--zero <stage>', 'ZeRO stage over the replicas, 0 to 3', count, 0)
    .option(
      '--schedule <name>',
      'of the pipeline: naive, gpipe, 1f1b, interleaved, zb1p, zbv, dualpipev',
      '1f1b',
    )
    .option(
      '--micro-batches <M>',
      'micro-batches of a replica in one step (default: 2 per pipeline rank)',
      whole,
    )
    .option('--virtual <V>', 'stages per pipeline rank', whole)
    .option('--steps <S>', 'how many steps', whole, 10)
    .option('--seed <N>', 'of weights and batches', count, 0)
    .option(
      '--batch <B>',
      'sequences in one step, of all replicas (default: 8, or the next that divides)',
      whole,
    )
    .option('--sequence <T>', 'tokens predicted in a sequence', whole, 16)
    .option('--layers <L>', 'blocks of the model', whole, 6)
    .option('--experts <E>', 'experts in each block (default: none, or two per expert rank)', whole)
    .option('--sequence-parallel', 'tensor ranks share the sequence between the matrices')
    .addOption(
      new Option('--context-form <form>', 'how attention reaches other context ranks')
        .choices(['ring', 'ulysses'])
        .default('ring'),
    )
    .addOption(
      new Option('--backend <name>', 'what each rank computes with')
        .choices(['cpu', 'wasm', 'webgpu', 'tensorflow'])
        .default('cpu'),
    )
    .option('--json', 'print results as JSON, with the events of the last step')
    .option('--trace <file>', 'write the last step for Perfetto or chrome://tracing')
    .addHelpText('after', help)
    .action(runParallel);
}

/** Set by Open MPI's and MPICH's mpirun. */
const { OMPI_COMM_WORLD_SIZE, OMPI_COMM_WORLD_RANK, PMI_SIZE, PMI_RANK } = process.env;
const mpiSize = OMPI_COMM_WORLD_SIZE ?? PMI_SIZE;
const isFirst = Number(OMPI_COMM_WORLD_RANK ?? PMI_RANK ?? 0) === 0;

async function runParallel(flags: Flags): Promise<void> {
  const { runOptions } = await import('./run-options.js');
  const { CommunicationError, MpiError } = await import('../../src/parallel/communicator/index.js');
  try {
    const { json, trace, ...asked } = flags;
    if (mpiSize !== undefined && asked.ranks !== undefined && asked.ranks !== Number(mpiSize))
      throw new RangeError(
        `mpirun has started ${mpiSize} ranks, but --ranks is ${asked.ranks}; leave it out, or start mpirun -n ${asked.ranks}`,
      );
    const options = runOptions({ ...asked, ...(mpiSize !== undefined && { ranks: Number(mpiSize) }) });
    const results = await (mpiSize === undefined ? inThreads : underMpi)({
      options,
      version: packageVersion(),
      tells: !json,
    });
    if (results) await show(results, options, flags);
  } catch (error) {
    const bad = error instanceof RangeError || error instanceof MpiError;
    if (!bad && !(error instanceof CommunicationError)) throw error;
    if (isFirst) console.error(`kernelbook parallel run: ${error.message}`);
    process.exitCode = bad ? 2 : 1;
  }
}

async function inThreads(args: RankArguments): Promise<RankResult[]> {
  const { threads } = await import('../../src/parallel/communicator/index.js');
  const program = new URL('./rank-program.js', import.meta.url);
  return (await threads(args.options.ranks, program, { args, trace: true })) as RankResult[];
}

/** @returns the results of all ranks on the first, undefined on the others */
async function underMpi(args: RankArguments): Promise<RankResult[] | undefined> {
  const { mpi } = await import('../../src/parallel/communicator/index.js');
  const { textsOfRanks } = await import('../../src/parallel/texts-of-ranks.js');
  const { default: trainRank, differentStart } = await import('./rank-program.js');
  let differs: string | undefined;
  const results = await mpi(
    async (comm) => {
      // Told after the end of MPI: all ranks know it, and none has to be ended by the others.
      differs = await differentStart(comm, args);
      if (differs !== undefined) return undefined;
      const texts = await textsOfRanks(comm, JSON.stringify(await trainRank(comm, args)));
      return comm.rank === 0 ? texts.map((text) => JSON.parse(text) as RankResult) : undefined;
    },
    { trace: true },
  );
  if (differs !== undefined) throw new RangeError(differs);
  return results;
}

async function show(results: RankResult[], options: RunOptions, { json, trace }: Flags): Promise<void> {
  const { chromeTrace, runReport } = await import('./report.js');
  if (trace !== undefined) await writeFile(trace, JSON.stringify(chromeTrace(results)));
  const [{ losses, gradientNorms }] = results as [RankResult];
  if (json) console.log(JSON.stringify({ options, losses, gradientNorms, ranks: results.map(ofRank) }));
  else console.log(runReport(results));
}

function ofRank({ rank, sentBytes, peakLive, actions, operations }: RankResult): object {
  return { rank, sentBytes, ...(peakLive !== undefined && { peakLive }), actions, operations };
}

function whole(text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= 1) return value;
  throw new InvalidArgumentError('It must be a whole number from 1.');
}

function count(text: string): number {
  const value = Number(text);
  if (text.trim() !== '' && Number.isInteger(value) && value >= 0) return value;
  throw new InvalidArgumentError('It must be a whole number from 0.');
}
