/** Comms over the real protocol: both directions, buffers, comm_info, a busy thread, interrupts, errors. */
import { beforeEach, expect, test } from 'vitest';
import type { KernelClient } from '../../kernel/protocol/client.js';
import { parentId, type RawMessage } from '../../kernel/protocol/messages.js';
import { eventually, publishedAs, runCell, saidIdle, shareKernel } from './helpers.js';

let kernel: KernelClient;
const published: RawMessage[] = [];
shareKernel((started) => {
  kernel = started;
  kernel.onMessage((message) => published.push(message));
});
beforeEach(() => {
  published.length = 0;
});

const find = (type: string, parent?: string) => publishedAs(published, type, parent);
const isIdle = (parent: string) => saidIdle(published, parent);
const stdout = (parent?: string) =>
  find('stream', parent)
    .map((message) => (message.content as { text: string }).text)
    .join('');
const openFromHere = (comm_id: string, target_name: string, data: unknown = {}) =>
  kernel.sendComm('comm_open', { comm_id, target_name, data });
const info = async (target_name?: string) => {
  const reply = await kernel.request('comm_info', target_name === undefined ? {} : { target_name });
  return reply.status === 'ok' ? reply.comms : reply;
};

test('opened by the front end: data, metadata and buffers arrive and come back', async () => {
  const cell = await runCell(
    kernel,
    `const stop = comms.register('echo', (comm, opening) => {
       comm.send({ opened: opening.data });
       comm.onMessage(({ data, metadata, buffers }) =>
         comm.send({ data, metadata }, { metadata: { back: true }, buffers: [...buffers, Float32Array.of(1.5)] }));
       comm.onClose(({ data }) => console.log('closed', JSON.stringify(data), comm.closed));
     });`,
  );
  expect(cell.reply.status).toBe('ok');
  const opened = await openFromHere('e1', 'echo', { hello: ['世界', 1] });
  await eventually('the first answer', () => find('comm_msg', opened).length === 1);
  expect(find('comm_msg', opened)[0]!.content).toEqual({
    comm_id: 'e1',
    data: { opened: { hello: ['世界', 1] } },
  });

  const buffers = [Uint8Array.of(0, 255, 10), new Uint8Array(0), new Uint8Array(300_000).fill(7)];
  const sent = await kernel.sendComm(
    'comm_msg',
    { comm_id: 'e1', data: 'text' },
    { metadata: { a: 1 }, buffers },
  );
  await eventually('the echo', () => isIdle(sent));
  const [echo] = find('comm_msg', sent);
  expect(echo!.content).toEqual({ comm_id: 'e1', data: { data: 'text', metadata: { a: 1 } } });
  expect(echo!.metadata).toEqual({ back: true });
  expect(echo!.buffers.map((bytes) => Buffer.from(bytes))).toEqual([
    ...buffers.map((bytes) => Buffer.from(bytes)),
    Buffer.from(Float32Array.of(1.5).buffer),
  ]);
  expect(await info()).toEqual({ e1: { target_name: 'echo' } });

  const closed = await kernel.sendComm('comm_close', { comm_id: 'e1', data: { bye: 1 } });
  await eventually('the end', () => isIdle(closed));
  expect(stdout(closed)).toBe('closed {"bye":1} true\n');
  expect(await info()).toEqual({});
});

test('opened by a cell: parent, comm_info by target, messages kept until somebody listens', async () => {
  const cell = await runCell(
    kernel,
    `const line = comms.open('front.end', { n: 1 }, { buffers: [new Uint8Array([9])], metadata: { version: '1' } });
     line.send({ n: 2 });
     const other = comms.open('other');
     line.id`,
  );
  const id = String(cell.result).replaceAll("'", '');
  const [open] = find('comm_open');
  expect(open).toMatchObject({
    content: { comm_id: id, target_name: 'front.end', data: { n: 1 } },
    metadata: { version: '1' },
  });
  expect(Buffer.from(open!.buffers[0]!)).toEqual(Buffer.from([9]));
  expect(parentId(open!)).toBe(parentId(find('execute_input')[0]!));
  expect(find('comm_msg')[0]!.content).toEqual({ comm_id: id, data: { n: 2 } });
  expect(Object.keys((await info()) as object)).toHaveLength(2);
  expect(await info('front.end')).toEqual({ [id]: { target_name: 'front.end' } });
  expect(await info('nobody')).toEqual({});

  const early = await kernel.sendComm('comm_msg', { comm_id: id, data: 'early' });
  await eventually('idle', () => isIdle(early));
  await runCell(kernel, 'line.onMessage(({ data }) => { console.log(data); });');
  await eventually('the kept message, under its own parent', () => stdout(early) === 'early\n');

  const run = await runCell(kernel, 'line.close({ done: true }); line.close(); other.close(); line.send(1)');
  expect(run.reply).toMatchObject({ status: 'error', ename: 'Error' });
  expect(JSON.stringify(run.reply)).toContain('comm.send: the comm');
  expect(find('comm_close').map(({ content }) => content)).toMatchObject([
    { comm_id: id, data: { done: true } },
    {},
  ]);
  expect(await info()).toEqual({});
});

test('a busy thread delays messages and loses none; comm_info is answered meanwhile', async () => {
  await runCell(
    kernel,
    `const got: unknown[] = [];
     const busy = comms.register('busy', (comm) => { comm.onMessage(({ data }) => { got.push(data); }); });`,
  );
  const looping = runCell(kernel, 'for (const until = Date.now() + 1500; Date.now() < until; ) {}');
  await eventually('the loop', () => find('execute_input').length === 2);
  await openFromHere('b1', 'busy');
  let last = '';
  for (let n = 0; n < 200; n++) last = await kernel.sendComm('comm_msg', { comm_id: 'b1', data: n });
  expect(await info('busy')).toEqual({ b1: { target_name: 'busy' } });
  expect(isIdle(last)).toBe(false);
  await looping;
  await eventually('the last message', () => isIdle(last));
  expect(
    (await runCell(kernel, 'got.length === 200 && got.every((value, index) => value === index)')).result,
  ).toBe('true');
});

test('messages reach a cell that awaits', async () => {
  await runCell(
    kernel,
    `const heard = new Promise<unknown>((resolve) => comms.register('await', (_, { data }) => resolve(data)));`,
  );
  const waiting = runCell(kernel, 'await heard');
  await openFromHere('a1', 'await', 'here');
  expect((await waiting).result).toBe("'here'");
});

test('errors of listeners are shown under the message; one of a target closes the comm', async () => {
  await runCell(
    kernel,
    `comms.register('bad', () => { throw new Error('bad target'); });
     comms.register('half', (comm) => { comm.onMessage(async () => { throw new Error('bad listener'); }); }); 0`,
  );
  const bad = await openFromHere('x1', 'bad');
  await eventually('the close', () => find('comm_close', bad).length === 1 && isIdle(bad));
  expect(stdout(bad)).toContain('bad target');
  await openFromHere('x2', 'half');
  const half = await kernel.sendComm('comm_msg', { comm_id: 'x2', data: {} });
  await eventually('the error', () => stdout(half).includes('bad listener'));
  expect(find('comm_close', half)).toEqual([]);
  const wrong = await runCell(kernel, 'comms.open("t", { big: 1n })');
  expect(JSON.stringify(wrong.reply)).toContain('comms.open: the data cannot be sent as JSON');
  expect((await runCell(kernel, 'comms.open("t", {}, { buffers: "no" })')).reply).toMatchObject({
    ename: 'CompileError',
  });
});

test('an unknown target is closed; messages to nobody become idle', async () => {
  const open = await openFromHere('u1', 'nobody');
  await eventually('the close', () => find('comm_close', open).length === 1);
  for (const type of ['comm_msg', 'comm_close'] as const) {
    const id = await kernel.sendComm(type, { comm_id: 'u1', data: {} });
    await eventually('idle', () => isIdle(id));
  }
  expect(await info('nobody')).toEqual({});
});

test('a listener that loops is interrupted, becomes idle, and the next message is heard', async () => {
  await runCell(
    kernel,
    `comms.register('loop', (comm) => { comm.onMessage(({ data }) => { if (data === 'loop') for (;;) {} else console.log(data); }); }); 0`,
  );
  await openFromHere('l1', 'loop');
  const stuck = await kernel.sendComm('comm_msg', { comm_id: 'l1', data: 'loop' });
  const next = await kernel.sendComm('comm_msg', { comm_id: 'l1', data: 'next' });
  await new Promise((resolve) => setTimeout(resolve, 300));
  expect(isIdle(stuck)).toBe(false);
  await kernel.interrupt();
  await eventually('both idle', () => isIdle(stuck) && isIdle(next));
  await eventually('the next message', () => stdout(next) === 'next\n');
  expect((await runCell(kernel, '6 * 7')).result).toBe('42');
});

test('a burst of more messages than ZeroMQ takes at once arrives whole and in order', async () => {
  const count = 3_000;
  const cell = await runCell(
    kernel,
    `const burst = comms.open('burst'); for (let n = 0; n < ${count}; n++) burst.send(n);`,
  );
  expect(cell.reply.status).toBe('ok');
  await eventually('all of them', () => find('comm_msg').length >= count);
  expect(find('comm_msg').map(({ content }) => (content as { data: unknown }).data)).toEqual(
    Array.from({ length: count }, (_, n) => n),
  );
});
