import { describe, expect, it } from 'vitest';
import { ndarray } from '../../../src/compute/ndarray.js';
import { seededUniform } from '../../../src/compute/random.js';
import { tf } from '../../../src/compute/tf.js';
import type { LlamaConfig } from '../../../src/models/llama/config.js';
import { generate } from '../../../src/models/llama/generate.js';
import { Llama } from '../../../src/models/llama/llama.js';
import { llamaOracle } from '../../../src/models/llama/llama-oracle.js';
import { rhymes } from '../../../src/models/llama/rhymes.js';
import { sampleToken, samplingProbabilities } from '../../../src/models/llama/sampling.js';
import { evaluateLlama, trainLlama } from '../../../src/models/llama/train.js';
import { randomLlama } from '../../../src/models/llama/weights.js';
import { WordTokenizer } from '../../../src/models/llama/word-tokenizer.js';
import { eachBackend } from '../../compute/backends.js';

const config: LlamaConfig = {
  V: 11,
  C: 8,
  F: 12,
  layers: 2,
  H: 2,
  K: 1,
  D: 4,
  eps: 1e-5,
  rope: { head_dim: 4 },
  tied: false,
};

eachBackend(() => {
  describe('generate', () => {
    it('continues greedily as the oracle does, with the cache and without, and with a window', async () => {
      for (const window of [undefined, 3]) {
        const sized = { ...config, window };
        const arrays = randomLlama(sized, 3, 0.5);
        const model = new Llama(sized, arrays);
        const row = [1, 2, 3];
        for (let step = 0; step < 5; step++) {
          const { data } = llamaOracle(sized, arrays, ndarray([1, row.length], row));
          const last = [...data.slice(-sized.V)];
          row.push(last.indexOf(Math.max(...last)));
        }
        const before = tf.memory().numTensors;
        for (const cache of [true, false]) {
          expect(await generate(model, [[1, 2, 3]], { maxNewTokens: 5, cache })).toEqual([row]);
        }
        expect(tf.memory().numTensors).toBeLessThanOrEqual(before + 16); // rotation tables stay cached
        model.dispose();
      }
    });

    it('ends each row behind its own end token', async () => {
      const model = Llama.random(config, 3, 0.5);
      const options = { maxNewTokens: 6, temperature: 1, seed: 4 };
      const free = await generate(model, [[1], [2]], options);
      const eos = free[0]![2]!;
      const ended = await generate(model, [[1], [2]], { ...options, eos });
      expect(ended[0]).toEqual(free[0]!.slice(0, free[0]!.indexOf(eos, 1) + 1));
      expect(free[1]!.slice(0, ended[1]!.length)).toEqual(ended[1]);
      model.dispose();
    });
  });

  it('training lowers the loss on a text, and the same seed gives the same run', async () => {
    const tokenizer = new WordTokenizer(rhymes);
    const ids = tokenizer.encode(rhymes).slice(0, 200);
    const sized = { ...config, V: tokenizer.size, layers: 1 };
    const run = async () => {
      const model = Llama.random(sized, 1, 0.1);
      const before = await evaluateLlama(model, ids, 16);
      const losses = await trainLlama(model, ids, { steps: 12, batch: 2, length: 16, learningRate: 0.03 });
      const after = await evaluateLlama(model, ids, 16);
      model.dispose();
      return { before, after, losses };
    };
    const first = await run();
    expect(first.before).toBeCloseTo(Math.log(tokenizer.size), 0);
    expect(first.after).toBeLessThan(first.before - 1);
    const second = await run();
    second.losses.forEach((loss, step) => {
      expect(loss).toBeCloseTo(first.losses[step]!, 2);
    });
  });
});

describe('generate', () => {
  it('refuses prompts and options that make no sense', async () => {
    const model = Llama.random(config, 1);
    const asked = (prompts: number[][], options = {}) =>
      generate(model, prompts, { maxNewTokens: 1, ...options });
    await expect(asked([])).rejects.toThrow(/prompts must be rows of one length >= 1, got lengths \[\]/);
    await expect(asked([[1], [1, 2]])).rejects.toThrow(/got lengths \[1,2\]/);
    await expect(asked([[11]])).rejects.toThrow(/the id 11, but ids go from 0 to V - 1 = 10/);
    await expect(asked([[1]], { maxNewTokens: -1 })).rejects.toThrow(/maxNewTokens must be an integer >= 0/);
    await expect(asked([[1]], { temperature: -1 })).rejects.toThrow(/temperature must be a number >= 0/);
    await expect(asked([[1]], { topK: 0 })).rejects.toThrow(/topK must be a positive integer, got 0/);
    await expect(asked([[1]], { topP: 0 })).rejects.toThrow(/topP must be in \(0, 1\], got 0/);
    model.dispose();
  });
});

describe('sampling', () => {
  const logits = [0, Math.log(4), Math.log(3), Math.log(2)]; // probabilities 1 4 3 2 / 10

  it.each([
    [{}, [0, 1, 0, 0]],
    [{ temperature: 1 }, [0.1, 0.4, 0.3, 0.2]],
    [{ temperature: 0.5 }, [1 / 30, 16 / 30, 9 / 30, 4 / 30]],
    [{ temperature: 1, topK: 2 }, [0, 4 / 7, 3 / 7, 0]],
    [{ temperature: 1, topP: 0.69 }, [0, 4 / 7, 3 / 7, 0]],
    [{ temperature: 1, topP: 0.75 }, [0, 4 / 9, 3 / 9, 2 / 9]],
    [{ temperature: 1, topP: 0.1 }, [0, 1, 0, 0]],
    [{ temperature: 1, topK: 99 }, [0.1, 0.4, 0.3, 0.2]],
  ])('%j', (options, expected) => {
    samplingProbabilities(logits, options).forEach((p, v) => {
      expect(p).toBeCloseTo(expected[v]!, 12);
    });
  });

  it('draws with these probabilities, takes the first of equals, and refuses NaN', () => {
    const uniform = seededUniform(7);
    const counts = [0, 0, 0, 0];
    for (let n = 0; n < 4000; n++) counts[sampleToken(logits, { temperature: 1 }, uniform)]!++;
    // Four standard deviations of a binomial count.
    [0.1, 0.4, 0.3, 0.2].forEach((p, v) => {
      expect(Math.abs(counts[v]! - 4000 * p)).toBeLessThan(4 * Math.sqrt(4000 * p * (1 - p)));
    });
    expect(sampleToken([1, 2, 2], {}, uniform)).toBe(1);
    expect(sampleToken([Number.NEGATIVE_INFINITY, 0], { temperature: 1 }, uniform)).toBe(1);
    expect(() => sampleToken([1, Number.NaN], {}, uniform)).toThrow(/empty or hold NaN/);
    expect(() => sampleToken([], {}, uniform)).toThrow(/empty or hold NaN/);
  });
});

describe('WordTokenizer', () => {
  it('gives every text back, and names what it does not know', () => {
    const tokenizer = new WordTokenizer(rhymes);
    expect(tokenizer.decode(tokenizer.encode(rhymes))).toBe(rhymes);
    const odd = "  It's a-b,\n\tc!  é 12\n\n";
    expect(new WordTokenizer(odd).decode(new WordTokenizer(odd).encode(odd))).toBe(odd);
    expect(() => tokenizer.encode('the GPU')).toThrow(/"the" is none of its \d+ words/);
    expect(() => tokenizer.decode([9999])).toThrow(/there is no word 9999/);
    expect(() => new WordTokenizer('')).toThrow(/needs a text/);
  });

  it('the rhymes have their verses', () => {
    expect(rhymes.match(/house that Jack built\./g)).toHaveLength(11);
    expect(rhymes.match(/partridge in a pear tree\./g)).toHaveLength(12);
    expect(rhymes.match(/five gold rings/g)).toHaveLength(8);
  });
});
