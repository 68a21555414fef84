/** `kernelbook bench`: `bench gpu` compares fused kernels with their composed forms; `bench kernel`, `bench runner` and `bench parallel` are in their own folders. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { BenchResult } from './bench-gpu.js';
import { registerBenchKernel } from './kernel/command.js';
import { registerBenchParallel } from './parallel/command.js';
import { type ResultFiles, writeResult } from './results.js';
import { registerBenchRunner } from './runner/command.js';

interface BenchFlags extends Omit<ResultFiles, 'markdown'> {
  size?: 'tiny' | 'small' | 'large';
  seconds?: number;
  only?: string;
  torch?: string;
}

export function registerBench(program: Command): void {
  const bench = program.command('bench').description('benchmarks; run them on an idle machine');
  bench
    .command('gpu')
    .description('every fused kernel against its composed form and plain tfjs on the webgpu backend')
    .option('--json <file>', 'write the result as JSON')
    .option('--save', 'write Markdown and JSON to docs/results of the checkout')
    .addOption(
      new Option('--size <size>', 'sizes of the inputs (default: large on a GPU, else small)').choices([
        'tiny',
        'small',
        'large',
      ]),
    )
    .option('--seconds <number>', 'time for the samples of each form', toSeconds)
    .option('--only <text>', 'only kernels whose name contains this')
    .option('--torch <python>', 'run the same in the PyTorch of this Python, and put it beside')
    .action(runBenchGpu);
  registerBenchKernel(bench);
  registerBenchRunner(bench);
  registerBenchParallel(bench);
}

function toSeconds(text: string): number {
  const value = Number(text);
  if (!(value >= 0 && value <= 600) || text.trim() === '')
    throw new InvalidArgumentError('a number of 0 to 600 is needed.');
  return value;
}

async function runBenchGpu(flags: BenchFlags): Promise<void> {
  const { torch, seconds } = flags;
  const { useBackend } = await import('../../src/compute/backend.js');
  try {
    await useBackend('webgpu');
  } catch (error) {
    console.error(`kernelbook bench gpu: ${(error as Error).message}`);
    process.exitCode = 2;
    return;
  }
  try {
    let result = await measure(flags);
    if (torch !== undefined) {
      const { withTorch } = await import('./torch.js');
      result = await withTorch(result, torch, seconds);
      console.error(`PyTorch: ${result.torch}`);
    }
    const { benchMarkdown } = await import('./markdown.js');
    const markdown = benchMarkdown(result);
    console.log(markdown);
    await writeResult(result, markdown, nameOf(result), flags);
  } catch (error) {
    console.error(`kernelbook bench gpu: ${(error as Error).message}`);
    process.exitCode = 1;
  }
}

async function measure({ size, seconds, only, torch }: BenchFlags): Promise<BenchResult> {
  const { benchGpu } = await import('./bench-gpu.js');
  const { gitCommit } = await import('../git-commit.js');
  const commit = process.env.KERNELBOOK_COMMIT || (await gitCommit());
  const flags = [
    size && `--size ${size}`,
    seconds !== undefined && `--seconds ${seconds}`,
    only && `--only ${only}`,
    torch !== undefined && '--torch python',
  ].filter(Boolean);
  return benchGpu({
    ...(size && { size }),
    ...(seconds !== undefined && { seconds }),
    ...(only && { only }),
    ...(commit && { commit }),
    command: ['kernelbook bench gpu', ...flags].join(' '),
    onCase: (name, shape, done) => console.error(`[${done}] ${name} (${shape})`),
  });
}

/** Named after the device, so that results of several machines stand side by side. */
function nameOf({ backend: { device, hardware } }: BenchResult): string {
  const words = `${device.split(/[:(]/)[0]} ${hardware ? '' : 'software'}`
    .toLowerCase()
    .match(/[a-z0-9]+/g) ?? ['device'];
  return `bench-gpu-${words.join('-')}`;
}
