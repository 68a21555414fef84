/**
 * The program of the bundle: golden cases, fused kernels against their oracles, benchmark; results after every step.
 * Exit status 0 all passed on a GPU (or anywhere with --allow-software), 1 a check failed, 2 no usable GPU.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { type BackendInfo, useBackend } from '../../src/compute/backend.js';
import { launchedKernels } from '../../src/compute/launch.js';
import { readCase } from '../../src/workbench/golden/case.js';
import { type CaseResult, runCase } from '../../src/workbench/golden/run.js';
import { benchGpu } from '../bench/bench-gpu.js';
import { type BenchSize, benchSizes } from '../bench/cases/index.js';
import { type HalfResult, halfChecks, runHalfCheck } from '../half/checks.js';
import { fusedChecks } from './fused-checks.js';
import { allPassed, type Check, type Results, writeResults } from './results.js';

const noGpu = 2;

async function main(): Promise<number> {
  const options = readOptions();
  let backend: BackendInfo;
  try {
    backend = await useBackend('webgpu');
  } catch (error) {
    console.error(`no GPU: ${(error as Error).message}`);
    return noGpu;
  }
  console.log(`${backend}`);
  if (options.probe) return backend.hardware ? 0 : noGpu;

  const versions = JSON.parse(
    readFileSync(new URL('versions.json', import.meta.url), 'utf8'),
  ) as Results['versions'];
  const { device, driver, hardware, features } = backend;
  const results: Results = {
    startedAt: new Date().toISOString(),
    versions,
    backend: { device, driver, hardware, features },
    golden: [],
    fused: [],
  };
  const save = () => writeResults(options.output, results);

  for (const name of readdirSync(options.golden).sort()) {
    if (name.endsWith('.safetensors')) {
      const result = await readCase(path.join(options.golden, name)).then(
        (golden) => runCase(golden),
        (error: Error): CaseResult => ({ status: 'failed', reason: error.message }),
      );
      results.golden.push(say(toCheck(name.replace(/\.safetensors$/, ''), result)));
    } else if (existsSync(path.join(options.golden, name, 'config.json'))) {
      results.golden.push(say(toCheck(name, { status: 'not implemented', op: 'language_model' })));
    }
  }
  save();

  const launched = launchedKernels();
  for (const make of fusedChecks) {
    const golden = make();
    launched.reset();
    const check = toCheck(golden.name, await runCase(golden, 'fused'));
    // A check of a fused kernel that launches none would prove nothing.
    const ran = launched.list();
    results.fused.push(
      say(
        check.verdict === 'pass' && ran.length === 0
          ? { ...check, verdict: 'fail', detail: 'no fused kernel ran' }
          : check,
      ),
    );
  }
  if (backend.features.includes('shader-f16')) {
    for (const make of halfChecks('fused')) results.fused.push(say(halfCheck(await runHalfCheck(make))));
  } else {
    console.log('half precision: not checked, the device lacks shader-f16');
  }
  save();

  if (options.bench) {
    try {
      results.bench = await benchGpu({
        size: options.size,
        commit: versions.commit,
        command: './run-gpu-checks',
        onCase: (name, shape) => console.log(`bench  ${name}  ${shape}`),
      });
    } catch (error) {
      results.benchError = (error as Error).message;
      console.error(`bench: ${results.benchError}`);
    }
    save();
  }

  const all = [...results.golden, ...results.fused];
  const count = (verdict: Check['verdict']) => all.filter((check) => check.verdict === verdict).length;
  console.log(`results: ${path.join(options.output, 'results.md')}, results.json`);
  console.log(`not implemented: ${count('not implemented')}`);
  console.log(`${count('pass')} passed, ${count('fail')} failed`);
  if (!allPassed(results)) return 1;
  if (hardware || options.allowSoftware) return 0;
  console.error(
    'no GPU: the checks passed on software Vulkan, which says nothing about a GPU (--allow-software)',
  );
  return noGpu;
}

function readOptions() {
  const { values } = parseArgs({
    options: {
      probe: { type: 'boolean', default: false },
      golden: { type: 'string', default: 'golden' },
      output: { type: 'string', default: 'results' },
      size: { type: 'string' },
      'no-bench': { type: 'boolean', default: false },
      'allow-software': { type: 'boolean', default: false },
    },
  });
  const size = values.size as BenchSize | undefined;
  if (size !== undefined && !benchSizes.includes(size)) {
    throw new RangeError(`--size must be one of ${benchSizes.join(', ')}, got ${size}`);
  }
  const { probe, golden, output, 'no-bench': noBench, 'allow-software': allowSoftware } = values;
  return { probe, golden, output, size, bench: !noBench, allowSoftware };
}

function toCheck(name: string, result: CaseResult): Check {
  if (result.status === 'not implemented') return { name, verdict: 'not implemented', detail: result.op };
  const verdict = result.status === 'passed' ? 'pass' : 'fail';
  if ('reason' in result) return { name, verdict, detail: result.reason };
  const { error, bound, array } = result.worst;
  if (array === '') return { name, verdict, share: 0, detail: 'exact' };
  const detail = `max error ${error.toExponential(1)}, bound ${bound.toExponential(1)} in ${array}`;
  return { name, verdict, share: error / bound, detail };
}

/** The kernel that ran is told, so that the results show whether the matrix units were used. */
function halfCheck({ name, path, share, failure }: HalfResult): Check {
  const of = `half precision: ${name} [${path}]`;
  if (failure !== undefined) return { name: of, verdict: 'fail', detail: failure };
  return { name: of, verdict: 'pass', share, detail: `${(share * 100).toFixed(0)} % of the bound` };
}

function say(check: Check): Check {
  console.log(`${check.verdict === 'fail' ? 'FAIL' : check.verdict}  ${check.name}  ${check.detail}`);
  return check;
}

// Dawn's threads keep the process alive, and a check that throws outside a case must not pass for an unusable GPU.
main().then(
  (status) => process.exit(status),
  (error: unknown) => {
    console.error(error);
    process.exit(1);
  },
);
