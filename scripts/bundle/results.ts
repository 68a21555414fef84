/** What a run of the bundle found, as JSON and as Markdown; written anew after every step, so that a crash loses little. */
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { BenchResult } from '../bench/bench-gpu.js';
import { benchMarkdown } from '../bench/markdown.js';

export interface Check {
  /** Golden case, or fused kernel and shape. */
  name: string;
  verdict: 'pass' | 'fail' | 'not implemented';
  /** Largest error relative to its bound (1 = at the bound), where values were compared. */
  share?: number;
  detail: string;
}

export interface Results {
  startedAt: string;
  versions: Record<string, string | undefined>;
  backend: { device: string; driver: string; hardware: boolean; features: readonly string[] };
  golden: Check[];
  fused: Check[];
  bench?: BenchResult;
  /** Why the benchmark has no result. */
  benchError?: string;
}

export function writeResults(folder: string, results: Results): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(path.join(folder, 'results.json'), `${JSON.stringify(results, null, 2)}\n`);
  writeFileSync(path.join(folder, 'results.md'), toMarkdown(results));
}

/** Whether every check that ran passed. */
export function allPassed({ golden, fused, benchError }: Results): boolean {
  return benchError === undefined && ![...golden, ...fused].some(({ verdict }) => verdict === 'fail');
}

function toMarkdown(results: Results): string {
  const { backend, versions } = results;
  const caveat = backend.hardware ? [] : ['**Software Vulkan: nothing here says anything about a GPU.**', ''];
  const lines = [
    `# GPU checks: ${backend.device}`,
    '',
    ...caveat,
    `- device: ${backend.device}, driver ${backend.driver}; features: ${backend.features.join(' ') || 'none'}`,
    `- ${Object.entries(versions)
      .map(([name, version]) => `${name} ${version ?? 'unknown'}`)
      .join(', ')}`,
    `- started ${results.startedAt}`,
    '',
    ...section('Golden cases', results.golden),
    ...section('Fused kernels against their float64 oracles', results.fused),
    ...(results.benchError === undefined ? [] : ['## Benchmark', '', `failed: ${results.benchError}`, '']),
    ...(results.bench ? [benchMarkdown(results.bench).replace(/^#/gm, '##')] : []),
  ];
  return `${lines.join('\n').trimEnd()}\n`;
}

function section(title: string, checks: Check[]): string[] {
  if (checks.length === 0) return [];
  const count = (verdict: Check['verdict']) => checks.filter((check) => check.verdict === verdict).length;
  return [
    `## ${title}`,
    '',
    `${count('pass')} passed, ${count('fail')} failed, ${count('not implemented')} not implemented.`,
    '',
    '| check | verdict | error / bound | |',
    '|---|---|---:|---|',
    ...checks.map(
      ({ name, verdict, share, detail }) =>
        `| ${cell(name)} | ${verdict} | ${share === undefined ? '' : share.toPrecision(2)} | ${cell(detail)} |`,
    ),
    '',
  ];
}

const cell = (text: string): string => text.replaceAll('|', '\\|');
