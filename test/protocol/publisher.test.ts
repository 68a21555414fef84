/** What is published reaches every client that reads; one that does not delays the others for a moment only. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, test } from 'vitest';
import { Subscriber } from 'zeromq';
import { Publisher } from '../../kernel/protocol/publisher.js';
import { eventually } from '../kernel/helpers.js';
import { patienceMs } from '../support/patience.js';

const kilobytes = (count: number) => Buffer.alloc(count * 1024, 'x');
const turn = () => new Promise((done) => setImmediate(done));
/** How long the publisher waits for a client that does not read. */
const shortMs = 300;

const open: { close(): void }[] = [];
afterEach(() => {
  for (const each of open.splice(0)) each.close();
});

async function newPublisher(waitsMs = shortMs) {
  const told = {
    topics: [] as string[],
    stalls: 0,
    skips: 0,
    missed: [] as { bytes: number; parent: unknown }[],
  };
  const publisher = new Publisher({
    patienceMs: waitsMs,
    onSubscribe: (topic) => told.topics.push(topic),
    onStall: () => {
      told.stalls++;
    },
    onResume: (bytes, parent) => told.missed.push({ bytes, parent }),
    onSkip: () => {
      told.skips++;
    },
    onError: (error) => {
      throw error;
    },
  });
  open.push(publisher.socket);
  await publisher.socket.bind('tcp://127.0.0.1:*');
  void publisher.listen();
  const publish = (type: string, text: string | Buffer, msg_id = '') =>
    publisher.send({ type, parent: { msg_id } as never, frames: [Buffer.from(type), Buffer.from(text)] });
  return { publisher, told, publish };
}

/** A client that takes one message at a time, so that little of what it does not read is under way. */
async function subscribe({ publisher, told }: Awaited<ReturnType<typeof newPublisher>>, topic = '') {
  const socket = new Subscriber({ linger: 0, receiveHighWaterMark: 1, receiveBufferSize: 4096 });
  open.push(socket);
  socket.subscribe(topic);
  const known = told.topics.length;
  socket.connect(publisher.socket.lastEndpoint!);
  await eventually('the subscription', () => told.topics.length > known);
  const received: { type: string; size: number }[] = [];
  const read = async () => {
    for await (const [type, text] of socket) received.push({ type: String(type), size: text!.length });
  };
  return { socket, received, read: () => void read().catch(() => {}) };
}

test('a burst beyond the high-water mark arrives whole, in order', async () => {
  // Client and publisher share this process: on a busy machine a client that reads may be late.
  const kernel = await newPublisher(patienceMs);
  const client = await subscribe(kernel);
  for (let i = 0; i < 5_000; i++) kernel.publish('stream', 'x'.repeat(i));
  client.read();
  await eventually('all', () => client.received.length === 5_000);
  expect(client.received.every(({ size }, i) => size === i)).toBe(true);
  expect(kernel.told).toMatchObject({ stalls: 0, skips: 0, missed: [] });
});

test('the only client, reading again: it misses streams and nothing else, and is told how much', async () => {
  const kernel = await newPublisher();
  const client = await subscribe(kernel);
  for (let i = 0; i < 300; i++) kernel.publish('stream', kilobytes(256), 'early');
  expect(kernel.publisher.room()).toBeDefined();
  await kernel.publisher.room(); // the cell goes on although nobody has read
  expect(kernel.told.stalls).toBe(1);
  for (let i = 0; i < 100; i++) kernel.publish('stream', kilobytes(256), 'late');
  kernel.publish('error', 'the end');
  kernel.publish('status', 'idle');
  expect(kernel.publisher.room()).toBeUndefined();
  client.read();
  await eventually('the last message', () => client.received.at(-1)?.type === 'status');
  expect(client.received.filter(({ type }) => type !== 'stream').map(({ type }) => type)).toEqual([
    'error',
    'status',
  ]);
  const got = client.received.filter(({ type }) => type === 'stream').length;
  expect(got).toBeGreaterThan(50);
  const frame = 256 * 1024 + 'stream'.length;
  expect(kernel.told.missed).toEqual([{ bytes: (400 - got) * frame, parent: { msg_id: 'late' } }]);
  kernel.publish('stream', 'as before');
  await eventually('later output', () => client.received.at(-1)?.size === 9);
});

type Client = Awaited<ReturnType<typeof subscribe>>;

/** A client that is late on a busy machine would be taken for one that does not read: it gets one message after the other. */
async function publishAtThePaceOf(
  { received }: Client,
  { publish }: Awaited<ReturnType<typeof newPublisher>>,
  count: number,
): Promise<void> {
  for (let sent = 1; sent <= count; sent++) {
    publish('stream', kilobytes(64));
    for (const until = Date.now() + patienceMs; received.length < sent; await turn())
      if (Date.now() > until) throw new Error(`message ${sent} of ${count} did not come`);
  }
}

test('a client that never reads delays another one for a moment, and takes nothing from it', async () => {
  const kernel = await newPublisher();
  await subscribe(kernel);
  const healthy = await subscribe(kernel);
  healthy.read();
  await publishAtThePaceOf(healthy, kernel, 600);
  // The system's buffers take some more now and then, which looks as if the client had read.
  expect(kernel.told).toMatchObject({ stalls: 0, missed: [] });
  expect(kernel.told.skips).toBeGreaterThan(0);
  expect(kernel.told.skips).toBeLessThan(5);
  kernel.publish('status', 'idle');
  await eventually('idle', () => healthy.received.at(-1)?.type === 'status');
});

test('one that reads again gets what is published from then on', async () => {
  const kernel = await newPublisher();
  const slow = await subscribe(kernel);
  const healthy = await subscribe(kernel);
  healthy.read();
  await publishAtThePaceOf(healthy, kernel, 600);
  slow.read();
  await eventually('a status', () => {
    kernel.publish('status', 'idle');
    return slow.received.at(-1)?.type === 'status';
  });
  expect(slow.received.length).toBeLessThan(600);
});

test('a subscription longer than any topic disconnects its client only', async () => {
  const kernel = await newPublisher();
  const client = await subscribe(kernel);
  client.read();
  const other = new Subscriber({ linger: 0 });
  open.push(other);
  other.subscribe('x'.repeat(5_000));
  other.connect(kernel.publisher.socket.lastEndpoint!);
  await sleep(200);
  expect(kernel.told.topics).toEqual(['']);
  kernel.publish('status', 'alive');
  await eventually('the message', () => client.received.length === 1);
});
