/** The first and the last layer of a Llama: from ids to embeddings, and from the last block to the loss. */
import { tf } from '../../../compute/tf.js';
import type { Layer } from '../../../parallel/layer.js';
import {
  columnLinear,
  enterRegion,
  parallelCrossEntropy,
  parallelEmbedding,
  parallelRmsNorm,
  reduceFrom,
} from '../../../parallel/tensor-parallel/index.js';
import { names } from '../config.js';
import type { LlamaBatch } from './batch.js';
import type { LlamaParts } from './parts.js';

export function embeddingLayer(parts: LlamaParts): Layer<LlamaBatch> {
  const parameters = parts.parameters((name) => name === names.embedding);
  return {
    name: 'embedding',
    parameters,
    async forward(tape, all, _x, batch) {
      const weights = await parts.weights(tape, all, parameters);
      const { ids, shape } = parts.tokens(batch);
      return parallelEmbedding(tape, parts.tensorGroup, weights.of(names.embedding), ids, shape);
    },
  };
}

/** The mean loss over the tokens of all context and expert ranks, the same on each of them. */
export function lossLayer(parts: LlamaParts): Layer<LlamaBatch> {
  const { config, groups, tensorGroup } = parts;
  const head = config.tied ? names.embedding : names.head;
  const parameters = parts.parameters((name) => name === names.norm || name === head);
  return {
    name: 'loss',
    parameters,
    async forward(tape, all, x, batch) {
      const weights = await parts.weights(tape, all, parameters);
      const { targets, total } = parts.tokens(batch);
      const normal =
        config.normalization === 'none'
          ? x!
          : await parallelRmsNorm(tape, tensorGroup, x!, weights.of(names.norm), { eps: config.eps });
      const entered = await enterRegion(tape, normal, tensorGroup);
      const logits = columnLinear(tape, entered, weights.of(head));
      const losses = await tape.apply(
        parallelCrossEntropy(targets, { V: config.V, comm: groups.tensor }),
        logits,
      );
      let loss = tape.local('mean', (each) => tf.div(tf.sum(each!), total), losses);
      for (const comm of [groups.context, groups.expert])
        if (comm && comm.size > 1) loss = await tape.apply(reduceFrom(comm), loss);
      return loss;
    },
  };
}
