/**
 * `kernelbook plan`: what training a model costs in a layout, without running it; `--search` lists the layouts that fit, `--schedule`
 * times a pipeline's schedule. Exit code 0, also where a layout does not fit; 2 for a layout that cannot be.
 */
import { readFile } from 'node:fs/promises';
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { Layout, ModelShape, ZeroStage } from '../../src/parallel/plan/index.js';
import { planTable, scheduleText, searchTable } from './report.js';

interface PlanFlags {
  parameters?: number;
  model?: string;
  config?: string;
  gpus?: number;
  tp: number;
  pp: number;
  cp: number;
  ep: number;
  zero: number;
  virtual?: number;
  microBatches?: number;
  microBatch: number;
  sequence: number;
  recompute: Layout['recompute'];
  sequenceParallel: boolean;
  gpu: string;
  efficiency: number;
  search?: boolean;
  sequences?: number;
  schedule?: string;
  stages?: number;
  costs: [number, number, number];
  json?: boolean;
}

export function registerPlan(program: Command): void {
  program
    .command('plan')
    .description(
      'say what training a model costs in a layout: memory, messages, bubble, time, and whether it fits',
    )
    .option(
      '--parameters <N>',
      'a model of which only the number of parameters is known, e.g. 7.5e9',
      positive,
    )
    .option('--model <name>', 'a published model, e.g. llama-3-8b')
    .option('--config <file>', "a model's config.json of Hugging Face")
    .option('--gpus <N>', 'how many GPUs', whole)
    .option('--tp <T>', 'tensor-parallel ranks', whole, 1)
    .option('--pp <P>', 'pipeline ranks', whole, 1)
    .option('--cp <C>', 'context-parallel ranks', whole, 1)
    .option('--ep <E>', 'expert-parallel ranks, out of the data-parallel ones', whole, 1)
    .option('--zero <stage>', 'ZeRO stage, 0 to 3', count, 0)
    .option('--virtual <V>', 'stages per pipeline rank', whole)
    .option('--micro-batches <M>', 'micro-batches of a pipeline in one step', whole)
    .option('--micro-batch <B>', 'sequences in a micro-batch', whole, 1)
    .option('--sequence <S>', 'tokens in a sequence', whole, 2048)
    .addOption(
      new Option('--recompute <what>', 'activations that are computed again')
        .choices(['none', 'selective', 'full'])
        .default('none'),
    )
    .option('--no-sequence-parallel', 'norms and residuals are not divided over the tensor-parallel ranks')
    .option('--gpu <name>', 'whose data sheet: a100, h100, h200', 'h100')
    .option('--efficiency <share>', 'what of its rate products reach', share, 0.5)
    .option('--search', 'list the layouts that fit, fastest first')
    .option('--sequences <N>', 'with --search: sequences of a step', whole)
    .option('--schedule <name>', 'time a schedule: naive, gpipe, 1f1b, interleaved, zb1p, zbv, dualpipev')
    .option('--stages <P>', 'with --schedule: pipeline ranks', whole)
    .option('--costs <F,I,W>', 'with --schedule: forward, input gradient, weight gradient', costs, [1, 1, 1])
    .option('--json', 'print the result as JSON')
    .action(async (flags: PlanFlags) => {
      try {
        await (flags.schedule === undefined ? planModel(flags) : timeSchedule(flags.schedule, flags));
      } catch (error) {
        if (!(error instanceof RangeError || error instanceof TypeError)) throw error;
        console.error(`kernelbook plan: ${error.message}`);
        process.exitCode = 2;
      }
    });
}

async function timeSchedule(name: string, flags: PlanFlags): Promise<void> {
  const { makeSchedule, simulate, validateSchedule } = await import('../../src/parallel/pipeline/index.js');
  const ranks = flags.stages ?? missing('--stages');
  const [forward, inputGradient, weightGradient] = flags.costs;
  const schedule = makeSchedule(name, {
    ranks,
    microBatches: flags.microBatches ?? missing('--micro-batches'),
    ...(flags.virtual !== undefined && { stagesPerRank: flags.virtual }),
  });
  validateSchedule(schedule);
  const result = simulate(schedule, { forward, inputGradient, weightGradient });
  const { makespan, idle, ownIdle, peakLive } = result;
  const bubble = Math.max(...idle);
  console.log(
    flags.json
      ? JSON.stringify({ schedule: name, makespan, bubble, ownIdle, peakLive })
      : scheduleText(schedule, result),
  );
}

async function planModel(flags: PlanFlags): Promise<void> {
  const { gpuSheets, plan, searchLayouts } = await import('../../src/parallel/plan/index.js');
  const model = await modelOf(flags);
  const sheet = Object.hasOwn(gpuSheets, flags.gpu) ? gpuSheets[flags.gpu] : undefined;
  if (!sheet)
    throw new RangeError(
      `there is no data sheet of '${flags.gpu}'; there are ${Object.keys(gpuSheets).join(', ')}`,
    );
  const options = { gpu: sheet, efficiency: flags.efficiency };
  const layout = layoutOf(flags);
  if (!flags.search) {
    const result = plan(model, layout, options);
    console.log(flags.json ? JSON.stringify(result) : planTable(result));
    return;
  }
  if (typeof model === 'number')
    throw new RangeError('--search needs the sizes of a model: --model or --config, not --parameters');
  const sequences = flags.sequences ?? missing('--sequences');
  const plans = searchLayouts(model, layout, sequences, options);
  console.log(flags.json ? JSON.stringify(plans) : searchTable(plans, options));
}

async function modelOf({ parameters, model, config }: PlanFlags): Promise<ModelShape | number> {
  const given = [parameters, model, config].filter((value) => value !== undefined);
  if (given.length !== 1)
    throw new RangeError('say which model: one of --parameters N, --model NAME and --config FILE');
  if (parameters !== undefined) return parameters;
  if (model !== undefined) return (await import('../../src/parallel/plan/index.js')).namedModel(model);
  return shapeOfConfig(config!);
}

async function shapeOfConfig(file: string): Promise<ModelShape> {
  const { llamaConfig } = await import('../../src/models/llama/index.js');
  let json: unknown;
  try {
    json = JSON.parse(await readFile(file, 'utf8'));
  } catch (error) {
    throw new RangeError(`${file} cannot be read as JSON: ${(error as Error).message}`);
  }
  const { layers, V, C, F, H, K, D, tied, experts } = llamaConfig(json);
  return { kind: 'llama', layers, V, C, F, H, K, D, tied, ...(experts && { experts }) };
}

function layoutOf(flags: PlanFlags): Layout {
  return {
    gpus: flags.gpus ?? missing('--gpus'),
    tensor: flags.tp,
    pipeline: flags.pp,
    context: flags.cp,
    expert: flags.ep,
    zero: flags.zero as ZeroStage,
    virtual: flags.virtual ?? 1,
    microBatches: flags.microBatches ?? flags.pp,
    microBatch: flags.microBatch,
    sequence: flags.sequence,
    recompute: flags.recompute,
    sequenceParallel: flags.sequenceParallel,
  };
}

function missing(option: string): never {
  throw new RangeError(`${option} is missing`);
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

function positive(text: string): number {
  const value = Number(text);
  if (value > 0 && value < Infinity) return value;
  throw new InvalidArgumentError('It must be a number above 0.');
}

function share(text: string): number {
  const value = Number(text);
  if (value > 0 && value <= 1) return value;
  throw new InvalidArgumentError('It must be above 0 and at most 1.');
}

function costs(text: string): [number, number, number] {
  const values = text.split(',').map(Number);
  if (values.length === 3 && values.every((value) => value >= 0 && value < Infinity))
    return values as [number, number, number];
  throw new InvalidArgumentError('It must be three numbers from 0, as in 1,1,1.');
}
