/**
 * Ten thousand malformed messages on each socket: the kernel lives, answers nobody without the key, keeps its memory
 * and its log short, and runs the next cell. `KERNELBOOK_FUZZ_SEED` chooses other messages.
 */
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, onTestFailed, test } from 'vitest';
import { Dealer, XSubscriber } from 'zeromq';
import type { KernelClient } from '../../kernel/protocol/client.js';
import { endpoint } from '../../kernel/protocol/connection-file.js';
import { descendants } from '../../scripts/processes.js';
import { bytes, malformed, odd, question, seeded, unsigned, whole } from './fuzz-messages.js';
import { eventually, runCell, startKernel, Wiretap } from './helpers.js';

const seed = Number(process.env.KERNELBOOK_FUZZ_SEED ?? 20_261_122);
const count = 10_000;
/**
 * Allowed growth of kernel and engine after the first ten thousand, which let V8 take the heap it keeps: 150 MiB on
 * Node 20, 260 on Node 24. The forty thousand after them added at most 65.
 */
const growthMiB = 130;
const bigFrameMiB = 32;

let kernel: KernelClient;
let before: number | undefined;
beforeAll(async () => {
  kernel = await startKernel();
  await works();
});
afterAll(() => kernel?.kill());

const sockets = ['shell', 'control', 'stdin', 'hb', 'iopub'] as const;
const address = (socket: (typeof sockets)[number]) => endpoint(kernel.process.connection, `${socket}_port`);

function memoryMiB(): number {
  const sizes = [kernel.pid!, ...descendants(kernel.pid!)].map((pid) =>
    Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0),
  );
  return sizes.reduce((sum, size) => sum + size, 0) / 1024;
}

/** The next cell is answered, and language help too. */
async function works(): Promise<void> {
  const cell = () => runCell(kernel, 'const answer: number = 6 * 7; answer');
  let run = await cell();
  // An interrupt among the messages may still be under way.
  if (run.reply.status === 'error' && run.reply.ename === 'KeyboardInterrupt') run = await cell();
  expect(run).toMatchObject({ reply: { status: 'ok' }, result: '42' });
  expect((await kernel.complete('Math.sqr')).matches).toContain('sqrt');
}
/** And memory is as it was after the first flood. */
async function unharmed(allowedMiB = growthMiB): Promise<void> {
  await works();
  expect(kernel.process.running).toBe(true);
  before ??= memoryMiB();
  expect(memoryMiB() - before).toBeLessThan(allowedMiB);
}

/** Sends frames, and collects what comes back. */
async function flood(socket: (typeof sockets)[number], messages: () => Buffer[], times: number) {
  const dealer = new Dealer({ linger: 5_000, receiveHighWaterMark: 0 });
  dealer.connect(address(socket));
  const answers: Buffer[][] = [];
  const read = async () => {
    for await (const frames of dealer) answers.push(frames);
  };
  read().catch(() => {});
  for (let i = 0; i < times; i++) await dealer.send(messages());
  /** Waits until all that was sent has been dealt with. */
  const settled = async () => {
    await dealer.send(question(`the last on ${socket}`, kernel.process.connection.key));
    const answered = () => answers.some((frames) => frames.join().includes(`the last on ${socket}`));
    await eventually('the last answer', answered);
  };
  return { answers, settled, close: () => dealer.close() };
}

test.each(['shell', 'control', 'stdin'] as const)('%s', async (socket) => {
  onTestFailed(() => console.error(`KERNELBOOK_FUZZ_SEED=${seed}`));
  const random = seeded(seed + sockets.indexOf(socket));
  const { key } = kernel.process.connection;
  const stranger = await flood(socket, () => unsigned(random), count * 0.4);
  const clumsy = await flood(
    socket,
    () => (random() < 0.4 ? malformed(random, key) : odd(random, key)),
    count * 0.6,
  );
  if (socket !== 'stdin') {
    await clumsy.settled();
    expect(clumsy.answers.length).toBeGreaterThan(count * 0.05);
  }
  expect(stranger.answers).toEqual([]);
  await unharmed();
  stranger.close();
  clumsy.close();
});

test('replays', async () => {
  const tap = new Wiretap(kernel);
  await tap.welcomed();
  const frames = tap.session.encode(tap.session.make('kernel_info_request', {}));
  for (let i = 0; i < 1_000; i++) await tap.sendFrames('shell', frames);
  await tap.request('shell', 'comm_info', {});
  expect(tap.find('kernel_info_reply')).toHaveLength(1);
  tap.close();
  await unharmed();
});

test('the heartbeat echoes whatever it is sent', async () => {
  onTestFailed(() => console.error(`KERNELBOOK_FUZZ_SEED=${seed}`));
  const random = seeded(seed + 3);
  const sent: string[] = [];
  const text = (frames: readonly Buffer[]) => frames.map((frame) => frame.toString('hex')).join();
  const { answers, close } = await flood(
    'hb',
    () => {
      const frames = Array.from({ length: 1 + whole(random, 4) }, () => bytes(random, 60));
      sent.push(text(frames));
      return frames;
    },
    count,
  );
  await eventually('all echoes', () => answers.length === count);
  expect(answers.map(text)).toEqual(sent);
  close();
  await unharmed();
});

test('iopub: subscriptions, garbage and topics beyond all length', async () => {
  onTestFailed(() => console.error(`KERNELBOOK_FUZZ_SEED=${seed}`));
  const random = seeded(seed + 4);
  const subscriber = new XSubscriber({ linger: 1_000, receiveHighWaterMark: 0 });
  subscriber.connect(address('iopub'));
  let welcomes = 0;
  const read = async () => {
    for await (const _ of subscriber) welcomes++;
  };
  read().catch(() => {});
  for (let i = 0; i < count; i++)
    await subscriber.send(Buffer.concat([Buffer.from([whole(random, 3)]), bytes(random, 100)]));
  await eventually('welcomes', () => welcomes > count / 5);
  const rude = new XSubscriber({ linger: 100 });
  rude.connect(address('iopub'));
  for (let i = 0; i < 100; i++) await rude.send(Buffer.concat([Buffer.from([1]), Buffer.alloc(5_000, i)]));
  await unharmed();
  subscriber.close();
  rude.close();
  await unharmed();
});

test('connections that do not speak ZeroMQ, or announce frames of any size', async () => {
  const random = seeded(seed + 5);
  const greeting = Buffer.from(
    `ff00000000000000017f0300${Buffer.from('NULL').toString('hex')}`.padEnd(128, '0'),
    'hex',
  );
  const ready = Buffer.from(
    `\x04\x19\x05READY\x0bSocket-Type\x00\x00\x00\x06DEALER`.replace('\x19', '\x1c'),
    'latin1',
  );
  const huge = Buffer.from('02ffffffffffffff00', 'hex');
  for (let i = 0; i < 200; i++) {
    const port = kernel.process.connection[`${sockets[i % sockets.length]!}_port`];
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => {});
    socket.write(i % 2 ? bytes(random, 500) : Buffer.concat([greeting, ready, huge, bytes(random, 500)]));
    if (i % 10 === 0) await sleep(5);
    setTimeout(() => socket.destroy(), 200);
  }
  await sleep(300);
  await unharmed();
});

test('a frame beyond the limit never gets into memory, a big one is accepted', async () => {
  const { key } = kernel.process.connection;
  const big = await flood(
    'shell',
    () => [...odd(seeded(1), key), Buffer.alloc(bigFrameMiB * 1024 * 1024)],
    1,
  );
  // What was accepted may stay, with a copy, until memory is needed.
  const withBigFrame = growthMiB + 3 * bigFrameMiB;
  await unharmed(withBigFrame);
  big.close();
  const heartbeat = await flood('hb', () => [Buffer.alloc(100_000)], 20);
  await sleep(300);
  expect(heartbeat.answers).toEqual([]);
  heartbeat.close();
  await unharmed(withBigFrame);
});

test('the log of all that is short', async () => {
  await kernel.shutdown();
  const { log, code } = await kernel.process.exited;
  expect(code).toBe(0);
  const lines = log.trim().split('\n');
  expect(lines.length).toBeLessThan(400);
  expect(lines.join('\n')).toMatch(/more lines were left out/);
  expect(lines.filter((line) => !line.startsWith('kernelbook kernel: '))).toEqual([]);
});
