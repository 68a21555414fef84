/**
 * The sizes of a transformer that decide its parameters, its memory and its messages, in the letters of the library: V
 * vocabulary, C model dim, F hidden dim of the feed-forward layers, H query heads, K key/value heads, D head dim.
 */
export interface ModelShape {
  layers: number;
  V: number;
  C: number;
  F: number;
  H: number;
  K: number;
  D: number;
  /** The output head is the embedding. */
  tied: boolean;
  /** llama: gated feed-forward layers, RMSNorm, rotations, no biases. gpt: GELU, LayerNorm, learned positions, biases. */
  kind: 'llama' | 'gpt';
  /** Learned positions; only `gpt`. */
  positions?: number;
  /** E experts in place of each feed-forward layer, of which each token takes topK. */
  experts?: { E: number; topK: number };
}

const llama = (layers: number, C: number, F: number, H: number, K = H, V = 32000): ModelShape => ({
  kind: 'llama',
  layers,
  V,
  C,
  F,
  H,
  K,
  D: C / H,
  tied: false,
});

const gpt = (layers: number, C: number, H: number): ModelShape => ({
  kind: 'gpt',
  layers,
  V: 50257,
  C,
  F: 4 * C,
  H,
  K: H,
  D: C / H,
  tied: true,
  positions: 2048,
});

/**
 * Published models by name: Llama 2 (Touvron et al. 2023, arXiv:2307.09288), Llama 3 (2024, arXiv:2407.21783), Mixtral (Jiang et
 * al. 2024, arXiv:2401.04088), GPT-3 (Brown et al. 2020, arXiv:2005.14165), MT-NLG (Smith et al. 2022, arXiv:2201.11990).
 */
export const namedModels: Readonly<Record<string, ModelShape>> = {
  'llama-2-7b': llama(32, 4096, 11008, 32),
  'llama-2-13b': llama(40, 5120, 13824, 40),
  'llama-2-70b': llama(80, 8192, 28672, 64, 8),
  'llama-3-8b': llama(32, 4096, 14336, 32, 8, 128256),
  'llama-3-70b': llama(80, 8192, 28672, 64, 8, 128256),
  'llama-3-405b': llama(126, 16384, 53248, 128, 8, 128256),
  'mixtral-8x7b': { ...llama(32, 4096, 14336, 32, 8), experts: { E: 8, topK: 2 } },
  'gpt-3-175b': gpt(96, 12288, 96),
  'mt-nlg-530b': gpt(105, 20480, 128),
};

/** @throws RangeError with the names that there are */
export function namedModel(name: string): ModelShape {
  const key = name
    .toLowerCase()
    .replaceAll('_', '-')
    .replace(/^(llama|gpt|mt-nlg)(\d)/, '$1-$2');
  const shape = Object.hasOwn(namedModels, key) ? namedModels[key] : undefined;
  if (!shape)
    throw new RangeError(`there is no model '${name}'; there are ${Object.keys(namedModels).join(', ')}`);
  return shape;
}
