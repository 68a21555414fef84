/**
 * The kernels of the matrix units: executed on Mesa 26's software Vulkan in a child process; their shapes chosen from what a
 * device offers; and the code for the matrices of NVIDIA GPUs, which no machine of the tests has, accepted by Dawn's compiler.
 */
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import type { HalfReport } from '../../../scripts/half/command.js';
import { mesa26Launcher } from '../../../scripts/setup/mesa26.js';
import { packageRoot } from '../../../scripts/setup/part.js';
import { tryProgram } from '../../../scripts/setup/probe.js';
import { type MatrixUnit, matrixUnit } from '../../../src/compute/subgroup-matrix.js';
import {
  matrixFits,
  matrixForwardKernel,
  matrixLayout,
} from '../../../src/layers/attention/flash-attention-matrix.wgsl.js';
import { acrossFor, matrixKernel } from '../../../src/layers/matmul/matrix-matmul.wgsl.js';
import { describeRequires } from '../../support/requires.js';

describeRequires('subgroup-matrix', 'on Mesa 26', () => {
  it('products and attention by the matrix units match the oracles', () => {
    const { command, args, env } = mesa26Launcher()!;
    const main = path.join(packageRoot, 'dist', 'scripts', 'main.js');
    const child = spawnSync(command, [...args, main, 'check-half', '--matrix-units', '--json'], {
      encoding: 'utf8',
      env: { ...process.env, ...env },
    });
    expect(child.stderr).not.toContain('rror');
    const report = JSON.parse(child.stdout) as HalfReport;
    expect(report.results.filter(({ failure }) => failure !== undefined)).toEqual([]);
    expect([report.device, report.matrixUnit]).toEqual([expect.stringContaining('Mesa 26'), '8x8x8']);
    const ran = (kernel: string) => report.results.filter((result) => result.path === kernel).length;
    // All other kernels of half precision: components.test.ts, on the device of all tests.
    expect(ran('matmul.f16.subgroupMatrix')).toBeGreaterThan(8);
    expect(ran('attention.forward.f16.subgroupMatrix')).toBeGreaterThan(6);
    expect(child.status).toBe(0);
  });
});

describe('the matrix unit of a device', () => {
  const features = ['shader-f16', 'subgroups', 'chromium-experimental-subgroup-matrix'];
  const config = (componentType: string, resultComponentType: string, M: number, N: number, K: number) => ({
    componentType,
    resultComponentType,
    M,
    N,
    K,
  });
  const device = (subgroupMinSize: number, subgroupMaxSize: number, ...subgroupMatrixConfigs: object[]) =>
    ({ features, info: { subgroupMinSize, subgroupMaxSize, subgroupMatrixConfigs } }) as never;

  it('is the largest that takes f16 and sums in f32', () => {
    const nvidia = [
      config('i8', 'i32', 16, 16, 32),
      config('f16', 'f16', 16, 16, 16),
      config('f16', 'f32', 16, 8, 8),
      config('f16', 'f32', 16, 16, 16),
      config('f16', 'f32', 16, 8, 16),
    ];
    expect(matrixUnit(device(32, 32, ...nvidia))).toEqual({ M: 16, N: 16, K: 16, lanes: 32 });
  });

  it('is not used where sums are f16, subgroups vary in size, or a feature is missing', () => {
    const good = config('f16', 'f32', 8, 8, 8);
    expect(matrixUnit(device(8, 8, good))).toEqual({ M: 8, N: 8, K: 8, lanes: 8 });
    expect(matrixUnit(device(8, 8, config('f16', 'f16', 8, 8, 8)))).toBeUndefined();
    expect(matrixUnit(device(16, 32, good))).toBeUndefined();
    const { info } = device(8, 8, good) as { info: GPUAdapterInfo };
    expect(matrixUnit({ features: features.slice(1), info })).toBeUndefined();
    expect(matrixUnit({ features, info: {} as GPUAdapterInfo })).toBeUndefined();
  });
});

describe('the matrix product', () => {
  it('takes as many matrices per subgroup as the workgroup memory holds', () => {
    const nvidia: MatrixUnit = { M: 16, N: 16, K: 16, lanes: 32 };
    const across = (memory: number, hardware = true) => acrossFor(nvidia, memory, hardware);
    expect([across(49_152), across(32_768), across(16_384), across(12_000), across(4096)]).toEqual([
      4,
      4,
      2,
      1,
      undefined,
    ]);
    expect(across(49_152, false)).toBe(2);
  });
});

describe('attention by matrix units', () => {
  const nvidia: MatrixUnit = { M: 16, N: 16, K: 16, lanes: 32 };
  it('fits 32 KiB of workgroup memory up to head dim 128', () => {
    expect(matrixFits({ ...nvidia, D: 128 }, 32_768)).toBe(true);
    expect(matrixFits({ ...nvidia, D: 128 }, 16_384)).toBe(false);
    expect(matrixFits({ ...nvidia, D: 129 }, 2 ** 20)).toBe(false);
    expect(matrixFits({ ...nvidia, M: 64, D: 16 }, 2 ** 20)).toBe(false);
    expect(matrixLayout({ ...nvidia, D: 40 })).toMatchObject({
      rows: 64,
      keys: 32,
      features: 48,
      threads: 128,
      parts: 2,
    });
  });
});

describeRequires('webgpu', "Dawn's compiler", () => {
  it('accepts the kernels for 16 x 16 x 16 matrices in subgroups of 32', () => {
    const unit: MatrixUnit = { M: 16, N: 16, K: 16, lanes: 32 };
    const product = { ...unit, widthA: 4, widthB: 1, widthC: 4, across: 4 } as const;
    const kernels = [
      matrixKernel({ ...product, output: 'f16', transposeA: false, transposeB: true }),
      matrixKernel({ ...product, output: 'f32', transposeA: true, transposeB: false }),
      ...[64, 128, 80].map((D) =>
        matrixForwardKernel({ ...unit, D, storage: 'f16', slopes: D === 64, mask: D === 80, unrolled: true }),
      ),
    ];
    const script = `
      const { create, globals } = await import('webgpu');
      Object.assign(globalThis, globals);
      globalThis.gpu = create(['backend=null', 'enable-dawn-features=allow_unsafe_apis']);
      const adapter = await globalThis.gpu.requestAdapter();
      const requiredFeatures = ['shader-f16', 'subgroups', 'chromium-experimental-subgroup-matrix'];
      const device = await adapter.requestDevice({ requiredFeatures });
      const accepted = [];
      for (const code of JSON.parse(process.env.KERNELS)) {
        device.pushErrorScope('validation');
        device.createShaderModule({ code });
        const refusal = await device.popErrorScope();
        if (refusal) { console.error('error: ' + refusal.message); process.exit(1); }
        accepted.push(code.length > 1000);
      }
      console.log(JSON.stringify(accepted));
      process.exit(0);`;
    const KERNELS = JSON.stringify(kernels.map(({ header, code }) => header + code));
    const child = tryProgram(process.execPath, ['--input-type=module', '-e', script], 120, { KERNELS });
    expect(child.reason).toBe('');
    expect(JSON.parse(child.stdout)).toEqual([true, true, true, true, true]);
  });
});
