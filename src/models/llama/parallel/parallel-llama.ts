/**
 * A Llama on several ranks, as a list of layers: tensor parallelism with or without sequence parallelism, context and expert parallelism.
 * Its weights are those of `Llama` by the same names; loss and gradients are those of `Llama` too.
 */
import { fromNdArray } from '../../../compute/read.js';
import { tf } from '../../../compute/tf.js';
import type { Communicator } from '../../../parallel/communicator/index.js';
import type { ContextForm } from '../../../parallel/context-parallel/index.js';
import { gradientNorm } from '../../../parallel/gradient-norm.js';
import { type Layer, parametersOf } from '../../../parallel/layer.js';
import { keyValueGroup } from '../../../parallel/tensor-parallel/index.js';
import { type LlamaConfig, names } from '../config.js';
import { checkArrays, type LlamaArrays } from '../weights.js';
import type { LlamaBatch, LlamaGroups } from './batch.js';
import { blockLayer } from './block-layer.js';
import { embeddingLayer, lossLayer } from './end-layers.js';
import { gatherFull } from './gather.js';
import { LlamaParts } from './parts.js';
import { type Placement, placementsOf, sliceFor } from './placement.js';

export interface ParallelLlamaOptions {
  /** Between the matrices each tensor rank holds 1/n of the sequence. Default false. */
  sequenceParallel?: boolean;
  /** How attention reaches the tokens of other context ranks. Default 'ring'. */
  context?: ContextForm;
  /**
   * The layers that this rank holds, of 0 (embedding), 1 to `layers` (blocks), `layers` + 1 (loss): those of its pipeline stages.
   * Default all.
   */
  only?: readonly number[];
}

export class ParallelLlama {
  constructor(
    readonly config: LlamaConfig,
    readonly groups: LlamaGroups,
    /** In order; all of them, or those asked for. */
    readonly layers: readonly Layer<LlamaBatch>[],
    /** Which slice of each parameter this rank holds, also of layers that it does not. */
    readonly placements: ReadonlyMap<string, Placement>,
  ) {}

  /** This rank's slices, by Hugging Face name. */
  get parameters(): Map<string, tf.Variable> {
    return parametersOf(this.layers);
  }

  /**
   * Whole arrays of this rank's layers from slices of all tensor and expert ranks; all of them must call it.
   * @param values weights, or gradients of them; those without one count as zeros
   */
  async gatherFull(values: ReadonlyMap<string, tf.Tensor | undefined>): Promise<LlamaArrays> {
    const complete = new Map(
      [...this.parameters].map(([name, { shape }]) => [name, values.get(name) ?? tf.zeros(shape)]),
    );
    try {
      return await gatherFull(complete, this.placements, this.groups);
    } finally {
      for (const [name, tensor] of complete) if (tensor !== values.get(name)) tensor.dispose();
    }
  }

  /**
   * The norm of all gradients, each number counted once. In a pipeline a tied embedding lies on two stages: `except` leaves it out on one.
   * @param gradients of this rank's parameters, by name
   */
  gradientNorm(
    gradients: ReadonlyMap<string, tf.Tensor | undefined>,
    { pipeline, except = [] }: { pipeline?: Communicator | undefined; except?: readonly string[] } = {},
  ): Promise<number> {
    const counted = [...this.parameters.keys()].map((name) => ({
      gradient: gradients.get(name),
      counts: this.placements.get(name)!.counts && !except.includes(name),
    }));
    return gradientNorm(counted, [this.groups.tensor, this.groups.expert, pipeline]);
  }

  dispose(): void {
    for (const variable of this.parameters.values()) variable.dispose();
  }
}

/**
 * All ranks of the groups must call it, with the same weights.
 * @param arrays whole, as `loadLlama` and `randomLlama` give them; this rank keeps its slices
 * @throws Error when the arrays are not those the config wants; RangeError when heads, hidden dim or experts do not divide over the
 *   ranks, with the nearest that do, or a layer is asked for that there is not
 */
export async function parallelLlama(
  config: LlamaConfig,
  arrays: LlamaArrays,
  groups: LlamaGroups = {},
  { sequenceParallel = false, context = 'ring', only }: ParallelLlamaOptions = {},
): Promise<ParallelLlama> {
  checkArrays(config, arrays);
  const placements = placementsOf(config, groups);
  const chosen = only ?? Array.from({ length: config.layers + 2 }, (_, index) => index);
  for (const index of chosen)
    if (!(Number.isInteger(index) && index >= 0 && index < config.layers + 2))
      throw new RangeError(
        `parallelLlama: there is no layer ${index}; 0 is the embedding, 1 to ${config.layers} the blocks, ${config.layers + 1} the loss`,
      );
  const kvGroup = groups.tensor && (await keyValueGroup(groups.tensor, config));
  const variables = new Map<string, tf.Variable>();
  for (const [name, placement] of placements) {
    if (!chosen.some((index) => holds(config, index, name))) continue;
    const slice = fromNdArray(sliceFor(placement, arrays.get(name)!));
    variables.set(name, tf.variable(slice));
    slice.dispose();
  }
  const parts = new LlamaParts(config, groups, context, sequenceParallel, placements, variables, kvGroup);
  const layers = chosen.map((index) => {
    if (index === 0) return embeddingLayer(parts);
    return index > config.layers ? lossLayer(parts) : blockLayer(parts, index - 1);
  });
  return new ParallelLlama(config, groups, layers, placements);
}

function holds({ layers, tied }: LlamaConfig, index: number, name: string): boolean {
  if (index === 0) return name === names.embedding;
  if (index <= layers) return name.startsWith(`model.layers.${index - 1}.`);
  return name === names.norm || name === (tied ? names.embedding : names.head);
}
