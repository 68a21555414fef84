/** `kernelbook bench runner`: this runner, papermill and nbclient side by side, as Markdown and JSON. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import { addResultOptions, endOnSignals, type ResultFiles, writeResult } from '../results.js';
import type { RunnerBench } from './report.js';

type Part = 'overhead' | 'work' | 'scale';

interface Flags extends ResultFiles {
  only?: Part;
  rounds?: number;
  python?: string;
  quick?: boolean;
}

const help = `
Without --only: overhead and work. The Python needs papermill, nbclient and ipykernel:
  pip install papermill nbclient ipykernel

A target that is missed is no failure.`;

export function registerBenchRunner(bench: Command): void {
  const command = bench
    .command('runner')
    .description('`kernelbook run`, papermill and nbclient side by side: overhead, real work, many notebooks')
    .addOption(
      new Option(
        '--only <part>',
        'overhead per notebook, ten notebooks of real work, or 500 notebooks in one run',
      ).choices(['overhead', 'work', 'scale']),
    )
    .option('--rounds <number>', 'samples of each (default: 3)', rounds)
    .option('--python <path>', 'the Python with papermill and nbclient (default: that of .venv)');
  addResultOptions(command)
    .option('--quick', 'small notebooks, few samples: shows that everything works')
    .addHelpText('after', help)
    .action(async (flags: Flags) => {
      process.exitCode = await benchRunner(flags);
    });
}

function rounds(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1 || value > 100)
    throw new InvalidArgumentError('a whole number of 1 to 100 is needed.');
  return value;
}

async function benchRunner(flags: Flags): Promise<number> {
  endOnSignals();
  try {
    const result = await measure(flags);
    const { runnerBenchMarkdown } = await import('./report.js');
    const markdown = runnerBenchMarkdown(result);
    console.log(markdown);
    // Parts that are measured by themselves do not replace the result of the others.
    const name = flags.only === undefined ? 'bench-runner' : `bench-runner-${flags.only}`;
    await writeResult(result, markdown, name, flags);
    return 0;
  } catch (error) {
    console.error(`kernelbook bench runner: ${(error as Error).message}`);
    return 1;
  }
}

async function measure(flags: Flags): Promise<RunnerBench> {
  const { only, quick = false } = flags;
  const { gitCommit } = await import('../../git-commit.js');
  const { busyWarning, thisMachine } = await import('../kernel/machine.js');
  const { BenchPlace } = await import('./place.js');
  const { pythonVersions } = await import('./tools.js');
  const machine = thisMachine();
  const warning = busyWarning(machine);
  if (warning) console.error(`kernelbook bench runner: ${warning}`);
  const place = new BenchPlace(flags.python);
  const started = performance.now();
  const onProgress = (line: string) =>
    console.error(`[${((performance.now() - started) / 1000).toFixed(0)} s] ${line}`);
  const result: RunnerBench = {
    measuredAt: new Date().toISOString().slice(0, 10),
    commit: process.env.KERNELBOOK_COMMIT || ((await gitCommit()) ?? 'none'),
    command: [
      'kernelbook bench runner',
      ...(only ? [`--only ${only}`] : []),
      ...(flags.rounds === undefined ? [] : [`--rounds ${flags.rounds}`]),
      ...(quick ? ['--quick'] : []),
    ].join(' '),
    quick,
    machine,
    python: only === 'scale' ? 'no Python' : await pythonVersions(place),
  };
  onProgress("building the kernel's start-up snapshot");
  await place.buildSnapshot();
  if (only === undefined || only === 'overhead') {
    const { fullOverhead, measureOverhead, quickOverhead } = await import('./overhead.js');
    const scale = quick ? quickOverhead : fullOverhead;
    result.overhead = await measureOverhead(
      place,
      { ...scale, rounds: flags.rounds ?? scale.rounds },
      onProgress,
    );
  }
  if (only === undefined || only === 'work') {
    const { measureWork } = await import('./work.js');
    result.work = await measureWork(place, { rounds: flags.rounds ?? (quick ? 1 : 3), quick }, onProgress);
  }
  if (only === 'scale') {
    const { fullMany, measureMany, quickMany } = await import('./many.js');
    result.many = await measureMany(place, quick ? quickMany : fullMany, onProgress);
  }
  return result;
}
