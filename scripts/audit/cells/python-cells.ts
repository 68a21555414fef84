/** Code cells in Python, read by Python's own parser in the interpreter of the kernel. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import type { KernelSpec } from '../../../kernel/kernelspec.js';
import { packageRoot } from '../../../kernel/package-root.js';
import { toUtf16 } from '../../../kernel/protocol/cursor.js';
import { collectOutput } from '../../child-output.js';
import { type Argument, type CellAnalysis, type CheckCall, type Mutation, nothingKnown } from './cell.js';

type Told =
  | { fault: string }
  | {
      reads: string[];
      writes: string[];
      checks: (Omit<CheckCall, 'name'> & { name?: string })[];
      mutations: Mutation[];
      thrown: string[];
    };

/** Where the interpreter cannot be asked, every cell says so. */
export async function analysePython(sources: readonly string[], spec: KernelSpec): Promise<CellAnalysis[]> {
  let told: Told[];
  try {
    told = JSON.parse(await askPython(spec.argv[0]!, JSON.stringify(sources))) as Told[];
  } catch (error) {
    const fault = `the interpreter of ${spec.name} could not be asked: ${(error as Error).message}`;
    return sources.map(() => ({ ...nothingKnown, fault }));
  }
  return sources.map((source, n) => inUtf16(source, told[n]!));
}

async function askPython(interpreter: string, input: string): Promise<string> {
  const script = join(packageRoot(), 'scripts', 'audit', 'python', 'analyse.py');
  const child = spawn(interpreter, ['-I', script], { stdio: ['pipe', 'pipe', 'pipe'] });
  const output = collectOutput(child);
  const ended = new Promise<number | null>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', resolve);
  });
  child.stdin.on('error', () => {}); // it has ended, and says why
  child.stdin.end(input);
  const status = await ended;
  if (status !== 0) throw new Error(output.stderr.trim().split('\n').at(-1) || `it ended with ${status}`);
  return output.stdout;
}

/** Python counts code points. */
function inUtf16(source: string, told: Told): CellAnalysis {
  if ('fault' in told) return { ...nothingKnown, fault: told.fault };
  const move = <T extends { start: number }>(one: T): T => ({
    ...one,
    start: toUtf16(source, one.start),
    ...('end' in one && { end: toUtf16(source, one.end as number) }),
  });
  const argument = (one: Argument): Argument => ({ ...move(one), constants: one.constants.map(move) });
  return {
    reads: new Set(told.reads),
    writes: new Set(told.writes),
    checks: told.checks.map((one) => ({ ...move(one), name: one.name, args: one.args.map(argument) })),
    profiles: [],
    mutations: told.mutations.map(move),
    thrown: told.thrown,
  };
}
