/** A block of a Llama as a layer: x + attention(norm(x)), then x + feedForward(norm(x)), each on this rank's slices and tokens. */
import { tf } from '../../../compute/tf.js';
import { scaledRopeFrequencies } from '../../../layers/position/rope-scaling.js';
import { contextAttention } from '../../../parallel/context-parallel/index.js';
import { ownExperts, parallelMixtureOfExperts } from '../../../parallel/expert-parallel/index.js';
import type { Layer } from '../../../parallel/layer.js';
import type { Tape, Value } from '../../../parallel/tape/index.js';
import {
  copyTo,
  enterRegion,
  headsOf,
  isSplit,
  leaveRegion,
  parallelAttention,
  parallelRmsNorm,
  parallelSwiGlu,
} from '../../../parallel/tensor-parallel/index.js';
import { names } from '../config.js';
import type { LlamaBatch, OwnTokens } from './batch.js';
import type { LayerWeights, LlamaParts } from './parts.js';

export function blockLayer(parts: LlamaParts, index: number): Layer<LlamaBatch> {
  const parameters = parts.parameters((name) => name.startsWith(`model.layers.${index}.`));
  const block = new Block(parts, index);
  return {
    name: `block ${index}`,
    parameters,
    async forward(tape, all, x, batch) {
      const weights = await parts.weights(tape, all, parameters);
      const attended = await block.attend(tape, weights, x!, parts.tokens(batch));
      return block.feedForward(tape, weights, attended);
    },
  };
}

class Block {
  constructor(
    private readonly parts: LlamaParts,
    private readonly index: number,
  ) {}

  /** x + attention(norm(x)) */
  async attend(tape: Tape, weights: LayerWeights, x: Value, tokens: OwnTokens): Promise<Value> {
    const { config, groups, tensorGroup, kvGroup, form } = this.parts;
    const { window, rope, positions = 'rope' } = config;
    const projection = (part: string) => weights.of(names.layer(this.index, `self_attn.${part}_proj`));
    const bias = (part: string) => weights.maybe(names.bias(this.index, `self_attn.${part}_proj`));
    const shards = {
      wq: projection('q'),
      wk: projection('k'),
      wv: projection('v'),
      wo: projection('o'),
      bq: bias('q'),
      bk: bias('k'),
      bv: bias('v'),
      bo: bias('o'),
    };
    const normal = await this.#normalize(tape, weights, x, 'input_layernorm');
    const rotation = { layout: 'half', ...scaledRopeFrequencies(rope, tokens.length) } as const;
    const added = await parallelAttention(tape, tensorGroup, normal, shards, {
      heads: headsOf(config, groups.tensor?.rank ?? 0, groups.tensor?.size ?? 1),
      rope: positions === 'rope' ? { ...rotation, positions: tokens.positions } : undefined,
      core: contextAttention(form, groups.context, { window }),
      kvGroup,
    });
    return tape.local('add', (a, b) => tf.add(a!, b!), x, added);
  }

  /** x + feedForward(norm(x)), or a mixture of experts in its place */
  async feedForward(tape: Tape, weights: LayerWeights, x: Value): Promise<Value> {
    const normal = await this.#normalize(tape, weights, x, 'post_attention_layernorm');
    const added = this.parts.config.experts
      ? await this.#experts(tape, weights, normal)
      : await this.#swiGlu(tape, weights, normal);
    return tape.local('add', (a, b) => tf.add(a!, b!), x, added);
  }

  #swiGlu(tape: Tape, weights: LayerWeights, x: Value): Promise<Value> {
    const projection = (part: string) => weights.of(names.layer(this.index, `mlp.${part}_proj`));
    const bias = (part: string) => weights.maybe(names.bias(this.index, `mlp.${part}_proj`));
    return parallelSwiGlu(tape, this.parts.tensorGroup, x, {
      wGate: projection('gate'),
      wUp: projection('up'),
      wDown: projection('down'),
      bGate: bias('gate'),
      bUp: bias('up'),
      bDown: bias('down'),
    });
  }

  /** Each tensor rank has a slice of every expert: what lies between the region's borders, the router too, is a part of a sum. */
  async #experts(tape: Tape, weights: LayerWeights, x: Value): Promise<Value> {
    const { groups, tensorGroup, config } = this.parts;
    const { E, topK } = config.experts!;
    const { first, count } = ownExperts(E, groups.expert);
    const matrix = (e: number, part: 'w1' | 'w2' | 'w3') =>
      weights.of(names.layer(this.index, names.expert(first + e, part)));
    const experts = Array.from({ length: count }, (_, e) => ({
      wGate: matrix(e, 'w1'),
      wUp: matrix(e, 'w3'),
      wDown: matrix(e, 'w2'),
    }));
    const gate = weights.of(names.layer(this.index, 'block_sparse_moe.gate'));
    const router = isSplit(tensorGroup) ? await tape.apply(copyTo(groups.tensor!), gate) : gate;
    const entered = await enterRegion(tape, x, tensorGroup);
    const out = await parallelMixtureOfExperts(tape, groups.expert, entered, { router, experts }, { topK });
    return leaveRegion(tape, out, tensorGroup);
  }

  async #normalize(tape: Tape, weights: LayerWeights, x: Value, name: string): Promise<Value> {
    const { eps, normalization } = this.parts.config;
    if (normalization === 'none') return x;
    const gain = weights.of(names.layer(this.index, name));
    return parallelRmsNorm(tape, this.parts.tensorGroup, x, gain, { eps });
  }
}
