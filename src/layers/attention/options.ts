/**
 * What attention is asked for, checked once and brought into the form that oracle, composed operations and fused
 * kernels share: sizes, the scale, one ALiBi slope per head, and which (query, key) pairs are visible at all.
 */
import { requireAxes, shown } from '../../compute/shapes.js';
import { alibiSlopes } from './alibi-slopes.js';

export interface AttentionRule {
  /** Query i sees keys j <= i + (S - T): aligned bottom-right, so that a decode step (T = 1) sees the whole cache. */
  causal?: boolean;
  /** Keeps the keys with i + (S - T) - j < window. */
  window?: number;
  /** Factor of the dot products; default 1/sqrt(D). */
  scale?: number;
  /** Subtracts slope_h * |i + (S - T) - j| from the scaled logits; true for the slopes of the paper. */
  alibi?: boolean | readonly number[];
}

export interface AttentionSetup {
  B: number;
  H: number;
  K: number;
  T: number;
  S: number;
  D: number;
  scale: number;
  causal: boolean;
  /** Infinity when there is none. */
  window: number;
  slopes: readonly number[] | undefined;
}

/** @throws RangeError naming the function, the shapes and what does not fit. */
export function attentionSetup(
  q: readonly number[],
  k: readonly number[],
  v: readonly number[],
  rule: AttentionRule,
): AttentionSetup {
  requireAxes('attention', 'q', q, 'B,H,T,D');
  requireAxes('attention', 'k', k, 'B,K,S,D');
  requireAxes('attention', 'v', v, 'B,K,S,D');
  const [B, H, T, D] = q as [number, number, number, number];
  const [, K, S] = k as [number, number, number, number];
  const shapes = `got q ${shown(q)}, k ${shown(k)}, v ${shown(v)}`;
  if (k.some((extent, axis) => extent !== v[axis])) {
    throw new RangeError(`attention: k and v must have the same shape [B,K,S,D], ${shapes}`);
  }
  if (k[0] !== B || k[3] !== D) {
    throw new RangeError(`attention: q [B,H,T,D] and k [B,K,S,D] must agree in B and D, ${shapes}`);
  }
  if (K === 0 ? H !== 0 : H % K !== 0) {
    throw new RangeError(
      `attention: the ${H} query heads must be a multiple of the ${K} key/value heads (each serves H/K of them), ${shapes}`,
    );
  }
  const { causal = false, scale = D === 0 ? 1 : 1 / Math.sqrt(D), window = Number.POSITIVE_INFINITY } = rule;
  if (!Number.isFinite(scale)) throw new RangeError(`attention: scale must be a finite number, got ${scale}`);
  if (!(window >= 1)) throw new RangeError(`attention: window must be a number of keys >= 1, got ${window}`);
  return { B, H, K, T, S, D, scale, causal, window, slopes: slopesOf(rule.alibi, H) };
}

function slopesOf(alibi: AttentionRule['alibi'], H: number): readonly number[] | undefined {
  if (alibi === undefined || alibi === false) return undefined;
  if (alibi === true) return H === 0 ? [] : alibiSlopes(H);
  if (alibi.length === H) return alibi;
  throw new RangeError(
    `attention: alibi needs one slope per query head, got ${alibi.length} slopes for ${H} heads`,
  );
}

/** Whether query i may see key j by the causal and window rules; a mask can only take away from that. */
export function visible({ T, S, causal, window }: AttentionSetup, i: number, j: number): boolean {
  const distance = i + (S - T) - j;
  return distance < window && !(causal && distance < 0);
}
