/** The result as Markdown: overhead, real work, many notebooks, and the targets. */
import { formatNumber } from '../../../src/display/format.js';
import { busyWarning, type Machine } from '../kernel/machine.js';
import { flatGrowth, type Many } from './many.js';
import type { Overhead } from './overhead.js';
import type { ToolName } from './tools.js';
import type { Work } from './work.js';

export interface RunnerBench {
  measuredAt: string;
  commit: string;
  command: string;
  /** A quick run shows that everything works; its figures mean little. */
  quick: boolean;
  machine: Machine;
  python: string;
  overhead?: Overhead[];
  work?: Work[];
  many?: Many;
}

export interface Target {
  title: string;
  met: boolean;
  /** The figures behind the verdict. */
  why: string;
}

/** As they were agreed before the runner was measured. */
export function targets({ overhead = [], work = [], many }: RunnerBench): Target[] {
  return [...overheadTargets(overhead), ...workTargets(work), ...(many ? manyTargets(many) : [])];
}

function overheadTargets(overhead: readonly Overhead[]): Target[] {
  const peers: ToolName[] = ['papermill', 'nbclient'];
  return [...new Set(overhead.map(({ kernel }) => kernel))].flatMap((kernel) => {
    const of = (tool: ToolName) =>
      overhead.find((one) => one.kernel === kernel && one.tool === tool)!.many.median;
    const own = of('kernelbook run');
    return peers.map((peer) => ({
      title: `overhead of a notebook of ${overhead[0]!.cells} cells at most half that of ${peer}, kernel ${kernel}`,
      met: own <= of(peer) / 2,
      why: `${own.toFixed(2)} s, ${peer} ${of(peer).toFixed(2)} s (${(own / of(peer)).toFixed(2)} ×)`,
    }));
  });
}

function workTargets(work: readonly Work[]): Target[] {
  const ours = work.filter(({ tool }) => tool === 'kernelbook run');
  const [one, two] = [1, 2].map((jobs) => ours.find((way) => way.jobs === jobs)?.seconds.median);
  if (one === undefined || two === undefined) return [];
  const title = 'real work with --jobs 2 at least 1.7 × as fast as with --jobs 1';
  const why = `${two.toFixed(1)} s instead of ${one.toFixed(1)} s (${(one / two).toFixed(2)} ×)`;
  return [{ title, met: one / two >= 1.7, why }];
}

function manyTargets({ growth, slope, openFilesGrown, processes, files }: Many): Target[] {
  const percent = (100 * growth).toFixed(1);
  return [
    {
      title: `memory of the runner flat: at most ${flatGrowth * 100} % over the second half`,
      met: growth <= flatGrowth,
      why: `${percent} %, ${formatNumber(slope)} MiB per 100 notebooks`,
    },
    {
      title: 'no process, no open file and no temporary file left',
      met: processes === 0 && files.length === 0 && openFilesGrown <= 4,
      why: `${processes} processes, ${files.length} files, ${openFilesGrown} more open files at the end than at half time`,
    },
  ];
}

export function runnerBenchMarkdown(bench: RunnerBench): string {
  const { machine, overhead, work, many } = bench;
  const warning = busyWarning(machine);
  const lines = [
    '# Runners of notebooks side by side',
    '',
    ...(warning ? [`**Note: ${warning}.**`, ''] : []),
    ...(bench.quick ? ['**A quick run: it has few samples and small notebooks.**', ''] : []),
    `- machine: ${machine.platform}, ${machine.cpu}, ${machine.cores} cores, ${machine.memoryGiB.toFixed(0)} GiB, load ${machine.load.toFixed(2)} at the start; Node ${machine.node}`,
    `- ${bench.python}`,
    `- commit: ${bench.commit}; measured ${bench.measuredAt}; command: \`${bench.command}\``,
    '- every tool runs all notebooks of a batch in one process; `kernelbook run` also checks their types before it starts',
    '',
    ...(overhead ? overheadLines(overhead) : []),
    ...(work ? workLines(work) : []),
    ...(many ? manyLines(many) : []),
    '## Targets',
    '',
    '| target | this run | |',
    '| --- | --- | --- |',
    ...targets(bench).map(({ title, met, why }) => `| ${title} | ${why} | ${met ? 'met' : '**missed**'} |`),
  ];
  return `${lines.join('\n')}\n`;
}

function overheadLines(overhead: readonly Overhead[]): string[] {
  return [
    '## Overhead',
    '',
    'Notebooks whose cells do no work, one at a time; medians. A notebook costs the start and as often the cell as it has cells.',
    '',
    `| kernel | tool | start, s | per cell, ms | notebook of ${overhead[0]!.cells} cells, s | samples |`,
    '| --- | --- | ---: | ---: | ---: | ---: |',
    ...overhead.map(
      ({ kernel, tool, start, perCell, many }) =>
        `| ${kernel} | ${tool} | ${start.toFixed(2)} | ${perCell.toFixed(1)} | ${many.median.toFixed(2)} | ${many.samples} |`,
    ),
    '',
  ];
}

function workLines(work: readonly Work[]): string[] {
  return [
    '## Real work',
    '',
    `${work[0]!.notebooks} notebooks: of this project, as they are, on the CPU; written for tslab (in our kernel), and for python3.`,
    '',
    '| tool | seconds for all | samples |',
    '| --- | ---: | ---: |',
    ...work.map(
      ({ tool, jobs, seconds }) =>
        `| ${tool}${jobs > 1 ? ` --jobs ${jobs}` : ''} | ${seconds.median.toFixed(1)} | ${seconds.samples} |`,
    ),
    '',
  ];
}

function manyLines({ notebooks, cells, jobs, seconds, memory }: Many): string[] {
  const steps = 10;
  const shown = Array.from({ length: steps }, (_, i) =>
    memory.find(({ finished }) => finished >= ((i + 1) * notebooks) / steps),
  ).filter((one) => one !== undefined);
  return [
    '## Many notebooks',
    '',
    `${notebooks} notebooks of ${cells} cells, --jobs ${jobs}, in ${seconds.toFixed(0)} s. The runner's own process:`,
    '',
    '| notebooks finished | resident, MiB | open files |',
    '| ---: | ---: | ---: |',
    ...shown.map(
      ({ finished, mebibytes, openFiles }) => `| ${finished} | ${mebibytes.toFixed(0)} | ${openFiles} |`,
    ),
    '',
  ];
}
