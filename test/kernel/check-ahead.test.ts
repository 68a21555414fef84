/** Run All: the next cell is checked while one runs. Whatever the running cell comes to, the next one behaves as if it had waited. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import type { KernelClient } from '../../kernel/protocol/client.js';
import { descendants } from '../../scripts/processes.js';
import { type CellRun, runCell, shareKernel, startKernel } from './helpers.js';

const folder = mkdtempSync(join(tmpdir(), 'kernelbook-run-all-'));
let kernel: KernelClient;
shareKernel(
  async (started) => {
    kernel = started;
    await runCell(
      kernel,
      `import { existsSync } from 'node:fs'; const sleep = (ms: number) => new Promise((done) => setTimeout(done, ms));`,
    );
  },
  () => startKernel(undefined, { cwd: folder }),
);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** As `runAll`; resolves when the first of them has printed and the others have come. */
async function begunAll(cells: string[]): Promise<{ end: Promise<CellRun[]> }> {
  const begun = new Promise<void>((resolve) => {
    const off = kernel.onMessage(({ type }) => {
      if (type !== 'stream') return;
      off();
      resolve();
    });
  });
  const end = runAll(cells);
  await Promise.race([begun, end]);
  await kernel.request('comm_info', {}); // answered when what was sent before it has come
  return { end };
}

/** All at once, as Run All does; the first ones run long enough for the check of the next. */
function runAll(cells: string[], stopOnError = false): Promise<CellRun[]> {
  return Promise.all(cells.map((code) => runCell(kernel, code, { stopOnError })));
}
const codes = ({ outputs }: CellRun): string[] =>
  /TS\d+/g[Symbol.match](JSON.stringify(outputs.filter(({ type }) => type === 'error'))) ?? [];

it('uses and redeclares the names of the cell before', async () => {
  const runs = await runAll([
    'await sleep(300); let value: number = 41',
    'value += 1; const doubled = value * 2; await sleep(100); doubled',
    'let value: string = "was " + doubled; await sleep(100); value.length',
    'value.toUpperCase()',
  ]);
  expect(runs.map(({ result }) => result)).toEqual([undefined, '84', '6', "'WAS 84'"]);
});

it('after a failed cell the next one knows the names that had their value, and no others', async () => {
  const [failed, next, other, last] = await runAll([
    'const kept = 1; await sleep(300); await Promise.reject(new Error("on purpose")); const lost = 2',
    'const found = kept + 1; found',
    'lost',
    'typeof sleep',
  ]);
  expect(failed!.reply.status).toBe('error');
  expect(next!.result).toBe('2');
  expect(codes(other!)).toContain('TS2304');
  expect(last!.result).toBe("'function'");
});

it('aborted cells leave nothing', async () => {
  const [, next] = await runAll(['await sleep(300); throw new Error("stop")', 'const aborted = 1'], true);
  expect(next!.reply.status).toBe('aborted');
  expect(codes(await runCell(kernel, 'aborted'))).toContain('TS2304');
  expect((await runCell(kernel, 'const aborted = "again"; aborted')).result).toBe("'again'");
});

it('an interrupted cell: the next one is checked with what it came to', async () => {
  const { end } = await begunAll([
    'const half = 1; console.log("runs"); while (true) {}; const unreached = 2',
    'half',
    'unreached',
    'const whole: number = 2; whole',
  ]);
  await kernel.interrupt();
  const [first, next, other, last] = await end;
  expect(first!.reply).toMatchObject({ status: 'error', ename: 'KeyboardInterrupt' });
  expect(next!.result).toBe('1');
  expect(codes(other!)).toContain('TS2304');
  expect(last!.result).toBe('2');
});

it('a file that the cell before writes, or writes anew, is what the next one imports', async () => {
  const write = (value: string) => `fs.writeFileSync('written.ts', 'export const written = ${value};\\n')`;
  const runs = await runAll([
    `import * as fs from 'node:fs'; await sleep(300); ${write('1')}`,
    `import { written } from './written.ts'; written.toFixed(1)`,
    `await sleep(300); ${write('"text"')}`,
    `import { written } from './written.ts'; written.toFixed(1)`,
    `import { written } from './written.ts'; written.toUpperCase()`,
  ]);
  expect(runs[1]!.result).toBe("'1.0'");
  expect(codes(runs[3]!)).toContain('TS2551');
  expect(runs[4]!.result).toBe("'TEXT'");
});

it('the engine dies meanwhile: the next cell is checked by the new one', async () => {
  const runs = await begunAll([
    `console.log('runs'); while (!existsSync('engine-died')) await sleep(20); const before = 1`,
    'const after = before + 1; after',
  ]);
  process.kill(descendants(kernel.pid!)[0]!, 'SIGKILL');
  writeFileSync(join(folder, 'engine-died'), '');
  expect((await runs.end)[1]!.result).toBe('2');
  expect((await runCell(kernel, 'before + after')).result).toBe('3');
});

it('completion answers while a cell runs and the next is checked', async () => {
  // The loop ends when it is told: every answer comes before that.
  const runs = await begunAll([
    "console.log('runs'); const shown = 1; while (!existsSync('completed')) {}",
    'shown',
  ]);
  for (let i = 0; i < 20; i++) expect((await kernel.complete('Math.ma')).matches).toContain('max');
  writeFileSync(join(folder, 'completed'), '');
  expect((await runs.end)[1]!.result).toBe('1');
});
