/** Streams of any size: whole and in order for whoever reads; bounded memory and time where a client does not. */
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { Subscriber } from 'zeromq';
import type { KernelClient } from '../../kernel/protocol/client.js';
import { endpoint } from '../../kernel/protocol/connection-file.js';
import { type CellRun, ofType, runCell, shareKernel } from './helpers.js';

let kernel: KernelClient;
shareKernel((started) => {
  kernel = started;
});

const MiB = 1024 * 1024;
const rss = (pid: number): number =>
  (Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1024) / MiB;
/** The lengths and the first difference say more than two megabytes of text. */
function expectSame(got: string, wanted: string): void {
  expect(got.length).toBe(wanted.length);
  if (got === wanted) return;
  let at = 0;
  while (got[at] === wanted[at]) at++;
  expect(`at ${at}: ${got.slice(at, at + 80)}`).toBe(`at ${at}: ${wanted.slice(at, at + 80)}`);
}
const streams = (run: CellRun) => ofType(run.outputs, 'stream');

test('100,000 lines', async () => {
  const run = await runCell(kernel, 'for (let i = 0; i < 100_000; i++) console.log("line", i)');
  expectSame(run.stdout, Array.from({ length: 100_000 }, (_, i) => `line ${i}\n`).join(''));
  expect(streams(run).length).toBeLessThan(2_000);
});

test('64 MiB in one write, and in many', async () => {
  const line = 'π😀'.repeat(1_000); // characters that must not be cut in two
  const one = await runCell(kernel, `process.stdout.write(${JSON.stringify(line)}.repeat(11_200))`);
  expect(Buffer.byteLength(one.stdout)).toBeGreaterThan(64 * MiB);
  expectSame(one.stdout, line.repeat(11_200));
  const many = await runCell(
    kernel,
    'for (let i = 0; i < 65_536; i++) process.stdout.write(String(i).padEnd(1023, "-") + "\\n")',
  );
  expectSame(
    many.stdout,
    Array.from({ length: 65_536 }, (_, i) => `${String(i).padEnd(1023, '-')}\n`).join(''),
  );
});

test('stdout and stderr in turns: each whole and in order, in few messages', async () => {
  const run = await runCell(
    kernel,
    'for (let i = 0; i < 20_000; i++) i % 2 ? console.error(i) : console.log(i)',
  );
  const numbers = (odd: number) => Array.from({ length: 10_000 }, (_, i) => `${2 * i + odd}\n`).join('');
  expectSame(run.stdout, numbers(0));
  expectSame(run.stderr, numbers(1));
  expect(streams(run).length).toBeLessThan(2_000);
});

test('a client that does not read: the cell ends, others miss nothing, memory is bounded', async () => {
  const { connection } = kernel.process;
  const dead = new Subscriber({ linger: 0, receiveHighWaterMark: 1, receiveBufferSize: 4096 });
  dead.subscribe('');
  dead.connect(endpoint(connection, 'iopub_port'));
  expect(String((await dead.receive())[0])).toBe('');
  const before = rss(kernel.pid!);
  let most = 0;
  const watch = setInterval(() => {
    most = Math.max(most, rss(kernel.pid!));
  }, 100);
  const run = await runCell(
    kernel,
    'for (let i = 0; i < 200; i++) process.stdout.write("y".repeat(2 ** 20))',
  );
  clearInterval(watch);
  expect(run.reply.status).toBe('ok');
  expect(run.stdout.length).toBe(200 * MiB);
  expect(run.stderr).toMatch(/a client that does not read/);
  expect(most - before).toBeLessThan(400);
  expect((await runCell(kernel, '6 * 7')).result).toBe('42');
  dead.close();
});

test('endless output can be stopped, also while a client holds it up, and takes no memory', async () => {
  const dead = new Subscriber({ linger: 0, receiveHighWaterMark: 1, receiveBufferSize: 4096 });
  for (const held of [false, true]) {
    if (held) {
      dead.subscribe('');
      dead.connect(endpoint(kernel.process.connection, 'iopub_port'));
    }
    const before = rss(kernel.pid!);
    const run = kernel.execute('while (true) console.log("x".repeat(1000))');
    await sleep(1_000);
    await kernel.interrupt();
    if (!held) expect(await run).toMatchObject({ status: 'error', ename: 'KeyboardInterrupt' });
    else {
      dead.close();
      expect(await run).toMatchObject({ ename: 'KeyboardInterrupt' });
    }
    expect(rss(kernel.pid!) - before).toBeLessThan(400);
    expect((await runCell(kernel, '"alive"')).result).toBe("'alive'");
  }
});
