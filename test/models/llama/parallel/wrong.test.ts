/** Faults of real training programs, put into a parallel Llama: which numbers give each away. */
import { beforeAll, describe, expect, it } from 'vitest';
import { useBackend } from '../../../../src/compute/backend.js';
import { fromNdArray, read } from '../../../../src/compute/read.js';
import { tf } from '../../../../src/compute/tf.js';
import { parallelLlama } from '../../../../src/models/llama/parallel/index.js';
import { type Communicator, ranks } from '../../../../src/parallel/communicator/index.js';
import { gradientNorm } from '../../../../src/parallel/gradient-norm.js';
import { runLayers, weightsOf } from '../../../../src/parallel/layer.js';
import { splitWorld } from '../../../../src/parallel/split-world.js';
import { Tape } from '../../../../src/parallel/tape/index.js';
import { onAsyncRanks } from '../../../parallel/engines.js';
import { arraysFor, idsFor } from '../../../parallel/programs/llama-weights.mjs';
import { cases } from './cases.js';
import { type Case, differing, onOneRank, type Result, small, tolerance } from './expected.js';

beforeAll(() => useBackend('cpu'));

const two = cases[2]!;

async function caughtBy(of: Case): Promise<string[]> {
  const [[result]] = (await onAsyncRanks(2, 'parallel-llama', { cases: [of] })) as [[Result]];
  return differing(of, result, onOneRank(of));
}

describe('a wrong operator', () => {
  it('missing all-reduce in backward: all gradients below the last block', async () => {
    const caught = await caughtBy({ ...two['tensor 2']!, wrong: 'missing all-reduce in backward' });
    expect(caught).not.toContain('loss');
    expect(caught).toContain('norm');
    expect(caught).toContain('model.embed_tokens.weight');
    expect(caught).not.toContain('lm_head.weight');
  });

  it('norm gain of sequence parallelism not reduced: the gains, and the norm', async () => {
    const of = two['tensor 2, sequence parallel']!;
    const caught = await caughtBy({ ...of, wrong: 'norm gain of sequence parallelism not reduced' });
    const gains = onOneRank(of)
      .gradients.map(([name]) => name)
      .filter((name) => name.includes('norm'));
    expect(caught.sort()).toEqual([...gains, 'norm'].sort());
  });

  it('key/value heads that ranks share not reduced: their weights and biases, and the norm', async () => {
    const of = two['tensor 2, shared heads, tied, biases']!;
    const caught = await caughtBy({ ...of, wrong: 'gradients of shared weights not reduced' });
    expect(caught.every((name) => /[kv]_proj|norm$/.test(name))).toBe(true);
    expect(caught).toContain('model.layers.0.self_attn.k_proj.weight');
    expect(caught).toContain('model.layers.1.self_attn.v_proj.bias');
  });

  it('gradients not reduced over the context ranks: every one', async () => {
    const of = two['ring 2']!;
    const caught = await caughtBy({ ...of, wrong: 'gradients of shared weights not reduced' });
    expect(caught.length).toBe(onOneRank(of).gradients.length + 1);
  });

  it('a loss that is reduced in both passes: only the scale of all gradients', async () => {
    const of = two['ring 2']!;
    const caught = await caughtBy({ ...of, wrong: 'loss reduced in both passes' });
    expect(caught).not.toContain('loss');
    expect(caught.length).toBe(onOneRank(of).gradients.length + 1);
  });
});

/** Gradients of a case on this rank, with which `use` does something before they are freed. */
async function withGradients<T>(
  comm: Communicator,
  { config, sizes, options, shape }: Case,
  use: (
    model: Awaited<ReturnType<typeof parallelLlama>>,
    gradients: Map<string, tf.Tensor | undefined>,
  ) => Promise<T>,
): Promise<T> {
  const model = await parallelLlama(config, arraysFor(config), await splitWorld(comm, sizes), options);
  const tape = new Tape();
  const values = weightsOf(tape, model.layers);
  await tape.backward(await runLayers(tape, model.layers, values, { ids: idsFor(config.V, shape), shape }));
  const result = await use(model, new Map([...values].map(([name, { gradient }]) => [name, gradient])));
  tape.dispose();
  model.dispose();
  return result;
}

describe('a gradient norm', () => {
  const expectFar = (of: Case, norms: number[], right: number) => {
    for (const norm of norms) expect(Math.abs(norm - right)).toBeGreaterThan(100 * tolerance(of) * right);
  };

  it('that leaves out the experts of other ranks is too small', async () => {
    const of = two['experts 2']!;
    const norms = await ranks(2, (comm) =>
      withGradients(comm, of, (model, gradients) =>
        gradientNorm(
          [...gradients].map(([name, gradient]) => ({
            gradient,
            counts: model.placements.get(name)!.counts || comm.rank > 0,
          })),
          [],
        ),
      ),
    );
    const right = onOneRank(of).norm;
    expectFar(of, norms, right);
    for (const norm of norms) expect(norm).toBeLessThan(right);
  });

  it('that counts copies on every rank is too large', async () => {
    const of = two['tensor 2, shared heads, tied, biases']!;
    const norms = await ranks(2, (comm) =>
      withGradients(comm, of, (model, gradients) =>
        gradientNorm(
          [...gradients.values()].map((gradient) => ({ gradient, counts: true })),
          [model.groups.tensor],
        ),
      ),
    );
    const right = onOneRank(of).norm;
    expectFar(of, norms, right);
    for (const norm of norms) expect(norm).toBeGreaterThan(right);
  });
});

describe('a tied embedding on two stages', () => {
  const of: Case = { ...two['tensor 2, shared heads, tied, biases']!, sizes: {} };
  const name = 'model.embed_tokens.weight';

  /** The gradients of the embedding's copies on the first and on the last of two stages, and the norm. */
  const onTwoStages = () =>
    ranks(2, async (comm) => {
      const { config, shape } = of;
      const { pipeline } = await splitWorld(comm, { pipeline: 2 });
      const only = comm.rank === 0 ? [0, 1] : [2, 3];
      const model = await parallelLlama(config, arraysFor(config), {}, { only });
      const batch = { ids: idsFor(config.V, shape), shape };
      const tape = new Tape();
      const weights = weightsOf(tape, model.layers);
      if (comm.rank === 0) {
        const out = await runLayers(tape, model.layers, weights, batch);
        await comm.send(Float32Array.from(await read(out.tensor)), 1);
        const gradient = tf.tensor(await comm.receive(1), out.shape);
        await tape.backward(out, gradient);
        gradient.dispose();
      } else {
        const [B, T] = shape;
        const sent = tf.tensor(await comm.receive(0), [B, T - 1, config.C]);
        const x = tape.input(sent);
        await tape.backward(await runLayers(tape, model.layers, weights, batch, x));
        await comm.send(Float32Array.from(await read(x.gradient!)), 0);
        sent.dispose();
      }
      const own = Float32Array.from(await read(weights.get(name)!.gradient!));
      const sum = await pipeline.allReduce(own.slice());
      const whole = fromNdArray({ shape: [config.V, config.C], data: Float64Array.from(sum) });
      const gradients = new Map([...weights].map(([of, { gradient }]) => [of, gradient]));
      gradients.set(name, whole);
      const norm = await model.gradientNorm(gradients, {
        pipeline,
        except: comm.rank === 1 ? [name] : [],
      });
      const twice = await model.gradientNorm(gradients, { pipeline });
      whole.dispose();
      tape.dispose();
      model.dispose();
      return { own, sum, norm, twice };
    });

  it('has its whole gradient, and is counted once, only if both stages reduce it', async () => {
    const before = tf.memory().numTensors;
    const found = await onTwoStages();
    expect(tf.memory().numTensors).toBe(before);
    const expected = onOneRank(of);
    const right = new Map(expected.gradients).get(name)!;
    const scale = Math.max(...right.map(Math.abs));
    const far = (values: Float32Array) =>
      Math.max(...values.map((value, n) => Math.abs(value - right[n]!))) / scale;
    for (const { own, sum, norm, twice } of found) {
      expect(far(sum)).toBeLessThanOrEqual(tolerance(of));
      expect(far(own)).toBeGreaterThan(0.01);
      expect(Math.abs(norm - expected.norm) / expected.norm).toBeLessThanOrEqual(tolerance(of));
      expect(twice / expected.norm).toBeGreaterThan(1 + 1e-3);
    }
  });
});

describe('what does not fit', () => {
  const build = (config = small, sizes = {}, only?: number[]) =>
    ranks(4, async (comm) => {
      const groups = await splitWorld(comm, sizes);
      return parallelLlama(config, arraysFor(config), groups, only ? { only } : {});
    });

  it.each([
    [
      () => build({ ...small, H: 6, K: 6, C: 24 }, { tensor: 4 }),
      'query heads (6) cannot be divided by tensor ranks (4); 3 or 6 would do',
    ],
    [
      () => build({ ...small, F: 22 }, { tensor: 4 }),
      'hidden dim of the feed-forward layers (22) cannot be divided by tensor ranks (4); 2 or 11',
    ],
    [
      () => build({ ...small, experts: { E: 3, topK: 1 } }, { expert: 4 }),
      'experts (3) cannot be divided by expert ranks (4); 3 would do',
    ],
    [() => build(small, { expert: 4 }), 'this model has no experts to divide over 4 ranks'],
    [() => build(small, {}, [4]), 'there is no layer 4; 0 is the embedding, 1 to 2 the blocks, 3 the loss'],
  ])('is refused with what would: %#', async (make, message) => {
    await expect(make()).rejects.toThrow(message);
  });

  it('ids that are no words are refused with their place', async () => {
    const model = await parallelLlama(small, arraysFor(small));
    const tape = new Tape();
    const batch = { ids: Int32Array.of(1, 2, 3, 16), shape: [2, 2] as const };
    await expect(runLayers(tape, model.layers, weightsOf(tape, model.layers), batch)).rejects.toThrow(
      'the id 16 of sequence 1, token 1, is no word; ids are 0 to 15',
    );
    tape.dispose();
    model.dispose();
  });

  it.each([
    [
      { context: 4 },
      {},
      [2, 8],
      'ring attention on 4 ranks cuts the sequence into 8 chunks, which 7 tokens do not divide into; 8 would',
    ],
    [
      { tensor: 4 },
      { sequenceParallel: true },
      [2, 8],
      'divides the 7 positions of a rank (ids have one more token in a sequence) over 4 ranks; nearest: 4 or 8',
    ],
  ] as const)('a batch is refused with what would: %#', async (sizes, options, shape, message) => {
    const run = ranks(4, (comm) =>
      withGradients(comm, { config: small, sizes, options, shape: [...shape] }, async () => {}),
    );
    await expect(run).rejects.toThrow(message);
  });
});
