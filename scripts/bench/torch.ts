/** The same cases in PyTorch, in a Python of the user's choice, put beside the result; a missing PyTorch is a reason, no error. */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../../kernel/package-root.js';
import type { Spread } from '../../src/workbench/profile/index.js';
import { collectOutput } from '../child-output.js';
import type { BenchResult } from './bench-gpu.js';

interface Answer {
  device: string;
  rows: Record<string, Spread>[];
}

/** The result with PyTorch's times in its rows, or with the reason why there are none. */
export async function withTorch(result: BenchResult, python: string, seconds = 0.5): Promise<BenchResult> {
  const script = join(packageRoot(), 'scripts', 'bench', 'time_in_torch.py');
  if (!existsSync(script)) return { ...result, torch: `skipped: ${script} is missing` };
  const cases = result.rows.map(({ op, gradient, sizes }) => ({ op, gradient, sizes }));
  try {
    const answer = parse(await run(python, [script], JSON.stringify({ seconds, cases })), cases.length);
    return {
      ...result,
      torch: answer.device,
      rows: result.rows.map((row, n) =>
        Object.keys(answer.rows[n]!).length > 0 ? { ...row, torch: answer.rows[n]! } : row,
      ),
    };
  } catch (error) {
    return { ...result, torch: `skipped: ${(error as Error).message}` };
  }
}

function parse(text: string, count: number): Answer {
  // Whatever a library printed before is not ours.
  const answer = JSON.parse(text.trim().split('\n').at(-1)!) as Answer;
  if (answer.rows?.length !== count) throw new Error(`got ${answer.rows?.length} results for ${count} cases`);
  return answer;
}

function run(command: string, args: string[], input: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'] });
    const output = collectOutput(child);
    child.on('error', (error) => reject(new Error(`${command} does not start: ${error.message}`)));
    child.on('close', (code) => {
      const last = output.stderr.trim().split('\n').at(-1) ?? '';
      if (code === 0) resolve(output.stdout);
      else reject(new Error(`${command} ended with status ${code}: ${last}`));
    });
    // A child that ended before it read everything says why by its status.
    child.stdin.on('error', () => {});
    child.stdin.end(input);
  });
}
