/** Text from a Llama, token by token: the prompt in one pass, then one position at a time against a cache. */

import type { KernelPath } from '../../compute/path.js';
import { seededUniform } from '../../compute/random.js';
import { read } from '../../compute/read.js';
import { tf } from '../../compute/tf.js';
import type { KvCache } from '../../layers/attention/kv-cache.js';
import type { Llama } from './llama.js';
import { checkSampling, sampleToken, type TokenSampling } from './sampling.js';

export interface GenerateOptions extends TokenSampling {
  maxNewTokens: number;
  /** Of the draws. Default 0. */
  seed?: number;
  /** false computes all positions anew at every step. Default true. */
  cache?: boolean;
  /** A row ends behind this token. Default the config's. */
  eos?: number;
  path?: KernelPath;
}

/** What continues texts: a Llama, or an adapted one. */
export type Continues = Pick<Llama, 'config' | 'forward' | 'newCaches'>;

/**
 * Continues each prompt. Memory beyond the weights is the cache, 2 * layers * B * K * S * D numbers, freed at the end.
 * @param prompts B rows of token ids, all of one length >= 1
 * @returns the rows with up to maxNewTokens more ids
 * @throws RangeError when the prompts are empty, of different lengths, or hold an id outside the vocabulary.
 */
export async function generate(
  model: Continues,
  prompts: readonly (readonly number[])[],
  options: GenerateOptions,
): Promise<number[][]> {
  checkSampling(options);
  const { maxNewTokens, seed = 0, eos = model.config.eos, path } = options;
  if (!Number.isInteger(maxNewTokens) || maxNewTokens < 0) {
    throw new RangeError(`generate: maxNewTokens must be an integer >= 0, got ${maxNewTokens}`);
  }
  checkPrompts(prompts, model.config.V);
  const rows = prompts.map((prompt) => [...prompt]);
  const ended = rows.map(() => false);
  const uniform = seededUniform(seed);
  const caches = options.cache === false ? undefined : model.newCaches();
  try {
    for (let step = 0; step < maxNewTokens && ended.includes(false); step++) {
      // The cache may hold more than these tokens: a prefix or a prompt stands in front of them.
      const fresh = caches && step > 0 ? rows.map((row) => row.slice(-1)) : rows;
      const logits = await lastLogits(model, fresh, { caches, path });
      rows.forEach((row, b) => {
        const token = sampleToken(logits[b]!, options, uniform);
        // A row that has ended goes on being computed, because rows of a batch have one length.
        row.push(token);
        if (!ended[b] && token === eos) ended[b] = true;
      });
    }
  } finally {
    for (const cache of caches ?? []) cache.clear();
  }
  return rows.map((row, b) => {
    const end = row.indexOf(eos ?? Number.NaN, prompts[b]!.length);
    return end < 0 ? row : row.slice(0, end + 1);
  });
}

async function lastLogits(
  model: Continues,
  rows: readonly number[][],
  options: { caches?: readonly KvCache[]; path?: KernelPath },
): Promise<Float32Array[]> {
  const logits = tf.tidy(() =>
    model.forward(tf.tensor2d([...rows], undefined, 'int32'), { ...options, lastOnly: true }),
  );
  try {
    const values = await read(logits);
    const { V } = model.config;
    return rows.map((_, b) => Float32Array.from(values.subarray(b * V, (b + 1) * V)));
  } finally {
    logits.dispose();
  }
}

function checkPrompts(prompts: readonly (readonly number[])[], V: number): void {
  const length = prompts[0]?.length ?? 0;
  if (length === 0 || prompts.some((prompt) => prompt.length !== length)) {
    throw new RangeError(
      `generate: prompts must be rows of one length >= 1, got lengths [${prompts.map((prompt) => prompt.length)}]`,
    );
  }
  const outside = prompts.flat().find((id) => !Number.isInteger(id) || id < 0 || id >= V);
  if (outside !== undefined) {
    throw new RangeError(`generate: prompts hold the id ${outside}, but ids go from 0 to V - 1 = ${V - 1}`);
  }
}
