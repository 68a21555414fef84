/** The steps of `kernelbook test`: setup, style and type check, Vitest, summary. */
import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { packageRoot, reportVariable } from '../setup/part.js';
import { reportFile, setup } from '../setup/setup.js';
import { type TestReport, testReportVariable } from './reporter.js';
import { formatSummary, type Summary, summarise } from './summary.js';

const reporter = fileURLToPath(new URL('./reporter.js', import.meta.url));
const bin = (name: string): string => path.join(packageRoot, 'node_modules', '.bin', name);
const checks = [
  {
    name: 'style (biome ci)',
    command: [bin('biome'), 'ci', `--colors=${process.stdout.isTTY ? 'force' : 'off'}`, '.'],
  },
  {
    name: 'types (tsc --noEmit)',
    // Not .bin/tsc: tslab brings an older TypeScript that offers the same name.
    command: [
      process.execPath,
      path.join(packageRoot, 'node_modules', 'typescript', 'bin', 'tsc'),
      '-p',
      'tsconfig.json',
      '--noEmit',
    ],
  },
];

/** Runs everything; true when all of it passed. */
export async function runTests(
  filters: string[],
  options: { setup: boolean; check: boolean },
): Promise<boolean> {
  // The setup mostly waits for package servers: the checks run meanwhile, and are shown after it.
  const running = (options.check ? checks : []).map((check) => ({ ...check, result: start(check.command) }));
  const report = setup({ install: options.setup });
  const failedChecks: typeof checks = [];
  for (const { name, command, result } of running) {
    const { ok, output } = await result;
    if (output.trim() !== '') console.log(output.trimEnd());
    console.log(`check: ${name}: ${ok ? 'passed' : 'FAILED'}`);
    if (!ok) failedChecks.push({ name, command });
  }

  const json = path.join(packageRoot, '.cache', 'vitest.json');
  mkdirSync(path.dirname(json), { recursive: true });
  rmSync(json, { force: true });
  const status = runVisibly(
    [bin('vitest'), 'run', '--reporter=default', `--reporter=${reporter}`, ...filters],
    { [reportVariable]: reportFile, [testReportVariable]: json, KERNELBOOK_NO_BUILD: '1' },
  );
  const summary = summarise(readReport(json), report, path.join(packageRoot, 'test'));
  if (options.check) addChecks(summary, failedChecks);
  if (status !== 0 && summary.failed === 0) {
    summary.failed++;
    summary.failures.push(
      `Vitest ended with exit status ${status}, though no test failed: see its output above`,
    );
  }
  console.log(`\n${formatSummary(summary)}`);
  return summary.failed === 0 && status === 0;
}

function addChecks(summary: Summary, failed: typeof checks): void {
  const passed = checks.length - failed.length;
  summary.suites.unshift({ suite: 'check', passed, failed: failed.length, skipped: 0 });
  summary.passed += passed;
  summary.failed += failed.length;
  summary.failures.unshift(...failed.map(({ name }) => `check: ${name}`));
}

function readReport(file: string): TestReport {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as TestReport;
  } catch {
    return { files: [], errors: [] };
  }
}

function start([command, ...args]: string[]): Promise<{ ok: boolean; output: string }> {
  const child = spawn(command!, args, { cwd: packageRoot, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (status) => resolve({ ok: status === 0, output }));
  });
}

function runVisibly([command, ...args]: string[], env: Record<string, string> = {}): number {
  const child = spawnSync(command!, args, {
    cwd: packageRoot,
    stdio: 'inherit',
    env: { ...process.env, ...env },
  });
  return child.status ?? 1;
}
