import { describe, expect, it } from 'vitest';
import {
  activeParameters,
  countParameters,
  gpuSheets,
  type Layout,
  layerActivationBytes,
  modelStateBytes,
  namedModel,
  plan,
  searchLayouts,
  type ZeroStage,
} from '../../../src/parallel/plan/index.js';

const options = { gpu: gpuSheets.h100!, efficiency: 0.5 };

const layout = (changes: Partial<Layout> = {}): Layout => ({
  gpus: 1,
  tensor: 1,
  pipeline: 1,
  context: 1,
  expert: 1,
  zero: 0,
  virtual: 1,
  microBatches: 1,
  microBatch: 1,
  sequence: 2048,
  recompute: 'none',
  sequenceParallel: true,
  ...changes,
});

describe('parameters', () => {
  // As Transformers counts them in the published checkpoints.
  it.each([
    ['llama-2-7b', 6_738_415_616],
    ['llama-2-13b', 13_015_864_320],
    ['llama-2-70b', 68_976_648_192],
    ['llama-3-8b', 8_030_261_248],
    ['llama-3-70b', 70_553_706_496],
    ['llama-3-405b', 405_853_388_800],
    ['mixtral-8x7b', 46_702_792_704],
    ['gpt-3-175b', 174_604_259_328],
  ])('of %s', (name, count) => {
    expect(countParameters(namedModel(name))).toBe(count);
  });

  it('of Mixtral that take part in one token', () => {
    expect(activeParameters(namedModel('mixtral-8x7b'))).toBe(12_879_925_248);
  });

  it.each(['llama-2-70b', 'gpt-3-175b', 'llama-3-8b'])('of the ranks of %s add up', (name) => {
    const shape = namedModel(name);
    const { parametersPerRank, parameters } = plan(shape, layout(), options);
    expect(parametersPerRank).toBe(parameters);
    const halves = plan(shape, layout({ gpus: 2, tensor: 2 }), options).parametersPerRank;
    const replicated = shape.layers * (shape.kind === 'gpt' ? 6 : 2) * shape.C;
    const ends = shape.kind === 'gpt' ? (2048 + 2) * shape.C : shape.C;
    expect(2 * halves).toBe(parameters + replicated + ends);
  });

  it('of key/value heads fewer than ranks are copied', () => {
    const shape = namedModel('llama-3-8b');
    const of = (tensor: number) => plan(shape, layout({ gpus: tensor, tensor }), options).parametersPerRank;
    const keyValue = (shape.layers * 2 * shape.C * shape.K * shape.D) / 8;
    const rest = (tensor: number) => of(tensor) - shape.layers * 2 * shape.C - shape.C;
    expect(rest(16) - keyValue).toBe((rest(8) - keyValue) / 2);
  });
});

describe('model states', () => {
  it.each([
    [0, 120],
    [1, 31.4],
    [2, 16.6],
    [3, 1.9],
  ])(
    'of 7.5 billion parameters on 64 ranks with ZeRO %i: %f GB, the figures of its paper',
    (zero, gigabytes) => {
      const { weights, gradients, optimizer } = modelStateBytes(7.5e9, zero as ZeroStage, 64);
      expect(((weights + gradients + optimizer) / 1e9).toFixed(1)).toBe(gigabytes.toFixed(1));
      const { bytesPerRank } = plan(7.5e9, layout({ gpus: 64, zero: zero as ZeroStage }), options);
      expect(bytesPerRank).toMatchObject({ weights, gradients, optimizer, activations: 0 });
    },
  );
});

describe('activations', () => {
  const gpt3 = namedModel('gpt-3-175b');
  const [s, b, h, a, L] = [2048, 1, 12288, 96, 96];
  const perLayer = (changes: Partial<Parameters<typeof layerActivationBytes>[1]>) =>
    layerActivationBytes(gpt3, {
      sequences: b,
      sequence: s,
      tensor: 1,
      context: 1,
      sequenceParallel: false,
      recompute: 'none',
      ...changes,
    });

  // Table 2 of arXiv:2205.05198, in its letters.
  it('of GPT-3 are those of the table', () => {
    const t = 8;
    const scores = (5 * a * s) / h;
    expect(perLayer({})).toBe(s * b * h * (34 + scores));
    expect(perLayer({ tensor: t })).toBe(s * b * h * (10 + 24 / t + scores / t));
    expect(perLayer({ tensor: t, sequenceParallel: true })).toBe(s * b * h * (34 / t + scores / t));
    expect(perLayer({ tensor: t, recompute: 'selective' })).toBe(s * b * h * (10 + 24 / t));
    expect(perLayer({ tensor: t, sequenceParallel: true, recompute: 'selective' })).toBe(
      (s * b * h * 34) / t,
    );
    expect(perLayer({ tensor: t, recompute: 'full' })).toBe(s * b * h * 2);
  });

  it('fall by 70 % with selective recomputation, as the paper says', () => {
    const saved = 1 - perLayer({ recompute: 'selective' }) / perLayer({});
    expect(saved.toFixed(2)).toBe('0.70');
  });

  it('of the first stage of 1F1B are those of the whole model’s layers; interleaving adds (P − 1)/(P v)', () => {
    const whole = L * perLayer({ tensor: 8, sequenceParallel: true });
    const of = (virtual: number, microBatches = 16) =>
      plan(gpt3, layout({ gpus: 64, tensor: 8, pipeline: 8, virtual, microBatches }), options).bytesPerRank
        .activations;
    expect(of(1)).toBe(whole);
    for (const virtual of [2, 3]) expect(of(virtual)).toBeCloseTo(whole * (1 + 7 / (8 * virtual)), 0);
  });
});

describe('messages', () => {
  it('of ZeRO: as many bytes as plain data parallelism in stages 1 and 2, half as many again in stage 3', () => {
    const sent = ([0, 1, 2, 3] as const).map(
      (zero) => plan(1e9, layout({ gpus: 8, zero }), options).sentBytesPerRank.data,
    );
    const psi = 2e9;
    expect(sent).toEqual([1.75 * psi, 1.75 * psi, 1.75 * psi, 2.625 * psi]);
  });

  it('of tensor, context, expert and pipeline ranks', () => {
    const shape = namedModel('mixtral-8x7b');
    const { layers, C, K, D } = shape;
    const sent = (changes: Partial<Layout>) => plan(shape, layout(changes), options).sentBytesPerRank;
    const activation = 2048 * C * 2;
    expect(sent({ gpus: 4, tensor: 4 }).tensor).toBe(layers * 4 * 2 * (3 / 4) * activation);
    expect(sent({ gpus: 4, tensor: 4, recompute: 'full' }).tensor).toBe(
      layers * 6 * 2 * (3 / 4) * activation,
    );
    expect(sent({ gpus: 2, context: 2 }).context).toBe(layers * 3 * (2 * 1024 * K * D * 2));
    expect(sent({ gpus: 8, expert: 8 }).expert).toBe(layers * 4 * (7 / 8) * 2 * activation);
    expect(sent({ gpus: 4, pipeline: 4, microBatches: 8 }).pipeline).toBe(2 * 8 * activation);
    expect(sent({ gpus: 4, pipeline: 4, microBatches: 8, virtual: 2 }).pipeline).toBe(2 * 2 * 8 * activation);
    expect(sent({ gpus: 2, pipeline: 2, microBatches: 8 }).pipeline).toBe(8 * activation);
  });
});

it('the bubble is (P − 1)/(v m + P − 1) of the step and (P − 1)/(v m) of the ideal time', () => {
  const shape = namedModel('llama-2-7b');
  const of = (virtual: number) =>
    plan(shape, layout({ gpus: 4, pipeline: 4, microBatches: 8, virtual }), options);
  expect(of(1)).toMatchObject({ bubbleFraction: 3 / 11, bubbleOfIdeal: 3 / 8 });
  expect(of(2)).toMatchObject({ bubbleFraction: 3 / 19, bubbleOfIdeal: 3 / 16 });
});

describe('the time of a step', () => {
  it('is 6 N per token and attention’s 12 L H D S over what the GPUs do', () => {
    const shape = namedModel('llama-2-7b');
    const { secondsPerStep, flopsPerStep, tokensPerStep } = plan(
      shape,
      layout({ gpus: 8, zero: 1 }),
      options,
    );
    const perToken = 6 * 6_738_415_616 + 12 * 32 * 4096 * 2048;
    expect(tokensPerStep).toBe(8 * 2048);
    expect(flopsPerStep).toBe(tokensPerStep * perToken);
    expect(secondsPerStep!.compute).toBeCloseTo(flopsPerStep! / (8 * 989e12 * 0.5), 12);
  });
});

describe('the search', () => {
  it('finds layouts that fit, fastest first, each with the same tokens', () => {
    const found = searchLayouts(
      namedModel('llama-2-70b'),
      layout({ gpus: 64, recompute: 'selective' }),
      256,
      options,
    );
    expect(found.length).toBeGreaterThan(5);
    expect(found.every(({ fits, tokensPerStep }) => fits && tokensPerStep === 256 * 2048)).toBe(true);
    const times = found.map(({ secondsPerStep }) => secondsPerStep!.total);
    expect(times).toEqual([...times].sort((x, y) => x - y));
  });
});

describe('a layout that cannot be', () => {
  it.each<[string, Partial<Layout>, string]>([
    [
      'llama-2-7b',
      { gpus: 6, tensor: 4 },
      '6 GPUs are no multiple of tensor × pipeline × context = 4 × 1 × 1 = 4; 4 or 8',
    ],
    [
      'llama-2-7b',
      { gpus: 3, tensor: 3 },
      'query heads (32) cannot be divided by tensor ranks (3); 2 or 4 would do',
    ],
    ['llama-2-7b', { gpus: 5, pipeline: 5 }, 'layers (32) cannot be divided by pipeline stages (5); 4 or 8'],
    [
      'llama-2-7b',
      { gpus: 4, pipeline: 4, virtual: 2, microBatches: 6 },
      'micro-batches (6) cannot be divided',
    ],
    [
      'llama-2-7b',
      { gpus: 3, context: 3 },
      'the tokens of a sequence (2048) cannot be divided by context ranks (3)',
    ],
    ['llama-2-7b', { gpus: 2, expert: 2 }, 'this model has no experts'],
    ['mixtral-8x7b', { gpus: 3, expert: 3 }, 'experts (8) cannot be divided by expert ranks (3); 2 or 4'],
    ['llama-2-7b', { zero: 4 as ZeroStage }, 'ZeRO has the stages 0 to 3, not 4'],
    ['llama-2-7b', { microBatch: 0 }, 'microBatch is 0'],
  ])('%s with %j', (name, changes, message) => {
    expect(() => plan(namedModel(name), layout(changes), options)).toThrow(message);
  });

  it('a model that nobody has published', () => {
    expect(() => namedModel('llama-9b')).toThrow("there is no model 'llama-9b'; there are llama-2-7b");
  });
});
