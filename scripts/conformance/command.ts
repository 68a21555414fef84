/** `kernelbook conformance`: the extended conformance suite against any installed kernels, side by side. */
import { mkdir, writeFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import { dirname, join, relative } from 'node:path';
import type { Command } from 'commander';
import type { SuiteReport } from './report.js';
import type { KernelResult } from './run-suite.js';

interface Flags {
  json?: string;
  save?: boolean;
}

export function registerConformance(program: Command): void {
  program
    .command('conformance')
    .description('check kernels against the Jupyter messaging specification, side by side')
    .argument('[kernel...]', 'names of installed kernels (default: kernelbook)')
    .option('--json <file>', 'write the result as JSON')
    .option('--save', 'write Markdown and JSON to docs/results of the checkout')
    .action(runConformance);
}

async function runConformance(names: string[], { json, save }: Flags): Promise<void> {
  const { findKernelSpec, KernelSpecError, ownName } = await import('../../kernel/kernelspec.js');
  const wanted = names.length > 0 ? [...new Set(names)] : [ownName];
  let kernels: KernelResult[];
  try {
    kernels = await runAll(wanted.map((name) => findKernelSpec(name)));
  } catch (error) {
    console.error(`kernelbook conformance: ${(error as Error).message}`);
    process.exitCode = error instanceof KernelSpecError ? 2 : 1;
    return;
  }
  const { gitCommit } = await import('../git-commit.js');
  const { conformanceMarkdown, totals } = await import('./report.js');
  const report: SuiteReport = {
    command: ['kernelbook conformance', ...wanted].join(' '),
    measuredAt: new Date().toISOString().slice(0, 10),
    commit: process.env.KERNELBOOK_COMMIT || ((await gitCommit()) ?? 'none'),
    machine: {
      platform: `${process.platform} ${process.arch}`,
      cpu: cpus()[0]?.model ?? 'unknown',
      node: process.version,
    },
    kernels,
  };
  const markdown = conformanceMarkdown(report);
  console.log(markdown);
  if (json) await write(json, `${JSON.stringify(report, null, 2)}\n`);
  if (save) {
    const { packageRoot } = await import('../../kernel/package-root.js');
    const base = join(packageRoot(), 'docs', 'results', 'conformance');
    await mkdir(dirname(base), { recursive: true });
    await write(`${base}.md`, markdown);
    await write(`${base}.json`, `${JSON.stringify(report, null, 2)}\n`);
  }
  if (kernels.some((kernel) => totals(kernel).fail > 0)) process.exitCode = 1;
}

type Specs = Parameters<typeof import('./run-suite.js')['runSuite']>[0][];

async function runAll(specs: Specs): Promise<KernelResult[]> {
  const { runSuite } = await import('./run-suite.js');
  const { suite } = await import('./suite.js');
  const kernels: KernelResult[] = [];
  const waiting = specs.entries();
  // Two at a time: most of a run is waiting for what a kernel does not do.
  const work = async () => {
    for (const [index, spec] of waiting) {
      kernels[index] = await runSuite(spec, {
        groups: suite,
        onResult: ({ check, verdict, why, seconds }) =>
          console.error(
            `${spec.name}: ${verdict} ${check} (${seconds.toFixed(1)} s)${why ? `: ${why}` : ''}`,
          ),
      });
    }
  };
  await Promise.all([work(), work()]);
  return kernels;
}

async function write(path: string, content: string): Promise<void> {
  await writeFile(path, content);
  console.error(`wrote ${relative(process.cwd(), path)}`);
}
