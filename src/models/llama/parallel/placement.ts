/** Which slice of each parameter a rank holds, by the parameter's Hugging Face name. */
import type { NdArray } from '../../../compute/ndarray.js';
import { ownExperts } from '../../../parallel/expert-parallel/index.js';
import { checkLayout } from '../../../parallel/plan/index.js';
import {
  headsOf,
  joinShards,
  shardOf,
  withRows,
  wordsPerRank,
} from '../../../parallel/tensor-parallel/index.js';
import { type LlamaConfig, parameterShapes } from '../config.js';
import type { LlamaGroups } from './batch.js';

export interface Placement {
  /** Of the whole parameter. */
  shape: readonly number[];
  /** Along which the tensor ranks cut it; absent: each has all of it. */
  axis?: 0 | 1;
  /** Slices: the tensor ranks, or fewer where neighbours hold the same (key/value heads). */
  parts: number;
  /** This rank's. */
  part: number;
  /** Rows with those of zeros that make the words divide. */
  rows?: number;
  /** Which expert it is part of. */
  expert?: number;
  /** Whether this rank counts it in a sum over the tensor, expert and pipeline ranks: of equal copies one does. */
  counts: boolean;
}

/** @throws RangeError when heads, hidden dim or experts do not divide, with the nearest that do */
export function placementsOf(config: LlamaConfig, groups: LlamaGroups): Map<string, Placement> {
  const { tensor = { rank: 0, size: 1 }, expert } = groups;
  checkSizes(config, groups);
  const { kvParts, kvPart } = headsOf(config, tensor.rank, tensor.size);
  const experts = config.experts && ownExperts(config.experts.E, expert);
  const found = new Map<string, Placement>();
  for (const [name, shape] of parameterShapes(config)) {
    const [, number] = /\.experts\.(\d+)\./.exec(name) ?? [];
    const index = number === undefined ? undefined : Number(number);
    if (index !== undefined && (index < experts!.first || index >= experts!.first + experts!.count)) continue;
    const axis = axisOf(name);
    const shared = /\.[kv]_proj\./.test(name);
    const parts = axis === undefined ? 1 : shared ? kvParts : tensor.size;
    const part = axis === undefined ? 0 : shared ? kvPart : tensor.rank;
    const isFirst = tensor.rank % (tensor.size / parts) === 0;
    found.set(name, {
      shape,
      parts,
      part,
      counts: isFirst && (index !== undefined || (expert?.rank ?? 0) === 0),
      ...(axis === undefined ? {} : { axis }),
      ...(/embed_tokens|lm_head/.test(name)
        ? { rows: wordsPerRank(config.V, tensor.size) * tensor.size }
        : {}),
      ...(index === undefined ? {} : { expert: index }),
    });
  }
  return found;
}

/** Weights are [out, in]: outputs are cut along axis 0, inputs along axis 1, and what is added to a whole sum is not cut. */
function axisOf(name: string): 0 | 1 | undefined {
  if (/(embed_tokens|lm_head|[qkv]_proj|gate_proj|up_proj|w1|w3)\.(weight|bias)$/.test(name)) return 0;
  return /(o_proj|down_proj|w2)\.weight$/.test(name) ? 1 : undefined;
}

export function sliceFor({ axis, parts, part, rows }: Placement, whole: NdArray): NdArray {
  if (axis === undefined) return whole;
  return shardOf(rows === undefined ? whole : withRows(whole, rows), axis, part, parts);
}

/** @param slices of all tensor ranks */
export function wholeOf({ axis, parts, shape, rows }: Placement, slices: readonly NdArray[]): NdArray {
  if (axis === undefined) return slices[0]!;
  const each = slices.length / parts;
  const joined = joinShards(
    slices.filter((_, rank) => rank % each === 0),
    axis,
  );
  return rows === undefined ? joined : withRows(joined, shape[0]!);
}

function checkSizes(config: LlamaConfig, { tensor, context, expert }: LlamaGroups): void {
  const sizes = { tensor: tensor?.size ?? 1, context: context?.size ?? 1, expert: expert?.size ?? 1 };
  if (sizes.expert > 1 && !config.experts)
    throw new RangeError(`this model has no experts to divide over ${sizes.expert} ranks`);
  const { layers, V, C, F, H, K, D, tied, experts } = config;
  checkLayout(
    {
      ...sizes,
      gpus: sizes.tensor * sizes.context * sizes.expert,
      sequence: sizes.context,
      pipeline: 1,
      zero: 0,
      virtual: 1,
      microBatches: 1,
      microBatch: 1,
      recompute: 'none',
      sequenceParallel: false,
    },
    { kind: 'llama', layers, V, C, F, H, K, D, tied, ...(experts ? { experts } : {}) },
  );
}
