/**
 * Runs cells in a process of its own, as the kernel does, from the built package: `runCells(folder, steps)`. A step is
 * a cell, or a file to write between cells. What goes to stderr comes back with the cell it belongs to.
 */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { packageRoot } from '../../../kernel/package-root.js';

export type Step = string | { write: string; text: string };

export interface StepResult {
  text?: string;
  error?: string;
  traceback?: string;
  plain?: string;
}

export interface RunResult {
  cells: StepResult[];
  stderr: { cell: number | null; text: string }[];
  /** What the process itself printed as errors or warnings. */
  printed: string;
  code: number | null;
}

function program(folder: string, steps: Step[]): string {
  const built = (...path: string[]) =>
    JSON.stringify(pathToFileURL(join(packageRoot(), 'dist', 'kernel', ...path)).href);
  return `
    import { writeFileSync, utimesSync } from 'node:fs';
    import { join } from 'node:path';
    import { CheckerEngine } from ${built('language', 'checker-engine.js')};
    import { Evaluator } from ${built('evaluator', 'evaluator.js')};
    const cwd = ${JSON.stringify(folder)};
    const cells = [], stderr = [];
    const engine = new CheckerEngine({ cwd });
    const evaluator = new Evaluator({ cwd, host: {
      display() {},
      stderr: (text, context) => stderr.push({ cell: context?.count ?? null, text: text.replace(/\\u001b\\[\\d+m/g, '') }),
    } });
    let count = 0, time = 1700000000;
    for (const step of ${JSON.stringify(steps)}) {
      if (typeof step !== 'string') {
        const path = join(cwd, step.write);
        writeFileSync(path, step.text);
        utimesSync(path, time, time++);
        continue;
      }
      const compiled = engine.compile(step, { count: ++count });
      if (!compiled.ok) { cells.push({ plain: compiled.plain }); continue; }
      const outcome = await new Promise((done) => evaluator.run(compiled.cell, undefined, done));
      if (outcome.status === 'ok') { engine.commit(compiled.token); cells.push({ text: outcome.result?.['text/plain'] }); }
      else {
        engine.commit(compiled.token, outcome.undone);
        cells.push({ error: outcome.ename + ': ' + outcome.evalue, traceback: outcome.traceback.join('\\n').replace(/\\u001b\\[\\d+m/g, '') });
      }
    }
    process.stdout.write(JSON.stringify({ cells, stderr }));
  `;
}

export async function runCells(folder: string, steps: Step[]): Promise<RunResult> {
  const child = spawn(process.execPath, ['--input-type=module', '--eval', program(folder, steps)], {
    cwd: folder,
  });
  const output: Record<'stdout' | 'stderr', string> = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (chunk: string) => {
      output[name] += chunk;
    });
  }
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve));
  if (!output.stdout) throw new Error(`the process printed no result: ${output.stderr}`);
  const parsed = JSON.parse(output.stdout) as Pick<RunResult, 'cells' | 'stderr'>;
  return { ...parsed, printed: output.stderr, code };
}
