/** Subshells: cells of several shells in flight at once, each with its own outputs, questions, errors and queue. */
import { afterEach, expect, test } from 'vitest';
import type { KernelClient } from '../../kernel/protocol/client.js';
import { parentId, type RawMessage } from '../../kernel/protocol/messages.js';
import {
  begin,
  type CellRun,
  eventually,
  ofType,
  runCell,
  saidIdle,
  shareKernel,
  Wiretap,
} from './helpers.js';

let kernel: KernelClient;
shareKernel(async (started) => {
  kernel = started;
  await runCell(
    kernel,
    'let open = () => {}, fail = () => {}; const gate = () => new Promise<void>((done) => { open = done; });',
  );
});
afterEach(async () => {
  for (const id of await kernel.listSubshells()) await kernel.deleteSubshell(id);
});

const execute = (code: string, subshell?: string) =>
  runCell(kernel, code, subshell === undefined ? {} : { subshell });

/** Starts a cell that awaits, and waits until it does. */
const awaiting = (code: string, subshell?: string) =>
  begin(kernel, `console.log('awaiting'); ${code}`, {
    until: 'stream',
    ...(subshell === undefined ? {} : { subshell }),
  });

test('kernel_info tells of them; they are created, listed and deleted on control', async () => {
  expect(kernel.info.supported_features).toEqual(['kernel subshells']);
  const ids = [await kernel.createSubshell(), await kernel.createSubshell()];
  expect(await kernel.listSubshells()).toEqual(ids);
  await kernel.deleteSubshell(ids[0]!);
  expect(await kernel.listSubshells()).toEqual([ids[1]]);
  await expect(kernel.deleteSubshell(ids[0]!)).rejects.toThrow(/there is no subshell/);
});

test('a cell of a subshell runs while one of the main shell awaits, with the same names and one count', async () => {
  const subshell = await kernel.createSubshell();
  const { end } = await awaiting('const first = 1; await gate(); console.log("main"); first + 1');
  const inner = await execute('const second: number = 20; console.log("sub"); second + 1', subshell);
  expect(inner).toMatchObject({ result: '21', stdout: 'sub\n' });
  expect((await execute('open()', subshell)).reply.status).toBe('ok');
  const outer = await end;
  expect(outer).toMatchObject({ result: '2', stdout: 'awaiting\nmain\n' });
  expect((await execute('first + second')).result).toBe('21');
  const count = (run: CellRun) => (run.reply as { execution_count: number }).execution_count;
  expect(count(inner)).toBe(count(outer) + 1);
});

test('late output keeps the header of its own cell, in whichever shell that ran', async () => {
  const subshell = await kernel.createSubshell();
  const { end } = await awaiting(
    'setTimeout(() => { console.log("main later"); open(); }, 60); await gate(); 1',
  );
  const inner = await execute(
    'await new Promise((done) => setTimeout(done, 30)); await display("sub shown"); console.log("sub later"); 2',
    subshell,
  );
  expect(ofType(inner.outputs, 'display_data').map(({ content }) => content.data['text/plain'])).toEqual([
    "'sub shown'",
  ]);
  expect(inner.stdout).toBe('sub later\n');
  expect(await end).toMatchObject({ stdout: 'awaiting\nmain later\n', result: '1' });
});

test('each cell has its own question, and its own answer', async () => {
  const subshell = await kernel.createSubshell();
  let answerMain: (value: string) => void = () => {};
  const main = runCell(kernel, 'await input("main?")', {
    onInput: () => new Promise((resolve) => (answerMain = resolve)),
  });
  const sub = await runCell(kernel, 'await input("sub?")', { subshell, onInput: (prompt) => `to ${prompt}` });
  expect(sub.result).toBe("'to sub?'");
  answerMain('last');
  expect((await main).result).toBe("'last'");
});

test('an error aborts what waits in its own shell only', async () => {
  const subshell = await kernel.createSubshell();
  const { end } = await awaiting('await gate(); "main went on"');
  const waiting = execute('"main ran next"');
  const failing = await awaiting(
    'await new Promise<void>((done) => { fail = done; }); throw new Error("only here")',
    subshell,
  );
  const aborted = execute('"never"', subshell);
  await kernel.request('comm_info', {}); // answered when what was sent before it has come
  const other = await kernel.createSubshell();
  await execute('fail()', other);
  expect((await failing.end).reply.status).toBe('error');
  expect((await aborted).reply.status).toBe('aborted');
  await execute('open()', subshell);
  expect((await end).result).toBe("'main went on'");
  expect((await waiting).result).toBe("'main ran next'");
});

test('an interrupt stops the running cells of all shells, and each runs on', async () => {
  const subshell = await kernel.createSubshell();
  const { end: main } = await awaiting('await new Promise(() => {})');
  const { end: sub } = await awaiting('while (true) {}', subshell);
  await kernel.interrupt();
  for (const end of [main, sub]) expect((await end).reply).toMatchObject({ ename: 'KeyboardInterrupt' });
  expect((await execute('6 * 7')).result).toBe('42');
  expect((await execute('6 * 8', subshell)).result).toBe('48');
});

test('deleting a subshell aborts what waits in it; its running cell goes on to its end', async () => {
  const subshell = await kernel.createSubshell();
  const { end } = await awaiting('await gate(); "to the end"', subshell);
  const waiting = execute('"never"', subshell);
  // The queue is on another socket than the request to delete: it must have come first.
  await kernel.request('comm_info', {});
  await kernel.deleteSubshell(subshell);
  expect((await waiting).reply.status).toBe('aborted');
  await expect(execute('1', subshell)).resolves.toMatchObject({
    reply: { status: 'error', ename: 'RequestError' },
  });
  await execute('open()');
  expect((await end).result).toBe("'to the end'");
});

test('of two cells that declare a name at once the later to end gives it its type, also one that fails', async () => {
  const subshell = await kernel.createSubshell();
  await execute('let shared: unknown = "before"');
  const { end: main } = await awaiting('await gate(); const shared = 1;');
  expect((await execute('const shared = "text"; shared.length', subshell)).result).toBe('4');
  await execute('open()', subshell);
  expect((await main).reply.status).toBe('ok');
  expect((await execute('shared.toFixed(1)')).result).toBe("'1.0'");

  const { end: failing } = await awaiting('const shared = 2; await gate(); throw new Error("after all")');
  await execute('const shared = "kept"', subshell);
  await execute('open()', subshell);
  expect((await failing).reply.status).toBe('error');
  expect((await execute('const type: number = shared; typeof type')).result).toBe("'string'");
});

test('a cell that waits behind a loop of another shell runs when that ends', async () => {
  const subshell = await kernel.createSubshell();
  const { end } = await awaiting('{ const until = Date.now() + 300; while (Date.now() < until) {} }');
  expect((await execute('"after the loop"', subshell)).result).toBe("'after the loop'");
  expect((await end).reply.status).toBe('ok');
});

test('requests with an unknown subshell are answered by an error, comm messages by busy and idle', async () => {
  const tap = new Wiretap(kernel);
  await tap.welcomed();
  const send = async (type: string, content: object) => {
    const message = tap.session.make(type as 'execute_request', content as never, { subshell: 'nobody' });
    await tap.sendFrames('shell', tap.session.encode(message));
    return message.header.msg_id;
  };
  for (const name of ['execute', 'kernel_info', 'complete']) {
    const id = await send(`${name}_request`, { code: '1', cursor_pos: 1 });
    await eventually('the reply', () => tap.find(`${name}_reply`, id).length > 0);
    expect(tap.find(`${name}_reply`, id)[0]!.content).toMatchObject({
      status: 'error',
      ename: 'RequestError',
    });
    await eventually('idle', () => tap.idle(id));
  }
  const id = await send('comm_msg', { comm_id: 'none', data: {} });
  await eventually('idle', () => tap.idle(id));
  tap.close();
});

test('while one cell runs on, the end of another does not leave front ends with an idle kernel', async () => {
  const subshell = await kernel.createSubshell();
  const seen: RawMessage[] = [];
  const { end } = await awaiting('await gate()');
  const off = kernel.onMessage((message) => seen.push(message));
  await execute('1', subshell);
  const state = (message: RawMessage | undefined) =>
    (message?.content as { execution_state?: string })?.execution_state;
  await eventually('busy again', () => state(seen.filter(({ type }) => type === 'status').at(-1)) === 'busy');
  await execute('open()', subshell);
  await end;
  await eventually(
    'idle at last',
    () => state(seen.filter(({ type }) => type === 'status').at(-1)) === 'idle',
  );
  off();
  const ids = new Set(seen.map((message) => parentId(message)));
  for (const parent of ids) if (parent) expect(saidIdle(seen, parent)).toBe(true);
});
