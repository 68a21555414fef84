/** What a layout costs: parameters, bytes of a rank, bubble, bytes sent, time on a data sheet's GPU, and whether it fits. */

import type { ModelShape } from '../../training/metrics/model-shape.js';
import { activeParameters, countParameters } from '../../training/metrics/parameters.js';
import { makeSchedule, type ScheduleName, simulate } from '../pipeline/index.js';
import { layerActivationBytes } from './activations.js';
import {
  boundaryBytes,
  contextLayerBytes,
  dataBytes,
  expertLayerBytes,
  tensorLayerBytes,
} from './communication.js';
import type { GpuSheet } from './gpus.js';
import { checkLayout, dataRanks, type Layout } from './layout.js';
import { type ModelStateBytes, modelStateBytes } from './memory.js';
import { parametersOfRank } from './parameters.js';

export interface Plan {
  layout: Layout;
  dataRanks: number;
  parameters: number;
  parametersPerRank: number;
  bytesPerRank: ModelStateBytes & { activations: number; total: number };
  /** Idle time as a share of the whole step; of the ideal time it is `bubbleOfIdeal`. */
  bubbleFraction: number;
  bubbleOfIdeal: number;
  /** The rank that sends most, in one step. */
  sentBytesPerRank: { data: number; tensor: number; pipeline: number; context: number; expert: number };
  tokensPerStep: number;
  /** Absent where only the number of parameters is known. */
  flopsPerStep?: number;
  secondsPerStep?: { compute: number; bubble: number; communication: number; total: number };
  fits: boolean;
  gpu: string;
  assumptions: string[];
}

export interface PlanOptions {
  gpu: GpuSheet;
  /** Of the data sheet's rate, what products reach. */
  efficiency: number;
}

/** @param model its sizes, or only how many parameters it has @throws RangeError when the layout does not divide */
export function plan(model: ModelShape | number, layout: Layout, { gpu, efficiency }: PlanOptions): Plan {
  const shape = typeof model === 'number' ? undefined : model;
  checkLayout(layout, shape);
  const { tensor, pipeline, expert, zero, microBatches } = layout;
  const ranks = dataRanks(layout);
  // Context ranks hold the same parameters, so that gradients are averaged and states are divided over them too.
  const replicas = ranks * layout.context;
  const parameters = shape ? countParameters(shape) : (model as number);
  const own = shape
    ? parametersOfRank(shape, layout)
    : { parameters: parameters / (tensor * pipeline), experts: 0 };
  const rest = modelStateBytes(own.parameters - own.experts, zero, replicas);
  const experts = modelStateBytes(own.experts, zero, replicas / expert);
  const activations = shape ? activationBytes(shape, layout) : 0;
  const states = {
    weights: rest.weights + experts.weights,
    gradients: rest.gradients + experts.gradients,
    optimizer: rest.optimizer + experts.optimizer,
  };
  const total = states.weights + states.gradients + states.optimizer + activations;
  const { idle, makespan } = bubble(layout);
  const data =
    dataBytes(own.parameters - own.experts, zero, replicas, microBatches) +
    dataBytes(own.experts, zero, replicas / expert, microBatches);
  const sent = {
    data,
    ...(shape ? sentBytes(shape, layout) : { tensor: 0, pipeline: 0, context: 0, expert: 0 }),
  };
  const tokensPerStep = ranks * microBatches * layout.microBatch * layout.sequence;
  const bubbleFraction = idle / makespan;
  return {
    layout,
    dataRanks: ranks,
    parameters,
    parametersPerRank: own.parameters,
    bytesPerRank: { ...states, activations, total },
    bubbleFraction,
    bubbleOfIdeal: idle / (makespan - idle),
    sentBytesPerRank: sent,
    tokensPerStep,
    ...(shape && timing(shape, layout, { tokensPerStep, bubbleFraction, sent, gpu, efficiency })),
    fits: total <= gpu.memoryBytes,
    gpu: gpu.name,
    assumptions: assumptions(layout, shape !== undefined, gpu, efficiency),
  };
}

function scheduleOf({ virtual, pipeline }: Layout): ScheduleName {
  if (pipeline === 1) return 'gpipe';
  return virtual > 1 ? 'interleaved' : '1f1b';
}

/** In passes of one chunk, F one and B two. */
function bubble(layout: Layout): { idle: number; makespan: number } {
  const { pipeline, microBatches, virtual } = layout;
  if (pipeline === 1) return { idle: 0, makespan: 1 };
  // (P − 1) whole passes of a chunk; a rank works for v m of them: the closed form of what `simulate` finds.
  return { idle: pipeline - 1, makespan: virtual * microBatches + pipeline - 1 };
}

/** Of the rank that keeps most chunks: the first of the pipeline. */
function activationBytes(shape: ModelShape, layout: Layout): number {
  const { pipeline, virtual, microBatches, microBatch } = layout;
  const layer = layerActivationBytes(shape, { ...layout, sequences: microBatch });
  const layersOfChunk = shape.layers / (pipeline * virtual);
  // Without a pipeline, one micro-batch goes forward and back before the next.
  const chunks =
    pipeline === 1
      ? 1
      : simulate(
          makeSchedule(scheduleOf(layout), { ranks: pipeline, microBatches, stagesPerRank: virtual }),
          {
            forward: 1,
            inputGradient: 1,
            weightGradient: 1,
          },
        ).peakLive[0]!;
  return chunks * layersOfChunk * layer;
}

function sentBytes(shape: ModelShape, layout: Layout): Omit<Plan['sentBytesPerRank'], 'data'> {
  const { tensor, pipeline, context, expert, virtual, microBatches, microBatch, sequence, recompute } =
    layout;
  const { C, K, D } = shape;
  const tokens = (microBatch * sequence) / context;
  const layers = (shape.layers / pipeline) * microBatches;
  const keyValueDim = Math.max(1, K / tensor) * D;
  // A rank within the pipeline sends activations on and gradients back; the first and the last only one of them per chunk.
  const messages =
    pipeline === 1 ? 0 : pipeline === 2 && virtual === 1 ? 1 : 2 * virtual - (pipeline === 2 ? 1 : 0);
  return {
    tensor: layers * tensorLayerBytes({ tokens, C }, tensor, recompute === 'full'),
    pipeline: messages * microBatches * boundaryBytes({ tokens, C }),
    context: layers * contextLayerBytes(tokens, keyValueDim, context),
    expert: shape.experts ? layers * expertLayerBytes({ tokens, C }, shape.experts.topK, expert) : 0,
  };
}

interface Known {
  tokensPerStep: number;
  bubbleFraction: number;
  sent: Plan['sentBytesPerRank'];
  gpu: GpuSheet;
  efficiency: number;
}

/** 6 FLOPs per active parameter and token, and attention's 12 layers H D S; recomputation on top of it. */
function timing(
  shape: ModelShape,
  { gpus, sequence, recompute }: Layout,
  { tokensPerStep, bubbleFraction, sent, gpu, efficiency }: Known,
): Pick<Plan, 'flopsPerStep' | 'secondsPerStep'> {
  const attention = 12 * shape.layers * shape.H * shape.D * sequence;
  const flopsPerStep = tokensPerStep * (6 * activeParameters(shape) + attention);
  const again = { none: 0, selective: (tokensPerStep * attention) / 3, full: flopsPerStep / 3 }[recompute];
  const compute = (flopsPerStep + again) / (gpus * gpu.flopsPerSecond * efficiency);
  const bubbleSeconds = (compute * bubbleFraction) / (1 - bubbleFraction);
  const bytes = Object.values(sent).reduce((sum, part) => sum + part, 0);
  const communication = bytes / gpu.linkBytesPerSecond;
  return {
    flopsPerStep,
    secondsPerStep: {
      compute,
      bubble: bubbleSeconds,
      communication,
      total: compute + bubbleSeconds + communication,
    },
  };
}

function assumptions(layout: Layout, known: boolean, gpu: GpuSheet, efficiency: number): string[] {
  const always = [
    'mixed-precision Adam: 2 + 2 + 12 bytes per parameter',
    'collectives as rings; a gradient is sent in 16 bits',
  ];
  if (!known) return [...always, 'only the number of parameters is known: no activations, no time'];
  const { sequenceParallel, tensor, pipeline, virtual } = layout;
  return [
    ...always,
    ...(tensor > 1 ? [`sequence parallelism ${sequenceParallel ? 'on' : 'off'}`] : []),
    ...(pipeline > 1 ? [`${virtual > 1 ? 'interleaved 1F1B' : '1F1B'}, layers divided evenly, B = 2 F`] : []),
    'activations without the logits of the loss, and without what a FlashAttention kernel does not keep under `--recompute selective`',
    `products at ${Math.round(efficiency * 100)} % of the ${gpu.flopsPerSecond / 1e12} TFLOP/s of the ${gpu.name}'s data sheet`,
    `every byte over NVLink at ${gpu.linkBytesPerSecond / 1e9} GB/s in one direction, nothing overlapped`,
  ];
}
