/** What a step of a layout without experts sends, by the formulas of the papers: for one rank, in bytes by kind. */
import { sizeOf } from '../../../../src/compute/ndarray.js';
import { parameterShapes } from '../../../../src/models/llama/index.js';
import { ringSends } from '../../../../src/parallel/communicator/sends.js';
import type { Case } from './expected.js';

export function sentBytes({ config, sizes, options = {}, shape: [B, ids] }: Case, rank: number) {
  const { C, H, K, D, V, layers: L, tied, attentionBias, feedForwardBias } = config;
  const { tensor: n = 1, context: c = 1 } = sizes;
  const { sequenceParallel = false, context: form = 'ring' } = options;
  const [own, other] = [rank % n, Math.floor(rank / n)];
  const T = (ids - 1) / c;
  const S = 4 * B * T * C;
  const allReduce = (length: number, size: number, at: number) =>
    size === 1 ? 0 : ringSends('allReduce', at, size, length).bytes;
  const sent = { allReduce: 0, allGather: 0, reduceScatter: 0, send: 0, allToAll: 0 };
  // Two regions per layer, each a sum in each pass; the embedding's forward, that of the loss backward.
  const borders = 4 * L + 2;
  if (sequenceParallel) {
    sent.allGather = (borders * (n - 1) * S) / n;
    sent.reduceScatter = (borders * (n - 1) * S) / n;
    const added = (2 * L + 1) * 1 + L * (Number(!!attentionBias) + Number(!!feedForwardBias));
    sent.allReduce += added * allReduce(C, n, own);
  } else sent.allReduce += (borders * 2 * (n - 1) * S) / n;
  // Largest logits, then sums and targets.
  sent.allReduce += allReduce(B * T, n, own) + allReduce(2 * B * T, n, own);
  if (K < n) {
    const sharers = n / K;
    const each = 2 * D * (C + Number(!!attentionBias));
    sent.allReduce += L * allReduce(each, sharers, own % sharers);
  }
  if (c > 1) {
    // The gradients of a layer's slices in one sum, the loss in another.
    const slice = (name: string, whole: number) =>
      /norm|[od]\w*_proj\.bias/.test(name.replace('down', 'd')) ? whole : whole / n;
    const keyValues = (name: string, whole: number) =>
      /[kv]_proj/.test(name) ? whole / Math.min(n, K) : slice(name, whole);
    const perLayer = new Map<string, number>();
    for (const [name, dims] of parameterShapes(config)) {
      const [, layer = name.includes('embed') ? 'embedding' : 'loss'] = /layers\.(\d+)\./.exec(name) ?? [];
      perLayer.set(layer, (perLayer.get(layer) ?? 0) + keyValues(name, sizeOf(dims)));
    }
    if (tied) perLayer.set('loss', perLayer.get('loss')! + (V * C) / n);
    for (const length of perLayer.values()) sent.allReduce += allReduce(length, c, other);
    sent.allReduce += allReduce(1, c, other);
    const [queries, keys] = [(4 * B * H * T * D) / n, 4 * B * Math.max(K / n, 1) * T * D];
    if (form === 'ring') sent.send = L * (c - 1) * (2 * keys + 4 * keys);
    // Queries, keys, values and outputs, each way; a key/value head goes to every rank that needs it.
    else
      sent.allToAll = 2 * L * ((2 * queries * (c - 1)) / c + 2 * (c - 1) * Math.max(keys / c, 4 * B * T * D));
  }
  return sent;
}
