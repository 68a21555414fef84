/** `kernelbook bench kernel`: our kernel and others side by side, as Markdown and JSON. */
import type { Command } from 'commander';
import type { KernelSpec } from '../../../kernel/kernelspec.js';
import { addResultOptions, endOnSignals, type ResultFiles, writeResult } from '../results.js';
import type { KernelBench } from './report.js';
import type { Subject } from './subject.js';

interface Flags extends ResultFiles {
  against?: string;
  quick?: boolean;
}

const help = `
The other kernels are found as Jupyter finds them. To have them here:
  tslab     npm install -g tslab && tslab install
  deno      install Deno, then: deno jupyter --install
  python3   pip install ipykernel numpy && python -m ipykernel install --user

A target that is missed is no failure; a figure that our own kernel does not give is one.`;

export function registerBenchKernel(bench: Command): void {
  const command = bench
    .command('kernel')
    .description('this kernel and others side by side: latency, completion, streams, growth, memory')
    .option('--against <names>', 'other installed kernels, separated by commas, such as tslab,deno,python3');
  addResultOptions(command)
    .option('--quick', 'few samples: shows that everything works')
    .addHelpText('after', help)
    .action(async (flags: Flags) => {
      process.exitCode = await benchKernel(flags);
    });
}

async function benchKernel(flags: Flags): Promise<number> {
  const { findKernelSpec, ownName } = await import('../../../kernel/kernelspec.js');
  const names = (flags.against ?? '').split(',').map((name) => name.trim());
  const wanted = [...new Set([ownName, ...names.filter(Boolean)])];
  let subjects: Subject[];
  try {
    subjects = await makeSubjects(wanted.map((name) => findKernelSpec(name)));
  } catch (error) {
    console.error(`kernelbook bench kernel: ${(error as Error).message}`);
    return 2;
  }
  endOnSignals();
  const result = await measure(subjects, wanted.slice(1), flags.quick ?? false);
  const { kernelBenchMarkdown } = await import('./report.js');
  const markdown = kernelBenchMarkdown(result);
  console.log(markdown);
  try {
    await writeResult(result, markdown, 'bench-kernel', flags);
  } catch (error) {
    console.error(`kernelbook bench kernel: ${(error as Error).message}`);
    return 1;
  }
  const own = Object.values(result.kernels[0]!.figures);
  return own.some((outcome) => 'missing' in outcome) ? 1 : 0;
}

/** @throws Error for a kernel whose language the bench has no cells in */
async function makeSubjects(specs: readonly KernelSpec[]): Promise<Subject[]> {
  const { dialectOf } = await import('./dialect.js');
  const { Subject } = await import('./subject.js');
  const { makeWorkspace } = await import('./workspace.js');
  const dialects = specs.map(({ name, language }) => {
    const dialect = dialectOf(language);
    if (dialect) return dialect;
    throw new Error(
      `the kernel ${name} runs ${language || 'an unnamed language'}; the bench has cells in TypeScript and Python`,
    );
  });
  const workspace = makeWorkspace();
  return specs.map((spec, index) => new Subject(spec, dialects[index]!, workspace));
}

async function measure(
  subjects: readonly Subject[],
  against: readonly string[],
  quick: boolean,
): Promise<KernelBench> {
  const { gitCommit } = await import('../../git-commit.js');
  const { benchKernels } = await import('./bench-kernel.js');
  const { busyWarning, thisMachine } = await import('./machine.js');
  const { fullScale, measures, quickScale } = await import('./measures.js');
  const machine = thisMachine();
  const warning = busyWarning(machine);
  if (warning) console.error(`kernelbook bench kernel: ${warning}`);
  const started = performance.now();
  const measured = await benchKernels(subjects, measures(quick ? quickScale : fullScale), (line) =>
    console.error(`[${((performance.now() - started) / 1000).toFixed(0)} s] ${line}`),
  );
  return {
    measuredAt: new Date().toISOString().slice(0, 10),
    commit: process.env.KERNELBOOK_COMMIT || ((await gitCommit()) ?? 'none'),
    command: [
      'kernelbook bench kernel',
      ...(against.length > 0 ? [`--against ${against.join(',')}`] : []),
      ...(quick ? ['--quick'] : []),
    ].join(' '),
    quick,
    machine,
    ...measured,
  };
}
