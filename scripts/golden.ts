/**
 * `kernelbook golden DIR`: runs a folder of golden cases on a backend, forward and gradients, one line per case.
 * Exit code 0 when all that is implemented passes, 1 when a case fails, 2 when the folder or the backend is absent.
 */
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { type Command, Option } from 'commander';
import type { BackendName } from '../src/compute/backend.js';
import type { KernelPath } from '../src/compute/path.js';
import type { CaseResult } from '../src/workbench/golden/run.js';

interface GoldenOptions {
  backend?: BackendName;
  path: KernelPath;
}

export function registerGolden(program: Command): void {
  program
    .command('golden')
    .description('run a folder of golden cases on a backend and compare with the reference')
    .argument('<dir>', 'folder of *.safetensors cases and model folders')
    .addOption(
      new Option('--backend <name>', 'engine to run on (default: the best one present)').choices([
        'webgpu',
        'tensorflow',
        'wasm',
        'cpu',
      ]),
    )
    .addOption(
      new Option('--path <path>', 'insist on the fused kernels or on the composed form')
        .choices(['auto', 'fused', 'composed'])
        .default('auto'),
    )
    .action(async (dir: string, options: GoldenOptions) => {
      process.exitCode = await golden(dir, options);
    });
}

async function golden(dir: string, { backend, path }: GoldenOptions): Promise<number> {
  if (!existsSync(dir) || !statSync(dir).isDirectory()) {
    console.error(`kernelbook golden: there is no folder '${dir}'`);
    return 2;
  }
  const { files, models } = casesIn(dir);
  if (files.length + models.length === 0) {
    console.error(
      `kernelbook golden: '${dir}' holds no cases (*.safetensors files, or folders with a config.json)`,
    );
    return 2;
  }
  const { useBackend } = await import('../src/compute/backend.js');
  try {
    console.log(`backend: ${await useBackend(backend)}`);
  } catch (error) {
    console.error(`kernelbook golden: ${(error as Error).message}`);
    return 2;
  }
  const { readCase } = await import('../src/workbench/golden/case.js');
  const { runCase } = await import('../src/workbench/golden/run.js');
  const { runModelCase } = await import('../src/workbench/golden/model-case.js');
  const tally = new Tally();
  for (const file of files) {
    const result = await readCase(join(dir, file)).then(
      (loaded) => runCase(loaded, path),
      (error: Error): CaseResult => ({ status: 'failed', reason: error.message }),
    );
    tally.add(file.replace(/\.safetensors$/, ''), result);
  }
  for (const model of models) tally.add(model, await runModelCase(join(dir, model), path));
  return tally.finish();
}

function casesIn(dir: string): { files: string[]; models: string[] } {
  const entries = readdirSync(dir, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1));
  const isModel = (name: string) => existsSync(join(dir, name, 'config.json'));
  return {
    files: entries
      .filter((entry) => entry.isFile() && entry.name.endsWith('.safetensors'))
      .map(({ name }) => name),
    models: entries.filter((entry) => entry.isDirectory() && isModel(entry.name)).map(({ name }) => name),
  };
}

class Tally {
  private passed = 0;
  private failed = 0;
  private readonly missing = new Map<string, number>();

  add(name: string, result: CaseResult): void {
    if (result.status === 'not implemented') {
      this.missing.set(result.op, (this.missing.get(result.op) ?? 0) + 1);
      console.log(`not implemented  ${name}  (${result.op})`);
      return;
    }
    if (result.status === 'passed') this.passed++;
    else this.failed++;
    console.log(`${result.status === 'passed' ? 'pass' : 'FAIL'}  ${name}  ${detail(result)}`);
  }

  finish(): number {
    const total = [...this.missing.values()].reduce((sum, count) => sum + count, 0);
    if (total > 0) {
      const list = [...this.missing].map(([op, count]) => `${op} ${count}`).join(', ');
      console.log(`not implemented: ${total} (${list})`);
    }
    console.log(`${this.passed} passed, ${this.failed} failed`);
    return this.failed > 0 ? 1 : 0;
  }
}

function detail(result: Exclude<CaseResult, { status: 'not implemented' }>): string {
  if ('reason' in result) return result.reason;
  const { worst, compared } = result;
  const where =
    worst.array === ''
      ? 'exact'
      : `max error ${short(worst.error)}, bound ${short(worst.bound)} in ${worst.array}`;
  return `${where}  [${compared.join(' ')}]`;
}

function short(value: number): string {
  return value.toExponential(1);
}
