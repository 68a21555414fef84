/** What `kernelbook parallel run` is asked for, completed, and whether it can be: before any rank is started. */
import { type LlamaConfig, parameterShapes, rhymes, WordTokenizer } from '../../src/models/llama/index.js';
import { type ContextForm, contextPositions } from '../../src/parallel/context-parallel/index.js';
import { cutIntoStages, makeSchedule } from '../../src/parallel/pipeline/index.js';
import { checkLayout, type ZeroStage } from '../../src/parallel/plan/index.js';

export interface RunFlags {
  ranks?: number;
  data?: number;
  tensor: number;
  pipeline: number;
  context: number;
  expert: number;
  zero: number;
  schedule: string;
  virtual?: number;
  microBatches?: number;
  steps: number;
  seed: number;
  batch?: number;
  sequence: number;
  layers: number;
  experts?: number;
  sequenceParallel?: boolean;
  contextForm: ContextForm;
  backend: string;
}

export interface RunOptions extends Omit<RunFlags, 'experts'> {
  ranks: number;
  data: number;
  microBatches: number;
  batch: number;
  zero: ZeroStage;
  /** Stages per pipeline rank. */
  virtual: number;
  sequenceParallel: boolean;
  config: LlamaConfig;
}

/** @throws RangeError with the numbers that do not fit, and the nearest that do */
export function runOptions(flags: RunFlags): RunOptions {
  const { pipeline, expert } = flags;
  const zero = flags.zero as ZeroStage;
  const { ranks, data } = worldOf(flags);
  const config = configOf(flags);
  checkModel(flags, config);
  const microBatches = flags.microBatches ?? (pipeline > 1 ? 2 * pipeline : 1);
  const share = data * microBatches * expert;
  const batch = flags.batch ?? share * Math.ceil(8 / share);
  if (batch % share !== 0)
    throw new RangeError(
      `a batch of ${batch} sequences does not divide over ${data} data ranks × ${microBatches} micro-batches × ${expert} expert ranks = ${share}; nearest: ${nearestMultiples(batch, share)}`,
    );
  if (pipeline > 1 && zero > 1)
    throw new RangeError(
      `ZeRO ${zero} with ${pipeline} pipeline ranks would reduce the gradients of every micro-batch; nearest: --zero 1, or --pipeline 1`,
    );
  const schedule = makeSchedule(flags.schedule, {
    ranks: pipeline,
    microBatches,
    ...(flags.virtual !== undefined && { stagesPerRank: flags.virtual }),
  });
  stagesOf(config, schedule.stages);
  const virtual = schedule.stages / pipeline;
  const sequenceParallel = flags.sequenceParallel ?? false;
  return { ...flags, ranks, data, microBatches, batch, zero, virtual, sequenceParallel, config };
}

/** The numbers of the layers of each stage: 0 is the embedding, then the blocks, then the loss; as equal in parameters as can be. */
export function stagesOf(config: LlamaConfig, stages: number): number[][] {
  const sizeOf = (start: string) =>
    [...parameterShapes(config)]
      .filter(([name]) => name.startsWith(start))
      .reduce((sum, [, shape]) => sum + shape.reduce((product, one) => product * one, 1), 0);
  const embedding = sizeOf('model.embed_tokens');
  const blocks = Array.from({ length: config.layers }, (_, n) => sizeOf(`model.layers.${n}.`));
  const costs = [embedding, ...blocks, embedding + sizeOf('model.norm')];
  return cutIntoStages([...costs.keys()], stages, (index) => costs[index]!);
}

/** Ranks and replicas; one of them follows from the other. */
function worldOf({ ranks, data, tensor, pipeline, context, expert }: RunFlags) {
  const model = tensor * pipeline * context * expert;
  const text = `tensor × pipeline × context × expert = ${tensor} × ${pipeline} × ${context} × ${expert} = ${model}`;
  if (ranks === undefined) return { ranks: model * (data ?? 1), data: data ?? 1 };
  if (data === undefined && ranks % model !== 0)
    throw new RangeError(
      `${ranks} ranks are no multiple of ${text}; nearest: ${nearestMultiples(ranks, model)}`,
    );
  if (data !== undefined && ranks !== data * model)
    throw new RangeError(`${data} data ranks times ${text} are ${data * model} ranks, not ${ranks}`);
  return { ranks, data: ranks / model };
}

/** Small, with fewer key/value heads than heads, and a head that is the embedding. */
function configOf({
  layers,
  expert,
  experts = expert > 1 ? 2 * expert : 0,
  sequence,
}: RunFlags): LlamaConfig {
  return {
    V: new WordTokenizer(rhymes).size,
    C: 32,
    F: 64,
    layers,
    H: 4,
    K: 2,
    D: 8,
    eps: 1e-5,
    rope: { head_dim: 8, max_position_embeddings: sequence },
    tied: true,
    ...(experts > 0 && { experts: { E: experts, topK: Math.min(2, experts) } }),
  };
}

function checkModel(flags: RunFlags, config: LlamaConfig): void {
  const { layers, V, C, F, H, K, D, tied, experts } = config;
  const { tensor, context, expert, sequence, contextForm, sequenceParallel = false } = flags;
  checkLayout(
    {
      ...{ gpus: tensor * context * expert, tensor, context, expert, sequence, sequenceParallel },
      ...{
        pipeline: 1,
        zero: flags.zero as ZeroStage,
        virtual: 1,
        microBatches: 1,
        microBatch: 1,
        recompute: 'none',
      },
    },
    { kind: 'llama', layers, V, C, F, H, K, D, tied, ...(experts && { experts }) },
  );
  const heads = H / tensor;
  if (contextForm === 'ulysses' && heads % context !== 0)
    throw new RangeError(
      `Ulysses divides the ${heads} heads of a tensor rank over ${context} context ranks; nearest: ${heads}, or --context-form ring`,
    );
  const own = contextPositions(contextForm, sequence, { rank: 0, size: context }).length;
  if (sequenceParallel && own % tensor !== 0)
    throw new RangeError(
      `sequence parallelism divides the ${own} positions of a rank over ${tensor} tensor ranks; nearest: ${nearestMultiples(own, tensor)}`,
    );
}

function nearestMultiples(value: number, part: number): string {
  const below = Math.floor(value / part) * part;
  return `${below > 0 ? `${below} or ` : ''}${below + part}`;
}
