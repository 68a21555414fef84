/** The launches of attention for a few queries: pieces of the keys, and where there are several, their merge. */
import type { Launch } from '../../compute/fused.js';
import { spread } from '../../compute/launch.js';
import { sizeOf } from '../../compute/ndarray.js';
import { storedShape } from '../../compute/storage.js';
import { tf } from '../../compute/tf.js';
import { remember } from '../../compute/variants.js';
import type { GpuBackend } from '../../compute/webgpu-backend.js';
import { divisionOf, mergeKernel, mostRows, pieceKernel, pieceOf, threads } from './decode-attention.wgsl.js';
import type { FlashVariant, uniforms } from './flash-tile.wgsl.js';

/** Queries per head up to which keys are divided rather than queries. */
export const fewQueries = 8;

const attendPieces = remember(pieceKernel);
const merge = remember(mergeKernel);

type Uniforms = { [name in keyof typeof uniforms]: number };

/**
 * @param rule the uniforms common to the attention kernels; `total`, `columns` and `width` are set here
 * @returns out [B,H,T,D] and stats [B,H,T,2], as of the forward kernel
 */
export function launchDecode(
  launch: Launch,
  flash: FlashVariant,
  inputs: { q: tf.TensorInfo; k: tf.TensorInfo; v: tf.TensorInfo },
  B: number,
  rule: Uniforms,
): [tf.TensorInfo, tf.TensorInfo] {
  const { D, storage } = flash;
  const { H, K, T, S, behind } = rule;
  const queries = (H / K) * T;
  const rows = Math.min(mostRows, 2 ** Math.ceil(Math.log2(queries)));
  const start = Math.max(0, S - T - behind);
  const blocks = B * K * Math.ceil(queries / rows);
  const piece = pieceOf({ ...flash, rows }, S - start, blocks);
  const pieces = Math.ceil((S - start) / piece);
  const total = blocks * pieces;
  const result = pieces === 1 ? storage : 'f32';
  const variant = { ...flash, rows, result };
  const { out, stats } = launch(attendPieces(variant), {
    inputs,
    outputs: {
      out: { shape: storedShape(result, [B, H, T, ...(pieces === 1 ? [] : [pieces]), D]) },
      stats: { shape: [B, H, T, ...(pieces === 1 ? [] : [pieces]), 2] },
    },
    uniforms: {
      ...rule,
      total,
      columns: 0,
      width: Math.ceil(D / 4),
      start,
      piece,
      pieces,
      ...divisionOf(variant),
    },
    workgroups: spread(total),
  });
  if (pieces === 1) return [out, stats];
  const vectors = sizeOf([B, H, T, Math.ceil(D / 4)]);
  const merged = launch(merge({ D, storage }), {
    inputs: { part: out, partStats: stats },
    outputs: { out: { shape: storedShape(storage, [B, H, T, D]) }, stats: { shape: [B, H, T, 2] } },
    uniforms: { pieces, total: vectors },
    workgroups: spread(Math.ceil(vectors / threads)),
  });
  for (const { dataId } of [out, stats]) (tf.backend() as GpuBackend).disposeData(dataId);
  return [merged.out, merged.stats];
}
