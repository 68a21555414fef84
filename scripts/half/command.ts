/**
 * `kernelbook check-half`: the half-precision kernels against their oracles on this machine's WebGPU device, or, with
 * --mesa26, in a child process on Mesa 26's software Vulkan, which executes subgroup matrices.
 */
import { spawnSync } from 'node:child_process';
import type { Command } from 'commander';
import type { HalfResult } from './checks.js';

export interface HalfReport {
  device: string;
  /** The matrix unit of the device, e.g. `8x8x8`; absent where it has none. */
  matrixUnit?: string;
  results: HalfResult[];
}

interface CheckOptions {
  matrixUnits?: boolean;
  json?: boolean;
}

export function registerCheckHalf(program: Command): void {
  program
    .command('check-half')
    .description('check the half-precision kernels on the webgpu backend against their float64 oracles')
    .option(
      '--mesa26',
      'on Mesa 26 software Vulkan, which has subgroup matrices; fetched where it is missing',
    )
    .option('--matrix-units', 'only what the matrix units of the device compute')
    .option('--json', 'print the report as JSON')
    .action(async ({ mesa26, ...options }: CheckOptions & { mesa26?: boolean }) => {
      if (mesa26) process.exitCode = await onMesa26(options);
      else process.exitCode = await checkHere(options);
      // Dawn's threads keep the process alive.
      process.exit();
    });
}

async function onMesa26({ matrixUnits, json }: CheckOptions): Promise<number> {
  const { installMesa26, mesa26Launcher } = await import('../setup/mesa26.js');
  const failure = mesa26Launcher() ? undefined : installMesa26((line) => console.error(line));
  const launcher = mesa26Launcher();
  if (failure !== undefined || !launcher) {
    console.error(`check-half: skipped: Mesa 26 cannot be had here: ${failure}`);
    return 7;
  }
  const args = [...(matrixUnits ? ['--matrix-units'] : []), ...(json ? ['--json'] : [])];
  const child = spawnSync(launcher.command, [...launcher.args, process.argv[1]!, 'check-half', ...args], {
    stdio: 'inherit',
    env: { ...process.env, ...launcher.env },
  });
  return child.status ?? 1;
}

async function checkHere({ matrixUnits, json }: CheckOptions): Promise<number> {
  const { useBackend } = await import('../../src/compute/backend.js');
  const { matrixUnit } = await import('../../src/compute/subgroup-matrix.js');
  const { openDevice } = await import('../../src/compute/device.js');
  const { halfChecks, matrixUnitChecks, runHalfCheck } = await import('./checks.js');
  let device: string;
  try {
    const backend = await useBackend('webgpu');
    if (!backend.features.includes('shader-f16')) throw new Error(`${backend.device} lacks shader-f16`);
    device = backend.device;
  } catch (error) {
    console.error(`check-half: ${(error as Error).message}`);
    return 2;
  }
  const unit = matrixUnit(await openDevice());
  const report: HalfReport = {
    device,
    ...(unit && { matrixUnit: `${unit.M}x${unit.N}x${unit.K}` }),
    results: [],
  };
  if (!json) console.log(`${device}, matrix unit: ${report.matrixUnit ?? 'none'}`);
  for (const make of matrixUnits ? matrixUnitChecks() : halfChecks('fused')) {
    const result = await runHalfCheck(make);
    report.results.push(result);
    const { name, path, share, failure } = result;
    if (!json)
      console.log(
        `${failure ? 'FAIL' : 'pass'}  ${name}  [${path}]  ${failure ?? `${(share * 100).toFixed(0)} % of the bound`}`,
      );
  }
  if (json) console.log(JSON.stringify(report));
  return report.results.some(({ failure }) => failure !== undefined) ? 3 : 0;
}
