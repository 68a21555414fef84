/** Named mistakes of pipeline training: each makes another gradient, norm or loss, or is refused before anything runs. */
import { describe, expect, it } from 'vitest';
import type { tf } from '../../../src/compute/tf.js';
import type { Communicator, ranks as runRanks } from '../../../src/parallel/communicator/index.js';
import {
  type Action,
  makeSchedule,
  type Pipeline,
  type PipelineStep,
  parseAction,
  type Schedule,
  type StepOptions,
  scheduleFromCsv,
  scheduleToCsv,
  validateSchedule,
} from '../../../src/parallel/pipeline/index.js';

// The program's file uses the library as it is built; so does this one, for one instance of tfjs.
const built = (path: string) => import(new URL(`../../../dist/src/${path}`, import.meta.url).href);
const model = await import(new URL('../programs/pipeline-model.mjs', import.meta.url).href);
const { ranks } = (await built('parallel/communicator/index.js')) as { ranks: typeof runRanks };
const { Pipeline: BuiltPipeline, pipelineNorm } = await built('parallel/pipeline/index.js');
const { Tape } = await built('parallel/tape/index.js');
const { runLayers, weightsOf } = await built('parallel/layer.js');
const { tf: builtTf } = (await built('compute/tf.js')) as { tf: typeof tf };

const blocks = 2;
const microBatches = 4;
type Layers = {
  name: string;
  parameters: Map<string, tf.Variable>;
  forward: (...given: unknown[]) => unknown;
}[];
type Batch = { ids: number[][]; targets: number[][] };

interface Variant {
  schedule?: Schedule;
  /** Each side of the pipeline may be given something else. */
  comm?: (comm: Communicator, schedule: Schedule) => Communicator;
  names?: [string, string];
  layers?: (layers: Layers, rank: number) => Layers;
  batches?: (batches: Batch[], rank: number) => Batch[];
  step?: StepOptions;
}

/** Two stages on two ranks. */
async function train(variant: Variant = {}) {
  const schedule = variant.schedule ?? makeSchedule('gpipe', { ranks: 2, microBatches });
  const { B, T, C } = model.sizes as Record<string, number>;
  const all: Layers = [];
  const results = await ranks(2, async (comm) => {
    const made = model.layersOf({ blocks, ...(variant.names && { names: variant.names }) }) as Layers;
    all.push(...made);
    const layers = variant.layers?.(made, comm.rank) ?? made;
    const stages = [layers.slice(0, 2), layers.slice(2)];
    const pipeline = (await BuiltPipeline.make(
      variant.comm?.(comm, schedule) ?? comm,
      schedule,
      stages as never,
      { boundary: () => [B, T, C] },
    )) as Pipeline<Batch>;
    const batches = model.batchesOf(microBatches) as Batch[];
    const step: PipelineStep = await pipeline.step(
      variant.batches?.(batches, comm.rank) ?? batches,
      variant.step,
    );
    const norm: number = await pipelineNorm(pipeline, step.gradients);
    const gradients: Record<string, number[]> = model.numbersOf(step.gradients);
    builtTf.dispose([...step.gradients.values()]);
    return { ...step, gradients, norm };
  });
  model.disposeLayers(all);
  return {
    losses: results[1]!.losses,
    norm: results[0]!.norm,
    gradients: { ...results[0]!.gradients, ...results[1]!.gradients },
  };
}

const right = await train();
const oneRank = (await model.serial({ blocks, microBatches })) as typeof right;

const furthest = (a: number[], b: number[]) => Math.max(...a.map((value, n) => Math.abs(value - b[n]!)));
/** By how much the gradient that is furthest off is off. */
const wrongBy = (gradients: typeof right.gradients) =>
  Math.max(...Object.entries(right.gradients).map(([name, one]) => furthest(one, gradients[name] ?? [])));

describe('without a mistake', () => {
  it('two ranks have the gradients of one', () => {
    expect(right.gradients).toEqual(oneRank.gradients);
    expect(right.losses).toEqual(oneRank.losses);
  });

  it('a schedule may come from a CSV file', async () => {
    const csv = scheduleToCsv(makeSchedule('zb1p', { ranks: 2, microBatches }));
    const { gradients } = await train({ schedule: scheduleFromCsv(csv) });
    expect(gradients).toEqual(right.gradients);
  });
});

describe('mistakes that change the result', () => {
  it('unscaled loss: the mean over micro-batches is left out', async () => {
    const { gradients, norm, losses } = await train({ step: { weights: [1, 1, 1, 1] } });
    // The losses do not show it, gradients and norm do; a factor of 4 is exact in float32.
    expect(losses).toEqual(right.losses);
    expect(norm).toBeCloseTo(microBatches * right.norm, 10);
    for (const [name, one] of Object.entries(right.gradients))
      expect(gradients[name]).toEqual(one.map((value) => microBatches * value));
  });

  it('token shares left out: micro-batches of unequal length count the same', async () => {
    const { gradients } = await train({ step: { weights: [0.5, 0.125, 0.125, 0.25] } });
    expect(wrongBy(gradients)).toBeGreaterThan(1e-3);
  });

  it('moving average instead of a sum over micro-batches', async () => {
    const { gradients } = await train({ step: { weights: [1 / 8, 1 / 8, 1 / 4, 1 / 2] } });
    expect(wrongBy(gradients)).toBeGreaterThan(1e-3);
  });

  it('F off by one: the last stage reads the targets of the next micro-batch', async () => {
    const { losses, gradients } = await train({
      batches: (batches, rank) => (rank === 0 ? batches : [...batches.slice(1), batches[0]!]),
    });
    expect(losses).not.toEqual(right.losses);
    expect(wrongBy(gradients)).toBeGreaterThan(1e-3);
  });

  it('stale weights: a stage takes a step between the F and the B of a micro-batch', async () => {
    const { gradients } = await train({
      layers: (layers, rank) =>
        rank === 1
          ? layers
          : layers.map((layer) => {
              let passes = 0;
              return {
                ...layer,
                forward: (...given: unknown[]) => {
                  if (++passes === 2)
                    for (const one of layer.parameters.values()) one.assign(builtTf.tidy(() => one.mul(0.9)));
                  return layer.forward(...given);
                },
              };
            }),
    });
    expect(wrongBy(gradients)).toBeGreaterThan(1e-3);
  });

  it('tied embedding not reduced: each end keeps the gradient of its own use', async () => {
    const { gradients, norm } = await train({ names: ['embedding', 'head'] });
    expect(furthest(gradients.embedding!, right.gradients.embedding!)).toBeGreaterThan(1e-3);
    expect(furthest(gradients.head!, right.gradients.embedding!)).toBeGreaterThan(1e-3);
    expect(Math.abs(norm - right.norm)).toBeGreaterThan(1e-3);
    // All others are as they should be: only this gradient and the norm tell.
    for (const [name, one] of Object.entries(right.gradients))
      if (name !== 'embedding') expect(gradients[name]).toEqual(one);
  });

  it('tied embedding counted on each of its ranks: the norm is too large', () => {
    const squares = (one: number[]) => one.reduce((sum, value) => sum + value * value, 0);
    const once = Object.values(right.gradients).reduce((sum, one) => sum + squares(one), 0);
    expect(right.norm).toBeCloseTo(Math.sqrt(once), 12);
    expect(Math.sqrt(once + squares(right.gradients.embedding!))).toBeGreaterThan(1.01 * right.norm);
  });

  it("wrong micro-batch's tape: a gradient goes back through the activations of another", async () => {
    const { gradients, losses } = await train({
      comm: (comm, schedule) =>
        new Proxy(comm, {
          get: (target, key) => {
            if (key !== 'receive' || comm.rank !== 0) {
              const value: unknown = Reflect.get(target, key, target);
              return typeof value === 'function' ? value.bind(target) : value;
            }
            // Gradients for stage 0 come under tag 2n + 1.
            return (from: number, tag: number) => target.receive(from, 2 * schedule.microBatches - tag);
          },
        }),
    });
    expect(losses).toEqual(right.losses);
    expect(wrongBy(gradients)).toBeGreaterThan(1e-3);
  });

  it('W before I: there is nothing to make the gradients of', async () => {
    const layers = model.layersOf({ blocks }) as Layers;
    const tape = new Tape();
    const weights = weightsOf(tape, layers) as Map<string, { gradient?: tf.Tensor }>;
    const loss = await runLayers(tape, layers, weights, (model.batchesOf(1) as Batch[])[0]);
    await tape.backwardOfWeights();
    await tape.backward(loss, undefined, { deferWeights: true });
    expect([...weights.values()].map(({ gradient }) => gradient)).toEqual([...weights].map(() => undefined));
    tape.dispose();
    model.disposeLayers(layers);
  });
});

describe('mistakes that are refused before anything runs', () => {
  const changed = (name: string, change: (actions: Action[]) => Action[]): Schedule => {
    const schedule = makeSchedule(name, { ranks: 2, microBatches });
    return {
      ...schedule,
      orders: schedule.orders.map((order, rank) => (rank === 1 ? change([...order]) : order)),
    };
  };
  const swapped = (first: string, second: string) => (actions: Action[]) =>
    actions.map((action) => {
      const text = `${action.stage}${action.kind}${action.microBatch}`;
      return text === first ? parseAction(second) : text === second ? parseAction(first) : action;
    });

  it.each([
    [
      'F off by one, as in Schedule1F1B of torch 2.15',
      changed('1f1b', (order) =>
        order.map((action) =>
          action.kind === 'F' ? { ...action, microBatch: action.microBatch + 1 } : action,
        ),
      ),
      '1f1b: 1F4 is beyond 2 stages and 4 micro-batches',
    ],
    ['W before I', changed('zb1p', swapped('1I0', '1W0')), 'rank 1 at 1W0 for 1I0'],
    ['B before F', changed('1f1b', swapped('1F1', '1B1')), 'rank 1 at 1B1 for 1F1'],
    [
      'a micro-batch left out',
      changed('gpipe', (order) => order.filter(({ microBatch }) => microBatch !== 2)),
      'gpipe: 1F2 is missing',
    ],
    ['a micro-batch twice', changed('gpipe', (order) => [...order, order[0]!]), 'gpipe: 1F0 stands twice'],
  ])('%s', async (_, schedule, message) => {
    expect(() => validateSchedule(schedule)).toThrow(message);
    await expect(train({ schedule })).rejects.toThrow(message);
  });

  it('ranks, stages or micro-batches that are not those of the schedule', async () => {
    const four = makeSchedule('gpipe', { ranks: 4, microBatches });
    await expect(train({ schedule: four })).rejects.toThrow(
      'gpipe is a schedule for 4 ranks, but world has 2',
    );
    const interleaved = makeSchedule('interleaved', { ranks: 2, microBatches });
    await expect(train({ schedule: interleaved })).rejects.toThrow(
      'interleaved has 4 stages, but the model is cut into 2; use cutIntoStages(layers, 4)',
    );
    await expect(train({ batches: (batches) => batches.slice(1) })).rejects.toThrow(
      'gpipe got 3 micro-batches; this schedule is for 4',
    );
    await expect(train({ layers: (layers) => layers.slice(0, 2) })).rejects.toThrow(
      'stage 1 of rank 1 has no layers',
    );
  });
});
