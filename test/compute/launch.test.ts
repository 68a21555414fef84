/** The fused-kernel launcher on software or hardware WebGPU: buffers, uniforms, checks, errors, record, gradients. */
import { describe, expect, it } from 'vitest';
import { GpuError } from '../../src/compute/device.js';
import { registerFused } from '../../src/compute/fused.js';
import { defineKernel } from '../../src/compute/kernel.js';
import { launch, launchedKernels, spread } from '../../src/compute/launch.js';
import { seededNormal } from '../../src/compute/random.js';
import { fromNdArray, read } from '../../src/compute/read.js';
import { tf } from '../../src/compute/tf.js';
import { withGpuTiming } from '../../src/compute/timing.js';
import type { GpuBackend } from '../../src/compute/webgpu-backend.js';
import { eachBackend } from './backends.js';

const backend = () => tf.backend() as unknown as GpuBackend;
const tensor = (info: tf.TensorInfo) => tf.engine().makeTensorFromTensorInfo(info);

/** Two inputs, two outputs of different types, one uniform of each type. */
const mix = defineKernel({
  name: 'test.mix',
  inputs: { x: 'f32', index: 'i32' },
  outputs: { picked: 'f32', shifted: 'i32' },
  uniforms: { n: 'u32', offset: 'i32', scale: 'f32' },
  code: `
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let i = (group.x + group.y * groups.x) * 64 + local;
  if (i >= u.n) { return; }
  picked[i] = u.scale * x[index[i]];
  shifted[i] = index[i] + u.offset;
}`,
});

const broken = defineKernel({
  name: 'test.broken',
  inputs: { x: 'f32' },
  outputs: { y: 'f32' },
  code: `
@compute @workgroup_size(1)
fn main() {
  y[0] = x[0] + 1u;
}`,
});

const scaled = registerFused({
  name: 'KernelbookTestScale',
  inputs: ['x'],
  forward: ({ x }, { scale }: { scale: number }, run) => {
    const n = x.shape.reduce((product, extent) => product * extent, 1);
    const index = backend().makeTensorInfo(
      [n],
      'int32',
      Int32Array.from({ length: n }, (_, i) => i),
    );
    const { picked, shifted } = run(mix, {
      inputs: { x, index },
      outputs: { picked: { shape: x.shape }, shifted: { shape: [n] } },
      uniforms: { n, offset: 0, scale },
      workgroups: spread(Math.ceil(n / 64)),
    });
    for (const { dataId } of [index, shifted]) backend().disposeData(dataId);
    return [picked];
  },
  gradient: { backward: ([dy], _saved, { scale }) => ({ x: () => tf.mul(dy!, scale) }) },
});

function runMix(n: number, workgroups = spread(Math.ceil(n / 64))) {
  const x = fromNdArray(seededNormal([n], 1));
  const index = tf.range(0, n, 1, 'int32').reverse() as tf.Tensor;
  const out = launch(backend(), mix, {
    inputs: { x, index },
    outputs: { picked: { shape: [n] }, shifted: { shape: [n] } },
    uniforms: { n, offset: -3, scale: 0.5 },
    workgroups,
  });
  return { x, picked: tensor(out.picked), shifted: tensor(out.shifted) };
}

describe('launcher', () => {
  eachBackend(() => {
    it.each([1, 63, 64, 1001])('several inputs, outputs and uniforms, %i elements', async (n) => {
      const { x, picked, shifted } = runMix(n);
      const values = await read(x);
      expect(Array.from(await read(picked))).toEqual(Array.from(values, (v) => v / 2).reverse());
      expect(Array.from(await read(shifted))).toEqual(Array.from({ length: n }, (_, i) => n - 1 - i - 3));
      expect(shifted.dtype).toBe('int32');
    });

    it('runs in order with the operations around it', async () => {
      let y = tf.ones([33]);
      for (let i = 0; i < 40; i++) y = scaled.run({ x: y.add(1) }, { scale: 0.5 })[0]!;
      expect(Array.from(await read(y.sub(1)))).toEqual(Array(33).fill(0));
    });

    it('more workgroups than one dimension holds', () => {
      expect(spread(65535)).toEqual([65535, 1]);
      const [x, y] = spread(70000);
      expect(x * y).toBeGreaterThanOrEqual(70000);
      expect(Math.max(x, y)).toBeLessThanOrEqual(65535);
    });

    it('an empty output needs no dispatch', async () => {
      const [y] = scaled.run({ x: tf.zeros([0, 4]) }, { scale: 2 });
      expect(y!.shape).toEqual([0, 4]);
      expect((await read(y!)).length).toBe(0);
    });

    it('a gradient that the tape and tidy know', async () => {
      const x = tf.tensor([1, 2, 3]);
      const gradient = tf.grad((v) => scaled.run({ x: v }, { scale: 3 })[0]!.square())(x);
      expect(Array.from(await read(gradient))).toEqual([18, 36, 54]);
      const before = tf.memory().numTensors;
      tf.tidy(() => void tf.grad((v) => scaled.run({ x: v }, { scale: 3 })[0]!)(x));
      expect(tf.memory().numTensors).toBe(before);
    });

    it('the record says what ran', async () => {
      const record = launchedKernels();
      record.reset();
      scaled.run({ x: tf.ones([3]) }, { scale: 1 });
      scaled.run({ x: tf.ones([3]) }, { scale: 1 });
      tf.tensor([1, 2], [2], 'int32').cast('float32');
      expect(record.list()).toEqual(['test.mix']);
      expect(record.count('test.mix')).toBe(2);
      record.reset();
      expect(record.list()).toEqual([]);
    });

    it('refuses what does not fit, naming the kernel and the buffer', () => {
      const x = tf.ones([8]);
      const index = tf.zeros([8], 'int32');
      const shapes = { picked: { shape: [8] }, shifted: { shape: [8] } };
      const uniforms = { n: 8, offset: 0, scale: 1 };
      const attempt = (change: object) => () =>
        launch(backend(), mix, {
          inputs: { x, index },
          outputs: shapes,
          uniforms,
          workgroups: [1],
          ...change,
        });
      expect(attempt({ inputs: { x, index: x } })).toThrow(
        'test.mix: buffer index of shape [8] holds float32',
      );
      expect(attempt({ inputs: { x: tf.zeros([0]), index } })).toThrow('buffer x of shape [0] is empty');
      expect(attempt({ uniforms: { ...uniforms, n: 1.5 } })).toThrow('uniform n must be u32, got 1.5');
      expect(attempt({ uniforms: { ...uniforms, n: -1 } })).toThrow('uniform n must be u32, got -1');
      expect(attempt({ workgroups: [70000] })).toThrow(
        'workgroups [70000,1,1] must be integers of 1 to 65535',
      );
      expect(attempt({ workgroups: [0] })).toThrow('spread()');
      const large = Math.floor(backend().gpu.device.limits.maxStorageBufferBindingSize / 4) + 1;
      expect(attempt({ outputs: { ...shapes, picked: { shape: [large] } } })).toThrow(
        'this device binds at most',
      );
    });

    it('vector elements must divide the buffer', () => {
      const quads = defineKernel({
        name: 'test.quads',
        inputs: { x: 'vec4<f32>' },
        outputs: { y: 'vec4<f32>' },
        code: '@compute @workgroup_size(1) fn main() { y[0] = x[0]; }',
      });
      const run = (n: number) =>
        launch(backend(), quads, {
          inputs: { x: tf.ones([n]) },
          outputs: { y: { shape: [n] } },
          uniforms: {},
          workgroups: [1],
        });
      expect(() => run(6)).toThrow('not a multiple of 16 as vec4<f32> needs');
      expect(() => run(8)).not.toThrow();
    });

    it('half precision travels packed in int32 tensors', async (context) => {
      if (!backend().gpu.features.includes('shader-f16')) context.skip('this device has no shader-f16');
      const pack = defineKernel({
        name: 'test.pack',
        extensions: ['f16'],
        inputs: { x: 'vec2<f32>' },
        outputs: { y: 'vec2<f16>' },
        code: '@compute @workgroup_size(1) fn main(@builtin(workgroup_id) g: vec3u) { y[g.x] = vec2<f16>(x[g.x]); }',
      });
      const { y } = launch(backend(), pack, {
        inputs: { x: tf.tensor([1, -2, 0.5, 65504]) },
        outputs: { y: { shape: [2] } },
        uniforms: {},
        workgroups: [2],
      });
      // IEEE 754 binary16, low half first: 1 is 3c00, -2 is c000, 0.5 is 3800, 65504 is 7bff.
      expect(Array.from(await read(tensor(y)))).toEqual([0xc0003c00 | 0, 0x7bff3800]);
    });

    it('a kernel that does not compile throws at the readback, then at the next launch', async () => {
      const run = () =>
        launch(backend(), broken, {
          inputs: { x: tf.ones([4]) },
          outputs: { y: { shape: [4] } },
          uniforms: {},
          workgroups: [1],
        });
      const failure = await read(tensor(run().y)).catch((error: unknown) => error);
      expect(failure).toBeInstanceOf(GpuError);
      expect((failure as Error).message).toContain('fused kernel test.broken does not compile');
      expect((failure as Error).message).toContain('line 4');
      expect((failure as Error).message).toContain('y[0] = x[0] + 1u;');
      expect(run).toThrow('test.broken does not compile');
      expect(Array.from(await read(tf.add(1, 1)))).toEqual([2]);
    });

    it('a failed launch gives its outputs back', () => {
      const before = backend().numDataIds();
      const x = tf.ones([8]);
      expect(() =>
        launch(backend(), mix, {
          inputs: { x, index: x },
          outputs: { picked: { shape: [8] }, shifted: { shape: [8] } },
          uniforms: { n: 8, offset: 0, scale: 1 },
          workgroups: [1],
        }),
      ).toThrow();
      x.dispose();
      expect(backend().numDataIds()).toBe(before);
    });

    it('device time of fused and plain operations', async (context) => {
      if (!backend().gpu.features.includes('timestamp-query')) context.skip('this device has no timestamps');
      const x = fromNdArray(seededNormal([64, 64], 1));
      const { method, deviceMs, wallMs, kernels, result } = await withGpuTiming(() =>
        tf.matMul(scaled.run({ x }, { scale: 2 })[0]!, x),
      );
      expect(method).toBe('timestamps');
      expect(kernels.map(({ name }) => name)).toContain('test.mix');
      expect(kernels.length).toBe(2);
      expect(kernels.every(({ ms }) => ms > 0)).toBe(true);
      expect(deviceMs).toBeCloseTo(
        kernels.reduce((sum, { ms }) => sum + ms, 0),
        9,
      );
      expect(wallMs).toBeGreaterThan(0);
      expect(result.shape).toEqual([64, 64]);
    });
  }, ['webgpu']);
});

describe('without the webgpu backend', () => {
  eachBackend(() => {
    it('the fused form is not available', () => {
      expect(scaled.available()).toBe(false);
    });
    it('device time is wall time', async () => {
      const { method, kernels, deviceMs, wallMs } = await withGpuTiming(() => tf.ones([3]).add(1));
      expect({ method, kernels }).toEqual({ method: 'wall', kernels: [] });
      expect(deviceMs).toBe(wallMs);
    });
  }, ['cpu', 'wasm', 'tensorflow']);
});
