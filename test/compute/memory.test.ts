/** Memory stays flat over training steps on every backend, and the GPU's cache of free buffers is bounded. */
import { describe, expect, it } from 'vitest';
import { seededNormal } from '../../src/compute/random.js';
import { fromNdArray, read } from '../../src/compute/read.js';
import { tf } from '../../src/compute/tf.js';
import type { GpuBackend } from '../../src/compute/webgpu-backend.js';
import { eachBackend } from './backends.js';

/** A two-layer network trained with Adam; returns the losses and the memory after two of the steps. */
async function train(steps: number) {
  const w1 = tf.variable(fromNdArray(seededNormal([8, 16], 1, 0.3)) as tf.Tensor);
  const w2 = tf.variable(fromNdArray(seededNormal([16, 1], 2, 0.3)) as tf.Tensor);
  const x = fromNdArray(seededNormal([32, 8], 3)) as tf.Tensor2D;
  const y = fromNdArray(seededNormal([32, 1], 4)) as tf.Tensor2D;
  const optimizer = tf.train.adam(0.01);
  const losses: number[] = [];
  const memory: tf.MemoryInfo[] = [];
  for (let step = 0; step < steps; step++) {
    const loss = optimizer.minimize(
      () =>
        tf
          .matMul(tf.tanh(tf.matMul(x, w1 as tf.Tensor2D)), w2 as tf.Tensor2D)
          .sub(y)
          .square()
          .mean(),
      true,
    )!;
    losses.push((await read(loss))[0]!);
    loss.dispose();
    if (step === 10 || step === steps - 1) memory.push(tf.memory());
  }
  for (const tensor of [w1, w2, x, y]) tensor.dispose();
  optimizer.dispose();
  return { losses, memory };
}

describe('training', () => {
  eachBackend(() => {
    it('keeps the number of tensors and of bytes over 200 steps, and learns', async () => {
      const { losses, memory } = await train(200);
      const [early, late] = memory as [tf.MemoryInfo, tf.MemoryInfo];
      expect(late.numTensors).toBe(early.numTensors);
      expect(late.numBytes).toBe(early.numBytes);
      expect({ ...late }).toEqual({ ...early });
      expect(losses.at(-1)).toBeLessThan(losses[0]! / 2);
    });
  });
});

describe('cache of free buffers', () => {
  eachBackend(() => {
    it('is bounded when every size occurs once, and survives sizes in use meanwhile', async () => {
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
  }, ['webgpu']);
});
