/** Start, end and robustness: clean exits, no process left behind, bad frames ignored, the heartbeat never stops. */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { Request } from 'zeromq';
import { ownKernelSpec } from '../../kernel/kernelspec.js';
import { type KernelClient, KernelDiedError } from '../../kernel/protocol/client.js';
import { endpoint } from '../../kernel/protocol/connection-file.js';
import { descendants, processRuns } from '../../scripts/processes.js';
import { patienceMs } from '../support/patience.js';
import { eventually, runCell, startKernel, Wiretap } from './helpers.js';

const started: KernelClient[] = [];
afterEach(async () => {
  for (const kernel of started.splice(0)) await kernel.kill();
});
const launch = async (): Promise<KernelClient> => {
  const kernel = await startKernel();
  started.push(kernel);
  return kernel;
};
const allOf = (kernel: KernelClient): number[] => [kernel.pid!, ...descendants(kernel.pid!)];
/** Starts a cell that never ends, and waits until it runs. */
async function loop(kernel: KernelClient): Promise<void> {
  let printed = false;
  kernel
    .execute('console.log("looping"); while (true) {}', {
      onOutput: () => {
        printed = true;
      },
    })
    .catch(() => {});
  await eventually('the loop runs', () => printed);
}
const noneRuns = (pids: number[]) => eventually('no process left', () => !pids.some(processRuns));

test('shutdown: exit code 0, no process and no connection file left, also while a cell loops', async () => {
  for (const looping of [false, true]) {
    const kernel = await launch();
    const processes = allOf(kernel);
    expect(processes.length).toBeGreaterThan(1); // the language engine
    if (looping) await loop(kernel);
    await kernel.shutdown();
    const exit = await kernel.process.exited;
    if (!looping) expect(exit).toMatchObject({ code: 0, signal: null, log: '' });
    await noneRuns(processes);
    expect(existsSync(kernel.process.connectionFile)).toBe(false);
  }
});

test('shutdown_request is answered on control and told to all on iopub', async () => {
  const kernel = await launch();
  const tap = new Wiretap(kernel);
  await tap.welcomed();
  const id = await tap.send('control', 'shutdown_request', { restart: true });
  await eventually('replies', () => tap.find('shutdown_reply', id).length === 2);
  expect(tap.find('shutdown_reply', id).map(({ content }) => content)).toEqual([
    { status: 'ok', restart: true },
    { status: 'ok', restart: true },
  ]);
  await noneRuns([kernel.pid!]);
  tap.close();
});

test('process.exit in a cell: its output and an answer arrive, the exit code is kept', async () => {
  const kernel = await launch();
  const processes = allOf(kernel);
  const outputs: string[] = [];
  const reply = await kernel
    .execute('console.log("last words"); process.exit(3)', {
      onOutput: (message) => outputs.push(message.type),
    })
    .catch((error: unknown) => error);
  if (reply instanceof KernelDiedError) throw reply;
  expect(reply).toMatchObject({ status: 'error', ename: 'KernelExit' });
  expect(outputs).toEqual(['stream', 'error']);
  expect(await kernel.process.exited).toMatchObject({ code: 3, signal: null });
  await noneRuns(processes);
});

test('SIGTERM ends the kernel cleanly, also while a cell loops', async () => {
  const kernel = await launch();
  const processes = allOf(kernel);
  await loop(kernel);
  process.kill(kernel.pid!, 'SIGTERM');
  await noneRuns(processes);
});

test('SIGKILL of the kernel leaves no engine behind', async () => {
  const kernel = await launch();
  const processes = allOf(kernel);
  process.kill(kernel.pid!, 'SIGKILL');
  await noneRuns(processes);
});

test('the kernel ends when the process that started it does', async () => {
  const script = `
    const { launchKernel } = await import(${JSON.stringify(new URL('../../dist/kernel/protocol/client.js', import.meta.url).href)});
    const { findKernelSpec } = await import(${JSON.stringify(new URL('../../dist/kernel/kernelspec.js', import.meta.url).href)});
    const kernel = await launchKernel(findKernelSpec('kernelbook'));
    console.log(kernel.pid);
    setInterval(() => {}, 1000);`;
  const parent = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const pid = await new Promise<number>((resolve) =>
    parent.stdout.once('data', (text: Buffer) => resolve(Number(text.toString()))),
  );
  const processes = [pid, ...descendants(pid)];
  expect(processes.every(processRuns)).toBe(true);
  parent.kill('SIGKILL');
  await noneRuns(processes);
});

test('a restart on the same connection file works', async () => {
  const first = await launch();
  const connection = first.process.connection;
  await first.shutdown();
  const folder = mkdtempSync(join(tmpdir(), 'kernelbook-test-'));
  const file = join(folder, 'same.json');
  writeFileSync(file, JSON.stringify(connection));
  const [program, main] = ownKernelSpec().argv;
  const second = spawn(program!, [main!, '-f', file], { stdio: ['ignore', 'inherit', 'inherit'] });
  const heart = new Request({ linger: 0, receiveTimeout: patienceMs });
  heart.connect(endpoint(connection, 'hb_port'));
  await heart.send('ping');
  expect((await heart.receive()).map(String)).toEqual(['ping']);
  heart.close();
  second.kill('SIGTERM');
  await new Promise((resolve) => second.once('exit', resolve));
  expect(second.exitCode).toBe(0);
  rmSync(folder, { recursive: true });
});

test('bad signatures, garbage and replays are dropped with one line each; the kernel works on', async () => {
  const kernel = await launch();
  const tap = new Wiretap(kernel);
  await tap.welcomed();
  const good = tap.session.encode(tap.session.make('kernel_info_request', {}));
  const forged = [
    ...tap.session.encode(tap.session.make('execute_request', { code: 'process.exit(9)' } as never)),
  ];
  forged[1] = Buffer.from('0'.repeat(64));
  await tap.sendFrames('shell', forged);
  await tap.sendFrames('control', [Buffer.from('not'), Buffer.from('a message')]);
  await tap.sendFrames('stdin', [Buffer.from('<IDS|MSG>')]);
  await tap.sendFrames('shell', good);
  await tap.sendFrames('shell', good);
  await eventually('the good one is answered', () => tap.find('kernel_info_reply').length > 0);
  await tap.request('shell', 'comm_info', {});
  expect(tap.find('kernel_info_reply')).toHaveLength(1);
  tap.close();
  await kernel.shutdown();
  const { log } = await kernel.process.exited;
  expect(log.trim().split('\n').sort()).toEqual([
    'kernelbook kernel: dropped a message on control: no <IDS|MSG> delimiter in 3 frames',
    'kernelbook kernel: dropped a message on shell: a message with this signature was received before',
    'kernelbook kernel: dropped a message on shell: the signature does not match the message',
    'kernelbook kernel: dropped a message on stdin: 0 frames after the delimiter, at least 5 are needed',
  ]);
});

test('started by hand with nonsense: one line, a non-zero exit code', () => {
  const [program, main] = ownKernelSpec().argv;
  const run = (...args: string[]) => spawnSync(program!, [main!, ...args], { encoding: 'utf8' });
  expect(run()).toMatchObject({
    status: 2,
    stderr: expect.stringMatching(/^kernelbook kernel: usage: .*\n$/),
  });
  expect(run('/no/such/file.json')).toMatchObject({
    status: 2,
    stderr: expect.stringMatching(/^kernelbook kernel: connection file .*ENOENT.*\n$/),
  });
});

test('a frozen language engine: kernel_info is answered, an interrupt ends the cell, later cells work', async () => {
  const kernel = await launch();
  await runCell(kernel, 'const kept: number = 5');
  const engine = descendants(kernel.pid!)[0]!;
  process.kill(engine, 'SIGSTOP');
  const run = runCell(kernel, 'kept');
  expect(await kernel.request('kernel_info', {})).toMatchObject({
    status: 'ok',
    implementation: 'kernelbook',
    protocol_version: '5.5',
    language_info: { name: 'typescript', file_extension: '.ts', mimetype: 'text/typescript' },
  });
  await kernel.interrupt();
  expect((await run).reply).toMatchObject({ status: 'error', ename: 'KeyboardInterrupt' });
  process.kill(engine, 'SIGCONT');
  expect((await runCell(kernel, 'kept')).result).toBe('5');
});

test('a language engine that dies comes back knowing the cells that ran', async () => {
  const kernel = await launch();
  await runCell(kernel, 'const kept: number = 5');
  process.kill(descendants(kernel.pid!)[0]!, 'SIGKILL');
  await eventually('the engine is gone', () => descendants(kernel.pid!).length === 0);
  expect((await runCell(kernel, 'kept.toFixed(1)')).result).toBe("'5.0'");
  expect((await runCell(kernel, 'kept.nonsense')).reply).toMatchObject({ ename: 'CompileError' });
});
