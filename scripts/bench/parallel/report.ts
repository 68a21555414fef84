/** The result of `kernelbook bench parallel` as Markdown. */
import { formatNumber, formatQuantity, formatSeconds } from '../../../src/display/format.js';
import { busyWarning, type Machine } from '../kernel/machine.js';
import { median } from '../kernel/statistics.js';
import type { MpiSamples, Scale, ThreadSamples } from './measure.js';

export interface ParallelBench {
  measuredAt: string;
  commit: string;
  command: string;
  quick: boolean;
  machine: Machine;
  scale: Scale;
  /** Or why it was not measured. */
  mpi: MpiSamples | string;
  threads: ThreadSamples;
}

/** The share of C's rate that ours is to reach. */
export const wantedShare = 0.95;

export function shareOfC({ ours, sameCalls }: MpiSamples): number {
  return median(sameCalls) / median(ours);
}

export function parallelBenchMarkdown(bench: ParallelBench): string {
  const { machine, scale, mpi, threads } = bench;
  const warning = busyWarning(machine);
  const size = `${formatNumber(scale.bytes / 2 ** 20)} MiB`;
  const lines = [
    '# All-reduce beside the limits of the machine',
    '',
    ...(warning ? [`**Note: ${warning}.**`, ''] : []),
    ...(bench.quick ? ['**A quick run: it has few samples and little data.**', ''] : []),
    `- machine: ${machine.platform}, ${machine.cpu}, ${machine.cores} cores, ${machine.memoryGiB.toFixed(0)} GiB, load ${machine.load.toFixed(2)} at the start; Node ${machine.node}`,
    ...(typeof mpi === 'string' ? [] : [`- MPI: ${mpi.library}`]),
    `- commit: ${bench.commit}; measured ${bench.measuredAt}; command: \`${bench.command}\``,
    `- ${size} of float32, ${scale.ranks} ranks; ${scale.rounds} rounds in which the programs take turns, ${scale.repetitions} all-reduces of each after one that is not counted;`,
    '  time: from a barrier until the slowest rank has the sum; rate: bytes of the data, once, over the median time',
    '',
    row(['what', 'median', 'fastest', 'slowest', 'rate', 'samples']),
    row(['---', '---:', '---:', '---:', '---:', '---:']),
    ...(typeof mpi === 'string'
      ? []
      : [
          line('MPI from TypeScript: `comm.allReduce(data)`', mpi.ours, scale),
          line('MPI from C: MPI_Iallreduce, MPI_Test', mpi.sameCalls, scale),
          line('MPI from C: MPI_Allreduce', mpi.blocking, scale),
        ]),
    line('threads: `comm.allReduce(data)`, a ring', threads.allReduce, scale),
    line('one copy of as many bytes in one thread', threads.copy, scale),
    '',
    ...(typeof mpi === 'string'
      ? [`MPI was not measured: ${mpi}`]
      : [
          row(['target', 'this run', '']),
          row(['---', '---', '---']),
          row([
            `TypeScript reaches ${wantedShare} of the rate of C with the same calls`,
            formatNumber(shareOfC(mpi)),
            shareOfC(mpi) >= wantedShare ? 'met' : '**missed**',
          ]),
        ]),
    '',
    `The ring of the threads copies ${formatNumber(copiesOfRing(scale.ranks))} times the data in all, within the machine; it takes the time of ${formatNumber(median(threads.allReduce) / median(threads.copy))} copies of the data.`,
  ];
  return `${lines.join('\n')}\n`;
}

/** n ranks send 2(n − 1)/n of it each: into the ring of bytes and out of it, after a copy, and once more where gathered. */
function copiesOfRing(ranks: number): number {
  const sent = 2 * (ranks - 1);
  return 3 * sent + (ranks - 1);
}

function line(what: string, samples: readonly number[], { bytes }: Scale): string {
  const middle = median(samples);
  return row([
    what,
    formatSeconds(middle),
    formatSeconds(Math.min(...samples)),
    formatSeconds(Math.max(...samples)),
    formatQuantity(bytes / middle, 'B/s'),
    String(samples.length),
  ]);
}

const row = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
