/** Training goes on from a checkpoint with the same bits, on another number of ranks, in another stage; what cannot be loaded is told. */
import { mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { useBackend } from '../../../src/compute/backend.js';
import { parseSafetensors } from '../../../src/compute/safetensors.js';
import { tf } from '../../../src/compute/tf.js';
import { safetensorsBytes } from '../../../src/compute/write-safetensors.js';
import { type Communicator, ranks } from '../../../src/parallel/communicator/index.js';
import { loadCheckpoint, saveCheckpoint, Zero } from '../../../src/parallel/zero/index.js';
import { adamW, sgd, type UpdateRule } from '../../../src/training/optimizer/index.js';
import { eachEngine } from '../engines.js';

interface Trained {
  losses: number[];
  steps: number;
  parameters: Record<string, Float32Array>;
}

const folders = mkdtempSync(join(tmpdir(), 'kernelbook-checkpoints-'));
afterAll(() => rmSync(folders, { recursive: true }));
const newFolder = () => mkdtempSync(join(folders, 'at-'));

eachEngine((run) => {
  it('from 2 ranks to 4 to 1, in other stages and partitions: the bits of an uninterrupted run', async () => {
    const train = async (size: number, jobs: object[]) =>
      (await run(size, 'checkpoint', { jobs })) as Trained[][];
    const [first, second, third, fourth] = [newFolder(), newFolder(), newFolder(), newFolder()];
    const [mixed, float] = [{ precision: 'mixed' }, {}];
    const twoRanks = await train(2, [
      { form: { stage: 2, ...float }, steps: 5 },
      { form: { stage: 2, ...float }, steps: 2, save: first },
      { form: { stage: 3, partition: 'rows', ...mixed }, steps: 5 },
      { form: { stage: 3, partition: 'rows', ...mixed }, steps: 2, save: second },
    ]);
    const [whole, , wholeMixed] = twoRanks[0]!;
    await train(4, [
      { form: { stage: 3, ...float }, load: first, steps: 2, save: third },
      { form: { stage: 1, ...mixed }, load: second, steps: 2, save: fourth },
    ]);
    const [[resumed, resumedMixed]] = (await train(1, [
      { form: { stage: 1, ...float }, load: third, steps: 1 },
      { form: { stage: 2, ...mixed }, load: fourth, steps: 1 },
    ])) as [[Trained, Trained]];
    expect(resumed.steps).toBe(5);
    expect(resumed.losses).toEqual(whole!.losses.slice(4));
    expect(resumed.parameters).toEqual(whole!.parameters);
    expect(resumedMixed.losses).toEqual(wholeMixed!.losses.slice(4));
    expect(resumedMixed.parameters).toEqual(wholeMixed!.parameters);
    expect(whole!.parameters).not.toEqual(wholeMixed!.parameters);
  });
});

describe('a checkpoint', () => {
  let folder: string;
  beforeAll(async () => void (await useBackend('cpu')));
  beforeEach(() => {
    folder = newFolder();
  });

  /** w [4,2] of `start`, trained on the sum of its squares. */
  const make = async (
    comm: Communicator,
    start: number,
    shape = [4, 2],
    name = 'w',
    rule: UpdateRule = adamW(),
  ) => {
    const variable = tf.tidy(() => tf.variable(tf.fill(shape, start)));
    const layer = {
      name: 'layer',
      parameters: new Map([[name, variable]]),
      forward: async (
        tape: Parameters<Parameters<typeof Zero.shard>[0][0]['forward']>[0],
        weights: ReadonlyMap<string, never>,
      ) => tape.local('squares', (w) => tf.sum(tf.square(w!)), weights.get(name)!),
    };
    return Zero.shard<unknown>([layer], comm, { stage: 3, rule });
  };
  const save = (start: number, size = 2, steps = 1) =>
    ranks(size, async (comm) => {
      const zero = await make(comm, start);
      for (let n = 0; n < steps; n++) await zero.step([0]);
      await saveCheckpoint(folder, zero);
      const parameters = await zero.fullParameters();
      zero.dispose();
      return parameters.get('w')!;
    });
  const load = (...made: [number[]?, string?, UpdateRule?]) =>
    ranks(1, async (comm) => {
      const zero = await make(comm, 9, ...made);
      try {
        await loadCheckpoint(folder, zero);
        return (await zero.fullParameters()).get('w')!;
      } finally {
        zero.dispose();
      }
    });
  const shards = () => readdirSync(folder).filter((name) => name.endsWith('.safetensors'));

  it('leaves the files of the last save and the index', async () => {
    await save(1);
    const [saved] = await save(2, 3, 2);
    expect(readdirSync(folder)).toHaveLength(4);
    expect(shards()[0]).toMatch(/^step-2-[0-9a-f]{8}-0-of-3\.safetensors$/);
    expect(await load()).toEqual([saved]);
    expect(tf.memory().numTensors).toBe(0);
  });

  it('stays whole when a rank fails in a later save', async () => {
    const [saved] = await save(1);
    const failing = ranks(2, async (comm) => {
      const zero = await make(comm, 5);
      if (comm.rank === 1) throw new Error('the machine is gone');
      await saveCheckpoint(folder, zero);
    });
    await expect(failing).rejects.toThrow('the machine is gone');
    writeFileSync(join(folder, 'index.json.partial'), '{');
    expect(await load()).toEqual([saved]);
  });

  it('that was never completed', async () => {
    await expect(load()).rejects.toThrow(
      /has no index\.json: no checkpoint was completed there; give the folder/,
    );
  });

  it('with a shard missing, or one of another save', async () => {
    await save(1);
    const [first] = shards();
    const text = readFileSync(join(folder, first!));
    renameSync(join(folder, first!), join(folder, 'elsewhere'));
    await expect(load()).rejects.toThrow(/is missing, the shard of rank 0 of 2: copy it from the machine/);
    const { tensors } = parseSafetensors(text, 'x');
    const other = safetensorsBytes(tensors as Parameters<typeof safetensorsBytes>[0], { id: 'step-7' });
    writeFileSync(join(folder, first!), other);
    await expect(load()).rejects.toThrow(/is of the checkpoint step-7, the index of step-1-/);
    const id = first!.slice(0, 'step-1-00000000'.length);
    writeFileSync(join(folder, first!), safetensorsBytes(new Map(), { id }));
    await expect(load()).rejects.toThrow(/do not have all of w: its numbers 0 to 7 are wanted/);
    writeFileSync(join(folder, first!), text.subarray(0, text.length - 4));
    await expect(load()).rejects.toThrow(/truncated/);
  });

  it('of another model or optimizer', async () => {
    await save(1);
    await expect(load([2, 4])).rejects.toThrow('has w of shape [4,2], the model has [2,4]; build the model');
    await expect(load([4, 2], 'v')).rejects.toThrow('has no parameter v; build the model');
    await expect(load([4, 2], 'w', sgd())).rejects.toThrow('is of adamW, not of sgd; build the model');
  });

  it('of another version, or damaged', async () => {
    await save(1);
    const path = join(folder, 'index.json');
    const index = JSON.parse(readFileSync(path, 'utf8')) as object;
    writeFileSync(path, JSON.stringify({ ...index, version: 2 }));
    await expect(load()).rejects.toThrow(
      /has version 2 of the format, this kernelbook reads 1: load it with the kernelbook that wrote it/,
    );
    writeFileSync(path, '{}');
    await expect(load()).rejects.toThrow('is no index of a kernelbook sharded checkpoint');
    writeFileSync(path, '{"format"');
    await expect(load()).rejects.toThrow(/index\.json is damaged: .*; use another checkpoint/);
  });
});
