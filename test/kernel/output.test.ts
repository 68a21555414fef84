/** Streams and displays: nothing lost, few messages, in order, under the right cell. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { KernelClient } from '../../kernel/protocol/client.js';
import { parentId, type RawMessage } from '../../kernel/protocol/messages.js';
import { begin, eventually, ofType, runCell, shareKernel } from './helpers.js';

let kernel: KernelClient;
shareKernel((started) => {
  kernel = started;
});

test('20,000 lines arrive whole, in few messages', async () => {
  const run = await runCell(kernel, 'for (let i = 0; i < 20_000; i++) console.log("line", i)');
  expect(run.stdout).toBe(Array.from({ length: 20_000 }, (_, i) => `line ${i}\n`).join(''));
  expect(run.outputs.length).toBeLessThan(2_000);
});

test('lines printed with pauses arrive while the cell runs', async () => {
  const subshell = await kernel.createSubshell();
  await runCell(kernel, 'let goOn = () => {};');
  // The cell waits until its first line was seen.
  const { end } = await begin(
    kernel,
    'console.log(1); await new Promise<void>((done) => { goOn = done; }); console.log(2)',
    { until: 'stream' },
  );
  await runCell(kernel, 'goOn()', { subshell });
  const { outputs } = await end;
  expect(ofType(outputs, 'stream').map(({ content }) => content.text)).toEqual(['1\n', '2\n']);
  await kernel.deleteSubshell(subshell);
});

test('a synchronous loop does not hold its output back', async () => {
  // The loop goes on until its line was seen.
  const folder = mkdtempSync(join(tmpdir(), 'kernelbook-output-'));
  const seen = JSON.stringify(join(folder, 'seen'));
  const { end } = await begin(
    kernel,
    `console.log("now"); { const { existsSync } = require('node:fs'); while (!existsSync(${seen})) {} }`,
    { until: 'stream' },
  );
  writeFileSync(join(folder, 'seen'), '');
  expect((await end).stdout).toBe('now\n');
  rmSync(folder, { recursive: true });
});

test('the order of stdout, stderr and displays is kept', async () => {
  const run = await runCell(
    kernel,
    'console.log("a"); console.error("b"); console.log("c"); await display(1); console.log("d"); "e"',
  );
  expect(
    run.outputs.map((message) =>
      message.type === 'stream'
        ? `${message.content.name}:${message.content.text.trim()}`
        : `${message.type}:${'data' in message.content ? message.content.data['text/plain'] : ''}`,
    ),
  ).toEqual(['stdout:a', 'stderr:b', 'stdout:c', 'display_data:1', 'stdout:d', "execute_result:'e'"]);
});

test('raw writes: bytes, encodings, a character split in two, callbacks', async () => {
  const run = await runCell(
    kernel,
    `const bytes = Buffer.from('π😀');
process.stdout.write(bytes.subarray(0, 4));
process.stdout.write(bytes.subarray(4));
process.stdout.write('6869', 'hex');
process.stderr.write(new Uint8Array([33]));
await new Promise<void>((done) => process.stdout.write('.', () => done()));`,
  );
  expect(run.stdout).toBe('π😀hi.');
  expect(run.stderr).toBe('!');
});

test('a long line and a stream of big chunks', async () => {
  const run = await runCell(
    kernel,
    'for (let i = 0; i < 8; i++) process.stdout.write("x".repeat(3_000_000))',
  );
  expect(run.stdout.length).toBe(24_000_000);
});

test('late output belongs to the cell that started it', async () => {
  const late: RawMessage[] = [];
  const stop = kernel.onMessage((message) => late.push(message));
  const first = await runCell(
    kernel,
    'setTimeout(() => { console.log("late"); display("shown late"); }, 500); "first"',
  );
  await runCell(kernel, 'await new Promise((r) => setTimeout(r, 800)); "second"');
  await eventually('the late display', () => late.some(({ type }) => type === 'display_data'));
  stop();
  const parentOf = (type: string) => parentId(late.find((message) => message.type === type)!);
  expect(parentOf('stream')).toBe(parentId(first.outputs[0]!));
  expect(parentOf('display_data')).toBe(parentId(first.outputs[0]!));
});

test('an exception in a timer and an unhandled rejection are shown and the kernel lives', async () => {
  const seen: RawMessage[] = [];
  const stop = kernel.onMessage((message) => seen.push(message));
  await runCell(
    kernel,
    'setTimeout(() => { throw new Error("in a timer") }, 10); Promise.reject(new Error("unheard")); 1',
  );
  const stderr = () =>
    seen
      .filter((message) => message.type === 'stream')
      .map((message) => (message.content as { text: string }).text)
      .join('');
  await eventually('both errors on stderr', () => /in a timer/.test(stderr()) && /unheard/.test(stderr()));
  stop();
  expect((await runCell(kernel, '"alive"')).result).toBe("'alive'");
});

test('display, update by id, clear with wait', async () => {
  const run = await runCell(
    kernel,
    `const page = { toMimeBundle: () => ({ 'text/html': '<b>x</b>', 'text/plain': 'x' }) };
await display(page, { displayId: 'one', metadata: { m: 1 } });
await display('new', { displayId: 'one', update: true });
clearOutput(true);
clearOutput();`,
  );
  expect(run.outputs.map(({ type }) => type)).toEqual([
    'display_data',
    'update_display_data',
    'clear_output',
    'clear_output',
  ]);
  expect(ofType(run.outputs, 'display_data')[0]!.content).toEqual({
    data: { 'text/html': '<b>x</b>', 'text/plain': 'x' },
    metadata: { m: 1 },
    transient: { display_id: 'one' },
  });
  expect(ofType(run.outputs, 'update_display_data')[0]!.content.transient).toEqual({ display_id: 'one' });
  expect(ofType(run.outputs, 'clear_output').map(({ content }) => content.wait)).toEqual([true, false]);
});

test('an output that cannot be sent is an error of the cell, never the end of the kernel', async () => {
  const bundle = (value: string) =>
    `await display({ toMimeBundle: () => ({ 'text/plain': 'x', 'application/json': ${value} }) })`;
  for (const value of ['() => 1', '10n', 'new Proxy({}, { ownKeys() { throw new Error("no") } })']) {
    const { reply } = await runCell(kernel, bundle(value));
    expect(reply).toMatchObject({ status: 'error', ename: 'TypeError' });
    expect(reply).toMatchObject({
      evalue: expect.stringMatching(/the data of application\/json cannot be sent/),
    });
  }
  expect((await runCell(kernel, '"alive"')).result).toBe("'alive'");
});
