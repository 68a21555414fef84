/** What goes wrong says so: GPU errors at the next readback, unreadable tensors, a lost device. */
import { describe, expect, it } from 'vitest';
import { useBackend } from '../../src/compute/backend.js';
import { read, toNdArray } from '../../src/compute/read.js';
import { tf } from '../../src/compute/tf.js';
import { syncDevice } from '../../src/compute/timing.js';
import type { GpuBackend } from '../../src/compute/webgpu-backend.js';
import { rmsNorm } from '../../src/layers/norm/rms-norm.js';
import { eachBackend } from './backends.js';

const gpu = () => (tf.backend() as unknown as GpuBackend).gpu;

/** Something no device allows: a buffer for mapping that is also bound. */
const offend = () =>
  gpu().device.createBuffer({ size: 16, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.STORAGE });

describe('reading', () => {
  eachBackend(() => {
    it('gives values in the type of the tensor', async () => {
      expect(await read(tf.tensor([1.5, 2]))).toEqual(Float32Array.of(1.5, 2));
      expect(await read(tf.tensor([1, 0], [2], 'bool'))).toEqual(Int32Array.of(1, 0));
      expect(await read(tf.tensor([1, 0], [2], 'bool').cast('int32'))).toEqual(Int32Array.of(1, 0));
      expect(await read(tf.tensor([3, 4], [2], 'int32').cast('float32'))).toEqual(Float32Array.of(3, 4));
      expect((await toNdArray(tf.ones([2, 3]))).shape).toEqual([2, 3]);
    });

    it('refuses strings and complex numbers', async () => {
      await expect(read(tf.tensor(['a']))).rejects.toThrow('read: a string tensor of shape [1]');
      await expect(read(tf.complex([1], [2]))).rejects.toThrow('read: a complex64 tensor of shape [1]');
    });
  });
});

describe('errors of the GPU', () => {
  eachBackend(() => {
    it.each([
      ['read', (y: tf.Tensor) => read(y)],
      ['tensor.data', (y: tf.Tensor) => y.data()],
    ])('throw at the next %s, once', async (_name, readBack) => {
      const y = tf.ones([3]).add(1);
      offend();
      await expect(readBack(y)).rejects.toThrow(/MapRead|usage/i);
      expect(Array.from(await readBack(tf.ones([3]).add(1)))).toEqual([2, 2, 2]);
    });

    it('throw even if the values were on the CPU already', async () => {
      const y = tf.ones([3]).add(1);
      await read(y);
      offend();
      await expect(read(y)).rejects.toThrow('not valid');
    });

    it('keep the first as the cause and count the rest', async () => {
      offend();
      offend();
      await expect(read(tf.ones([2]).add(1))).rejects.toThrow('(and 1 further GPU errors');
    });

    it('are thrown by synchronous reading too, which waits for the GPU', async () => {
      expect(Array.from(tf.ones([2]).add(1).dataSync())).toEqual([2, 2]);
      expect(tf.range(0, 4).reshape([2, 2]).mul(3).arraySync()).toEqual([
        [0, 3],
        [6, 9],
      ]);
      offend();
      const y = tf.ones([2]).add(2);
      expect(() => y.dataSync()).toThrow('not valid');
      await expect(tf.ones([2]).add(1).data()).resolves.toEqual(Float32Array.of(2, 2));
    });

    it('are thrown to all who read at the same time', async () => {
      offend();
      const y = tf.ones([2]).add(3);
      const readers = await Promise.allSettled([y.data(), y.data(), tf.ones([2]).add(1).data()]);
      expect(readers.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
    });

    it('do not take a tensor from its readers when it is disposed of meanwhile', async () => {
      const before = tf.memory();
      const y = tf.ones([3]).mul(2);
      const readers = Promise.all([y.data(), y.data()]);
      y.dispose();
      expect((await readers).map((values) => Array.from(values))).toEqual([
        [2, 2, 2],
        [2, 2, 2],
      ]);
      expect(tf.memory().numDataBuffers).toBeLessThanOrEqual(before.numDataBuffers + 2);
    });

    it('a tensor larger than the device can bind is refused, with its shape', async () => {
      const limit = gpu().device.limits.maxStorageBufferBindingSize;
      const rows = Math.floor(limit / 4) + 1;
      expect(() => tf.tidy(() => tf.fill([rows], 1))).toThrow(
        `a tensor of shape [${rows}] needs ${rows * 4} bytes, but this GPU binds at most ${limit}`,
      );
      expect(Array.from(await read(tf.ones([3]).add(1)))).toEqual([2, 2, 2]);
    });

    it('a lost device is reported in words by every use, and useBackend opens another', async () => {
      const y = tf.ones([3]).add(1);
      const kept = tf.tensor([1, 2]);
      const lost = gpu().device;
      lost.destroy();
      await lost.lost;
      await expect(read(y)).rejects.toThrow(/the GPU device was lost \(destroyed: .+its tensors are gone/);
      await expect(read(y)).rejects.toThrow("`await useBackend('webgpu')` opens it anew");
      expect(() => y.add(1)).toThrow('the GPU device was lost');
      expect(() => rmsNorm(tf.ones([2, 4]), tf.ones([4]))).toThrow('the GPU device was lost');
      await expect(syncDevice()).rejects.toThrow('the GPU device was lost');

      await useBackend('webgpu');
      expect(gpu().device).not.toBe(lost);
      expect(gpu().errors.lost).toBe(false);
      expect(Array.from(await read(rmsNorm(tf.ones([2, 4]), tf.ones([4]), { eps: 0 })))).toEqual(
        Array(8).fill(1),
      );
      // What had not gone to the GPU yet is not lost; what had says so.
      expect(Array.from(await read(kept.add(1)))).toEqual([2, 3]);
      expect(() => y.add(1)).toThrow('the GPU device was lost');
      y.dispose();
    });
  }, ['webgpu']);
});
