/**
 * Memory over hundreds of training steps on every backend, with and without awaiting, and the bounds that keep it so: the
 * GPU's free buffers, its bind groups, and a lack of memory.
 */

import { describe, expect, it } from 'vitest';
import { create } from 'webgpu';
import { BindGroupCache } from '../../src/compute/bind-groups.js';
import { BufferPool } from '../../src/compute/buffer-pool.js';
import { openOn } from '../../src/compute/device.js';
import { seededNormal } from '../../src/compute/random.js';
import { fromNdArray, read } from '../../src/compute/read.js';
import { tf } from '../../src/compute/tf.js';
import type { GpuBackend } from '../../src/compute/webgpu-backend.js';
import { attention } from '../../src/layers/attention/attention.js';
import { rmsNorm } from '../../src/layers/norm/rms-norm.js';
import { crossEntropy } from '../../src/training/loss/cross-entropy.js';
import { Optimizer } from '../../src/training/optimizer/optimizer.js';
import { adamW } from '../../src/training/optimizer/rules.js';
import { eachBackend } from './backends.js';

const steps = 400;
const [T, C, V] = [4, 8, 5];

/** What the process may grow by over 360 steps; before bind groups were used again it was 160 MB, and then a crash. */
const slackBytes = 64 * 2 ** 20;

interface Usage {
  memory: tf.MemoryInfo;
  /** Memory of the process outside JavaScript's heap, which grows until V8 sees a reason to collect. */
  native: number;
}

/** A transformer block and its loss, trained by AdamW; usage after a tenth of the steps and after all. */
async function train(awaiting: boolean): Promise<{ first: number; last: number; early: Usage; late: Usage }> {
  const x = fromNdArray(seededNormal([1, T, C], 1));
  const targets = tf.tensor([1, 0, 4, 2], [1, T], 'int32');
  const variables = [[C], [C, C], [C, C], [C, C], [C, V]].map((shape, n) =>
    tf.variable(fromNdArray(seededNormal(shape, 2 + n, 0.5))),
  );
  const optimizer = new Optimizer(variables, adamW({ learningRate: 1e-2 }));
  const loss = () => {
    const [gain, ...weights] = variables;
    const project = (h: tf.Tensor, w: tf.Tensor) => h.reshape([T, C]).matMul(w);
    const h = rmsNorm(x, gain!);
    const [q, k, v] = weights.slice(0, 3).map((w) => project(h, w).reshape([1, 1, T, C]));
    const mixed = x.add(attention(q!, k!, v!, { causal: true }).reshape([1, T, C]));
    return crossEntropy(project(mixed, weights[3]!).reshape([1, T, V]), targets) as tf.Scalar;
  };
  const values: number[] = [];
  const usages: Usage[] = [];
  for (let step = 0; step < steps; step++) {
    const value = optimizer.minimize(loss);
    const measured = step === steps / 10 || step === steps - 1;
    if (awaiting || measured || step === 0) values.push((await read(value))[0]!);
    value.dispose();
    if (measured) {
      const { rss, heapTotal } = process.memoryUsage();
      usages.push({ memory: { ...tf.memory() }, native: rss - heapTotal });
    }
  }
  tf.dispose([x, targets, ...variables]);
  optimizer.dispose();
  const [early, late] = usages as [Usage, Usage];
  return { first: values[0]!, last: values.at(-1)!, early, late };
}

describe('hundreds of training steps', () => {
  eachBackend((name) => {
    // Elsewhere than on a GPU an operation is over when it returns, and awaiting makes no difference.
    it.each(name === 'webgpu' ? [true, false] : [true])(
      'keep memory flat, awaiting each: %s',
      async (awaiting) => {
        const { first, last, early, late } = await train(awaiting);
        expect(last).toBeLessThan(first / 2);
        expect(late.memory.numTensors).toBe(early.memory.numTensors);
        expect(late.memory.numBytes).toBe(early.memory.numBytes);
        expect(late.memory).toEqual(early.memory);
        expect(late.native - early.native).toBeLessThan(slackBytes);
      },
    );
  });
});

/** GPU memory of a device that has 512 MB of it and computes nothing: Dawn's own null device. */
async function nullDevice() {
  const adapter = await create(['backend=null']).requestAdapter();
  return openOn(adapter!);
}

describe('GPU memory that runs out', () => {
  it('is an error that says how much was asked for, and what was in use; work goes on', async () => {
    const gpu = await nullDevice();
    let submitted = 0;
    const pool = new BufferPool(gpu, { submitPending: () => submitted++, waitForAll: () => {} });
    const size = 100 * 2 ** 20;
    const acquire = () => pool.acquireBuffer(size, GPUBufferUsage.STORAGE);
    const held = [acquire(), acquire(), acquire(), acquire(), acquire()];
    expect(acquire).toThrow(
      'out of GPU memory: 104857600 bytes (105 MB) asked for, with 524288000 bytes (524 MB) in use by tensors',
    );
    expect(submitted).toBe(1);
    expect(pool.numBytesUsed).toBe(5 * size);
    expect(pool.numBytesAllocated).toBe(5 * size);
    pool.releaseBuffer(held[0]!);
    expect(acquire()).toBe(held[0]);
    // What is kept free makes room for another size.
    for (const buffer of held) pool.releaseBuffer(buffer);
    expect(pool.acquireBuffer(2 * size, GPUBufferUsage.STORAGE).size).toBe(2 * size);
    expect(pool.numBytesAllocated).toBe(2 * size);
    await gpu.errors.settle();
    expect(() => pool.acquireBuffer(300 * 2 ** 20, GPUBufferUsage.STORAGE)).toThrow(
      'but the largest buffer of this GPU is 268435456 bytes',
    );
    gpu.device.destroy();
  });
});

describe('bind groups', () => {
  const descriptor = (layout: object, ...buffers: object[]) =>
    ({
      layout,
      entries: buffers.map((buffer, binding) => ({ binding, resource: { buffer } })),
    }) as unknown as GPUBindGroupDescriptor;

  it('are made anew until they come a second time, and then used again', () => {
    const cache = new BindGroupCache(() => ({}) as GPUBindGroup, 1000);
    const [layout, other, a, b] = [{}, {}, {}, {}];
    const first = cache.get(descriptor(layout, a, b));
    const second = cache.get(descriptor(layout, a, b));
    expect(second).not.toBe(first);
    expect(cache.get(descriptor(layout, a, b))).toBe(second);
    for (const different of [descriptor(layout, b, a), descriptor(other, a, b), descriptor(layout, a)]) {
      cache.get(different);
      expect(cache.get(different)).not.toBe(second);
    }
  });

  it('ever new ones without an await are refused before the process crashes', async () => {
    const cache = new BindGroupCache(() => ({}) as GPUBindGroup, 3);
    const fresh = () => cache.get(descriptor({}, {}));
    for (let n = 0; n < 3; n++) fresh();
    expect(fresh).toThrow('3 GPU operations on ever new shapes without one await');
    expect(fresh).toThrow('`await tf.nextFrame()`');
    await tf.nextFrame();
    expect(fresh).not.toThrow();
  });
});

describe('free buffers', () => {
  eachBackend(() => {
    it('are bounded when every size occurs once, and survive sizes in use meanwhile', async () => {
      const { bufferManager } = (tf.backend() as unknown as GpuBackend).internals;
      const floor = 256 * 2 ** 20;
      let freed = 0;
      const held: tf.Tensor[] = [];
      for (let length = 1; length <= 64; length++) {
        const before = bufferManager.numBytesAllocated;
        held.push(tf.zeros([length]).add(length));
        const sum = tf.tidy(() => tf.ones([length, 16384]).square().mul(2).sum());
        expect((await read(sum))[0]! / (length * 32768)).toBeCloseTo(1, 5);
        sum.dispose();
        freed += Math.max(0, before - bufferManager.numBytesAllocated);
        expect(bufferManager.numBytesAllocated - bufferManager.numBytesUsed).toBeLessThanOrEqual(floor);
      }
      expect(freed).toBeGreaterThan(0);
      for (const [index, tensor] of held.entries()) {
        expect((await read(tensor))[index]).toBe(index + 1);
        tensor.dispose();
      }
      expect((await read(tf.zeros([7]).add(1)))[6]).toBe(1);
    });

    it('serve in the same order in every step, whatever was released last', () => {
      const { bufferManager: pool } = (tf.backend() as unknown as GpuBackend).internals;
      const acquire = () => pool.acquireBuffer(48, GPUBufferUsage.STORAGE);
      const [a, b, c] = [acquire(), acquire(), acquire()];
      for (const buffer of [b, c, a]) pool.releaseBuffer(buffer);
      expect([acquire(), acquire(), acquire()]).toEqual([a, b, c]);
      for (const buffer of [a, b, c]) pool.releaseBuffer(buffer);
    });
  }, ['webgpu']);
});
