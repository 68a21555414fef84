/**
 * Every message our kernel sends, looked at whole: header, parent, channel, and content by the specification. The
 * model is ipykernel's test of the same name; the schemas here are written from the messaging specification.
 */
import { afterAll, describe, expect, test } from 'vitest';
import type { KernelClient } from '../../kernel/protocol/client.js';
import { parentId, type RawMessage } from '../../kernel/protocol/messages.js';
import { eventually, shareKernel, Wiretap } from './helpers.js';

type Check = (value: unknown) => boolean;
type Shape = Record<string, Check>;

const string: Check = (value) => typeof value === 'string';
const boolean: Check = (value) => typeof value === 'boolean';
const count: Check = (value) => Number.isInteger(value) && (value as number) >= 0;
const object: Check = (value) => typeof value === 'object' && value !== null && !Array.isArray(value);
const listOf =
  (item: Check): Check =>
  (value) =>
    Array.isArray(value) && value.every(item);
const is =
  (...allowed: unknown[]): Check =>
  (value) =>
    allowed.includes(value);
const optional =
  (check: Check): Check =>
  (value) =>
    value === undefined || check(value);
const mime: Check = (value) =>
  object(value) && Object.keys(value as object).every((key) => /^[\w.+-]+\/[\w.+-]+$/.test(key));

const ok = (shape: Shape): Shape => ({ status: is('ok'), ...shape });
const error: Shape = { ename: string, evalue: string, traceback: listOf(string) };

const shapes: Record<string, Shape> = {
  kernel_info_reply: ok({
    protocol_version: (value) => /^5\.\d+$/.test(String(value)),
    implementation: string,
    implementation_version: string,
    language_info: (value) => {
      const info = value as Record<string, unknown>;
      return ['name', 'version', 'mimetype', 'file_extension'].every((key) => string(info[key]));
    },
    banner: string,
    debugger: boolean,
    help_links: listOf((link) => object(link) && string((link as { url: unknown }).url)),
    supported_features: listOf(string),
  }),
  execute_reply: ok({ execution_count: count, user_expressions: object, payload: listOf(object) }),
  inspect_reply: ok({ found: boolean, data: mime, metadata: object }),
  complete_reply: ok({
    matches: listOf(string),
    cursor_start: count,
    cursor_end: count,
    metadata: object,
  }),
  history_reply: ok({ history: listOf((entry) => Array.isArray(entry) && entry.length === 3) }),
  is_complete_reply: {
    status: is('complete', 'incomplete', 'invalid', 'unknown'),
    indent: optional(string),
  },
  comm_info_reply: ok({ comms: object }),
  connect_reply: ok({
    shell_port: count,
    iopub_port: count,
    stdin_port: count,
    control_port: count,
    hb_port: count,
  }),
  interrupt_reply: ok({}),
  shutdown_reply: ok({ restart: boolean }),
  create_subshell_reply: ok({ subshell_id: string }),
  delete_subshell_reply: ok({}),
  list_subshell_reply: ok({ subshell_id: listOf(string) }),
  status: { execution_state: is('starting', 'busy', 'idle') },
  execute_input: { code: string, execution_count: count },
  execute_result: { execution_count: count, data: mime, metadata: object, transient: optional(object) },
  display_data: { data: mime, metadata: object, transient: optional(object) },
  update_display_data: {
    data: mime,
    metadata: object,
    transient: (value) => string((value as { display_id: unknown }).display_id),
  },
  stream: { name: is('stdout', 'stderr'), text: string },
  clear_output: { wait: boolean },
  error,
  iopub_welcome: { subscription: string },
  comm_open: { comm_id: string, target_name: string, data: object },
  comm_msg: { comm_id: string, data: object },
  comm_close: { comm_id: string, data: object },
  input_request: { prompt: string, password: boolean },
};

function shapeOf({ type, content }: RawMessage): Shape {
  const status = (content as { status?: unknown }).status;
  if (type.endsWith('_reply') && status === 'error')
    return {
      status: is('error'),
      ...error,
      ...(type === 'execute_reply' ? { execution_count: count } : {}),
    };
  if (status === 'aborted') return { status: is('aborted') };
  return shapes[type] ?? {};
}

function checkMessage(message: RawMessage): void {
  const name = `${message.type} ${JSON.stringify(message.content).slice(0, 200)}`;
  const { msg_id, session, username, date, msg_type, version } = message.header;
  for (const field of [msg_id, session, username, date, version])
    expect(field, name).toEqual(expect.any(String));
  expect(Number.isNaN(Date.parse(date)), name).toBe(false);
  expect(msg_type).toBe(message.type);
  expect(version).toBe('5.5');
  expect(Object.keys(shapes), `${name}: a type the specification does not have`).toContain(message.type);
  const shape = shapeOf(message);
  const content = message.content as Record<string, unknown>;
  for (const [field, check] of Object.entries(shape))
    expect(check(content[field]), `${name}: ${field}`).toBe(true);
  for (const field of Object.keys(content)) expect(Object.keys(shape), name).toContain(field);
}

let kernel: KernelClient;
let tap: Wiretap;
shareKernel(async (started) => {
  kernel = started;
  tap?.close();
  tap = new Wiretap(kernel);
  await tap.welcomed();
});
afterAll(() => tap?.close());

const execute = (code: string, extra: object = {}) =>
  tap.request('shell', 'execute', { code, silent: false, allow_stdin: false, ...extra });

/** What iopub said about one request, in order. */
const published = (id: string) =>
  tap.received
    .filter(({ channel, message }) => channel === 'iopub' && parentId(message) === id)
    .map(({ message }) => message);

describe('requests and what they cause', () => {
  test.each([
    ['shell', 'kernel_info', {}],
    ['control', 'kernel_info', {}],
    ['shell', 'complete', { code: 'Math.', cursor_pos: 5 }],
    ['shell', 'complete', { code: '', cursor_pos: 0 }],
    ['shell', 'inspect', { code: 'Math.max', cursor_pos: 8, detail_level: 0 }],
    ['shell', 'inspect', { code: 'nobody', cursor_pos: 3, detail_level: 1 }],
    ['shell', 'is_complete', { code: 'if (true) {' }],
    ['shell', 'is_complete', { code: ')' }],
    ['shell', 'history', { output: true, raw: true, hist_access_type: 'tail', n: 3 }],
    ['shell', 'comm_info', {}],
    ['shell', 'comm_info', { target_name: 'jupyter.widget' }],
    ['shell', 'connect', {}],
    ['control', 'interrupt', {}],
    ['control', 'create_subshell', {}],
    ['control', 'list_subshell', {}],
  ] as const)('%s %s %j: busy, reply, idle', async (channel, name, content) => {
    const reply = await tap.request(channel, name, content);
    const id = parentId(reply)!;
    expect(tap.received.find(({ message }) => message === reply)!.channel).toBe(channel);
    expect(published(id).map((message) => message.content)).toEqual([
      { execution_state: 'busy' },
      { execution_state: 'idle' },
    ]);
  });

  test('a cell in a subshell: its messages have the whole header of the request as their parent', async () => {
    const created = await tap.request('control', 'create_subshell', {});
    const { subshell_id: subshell } = created.content as { subshell_id: string };
    const message = tap.session.make('execute_request', { code: '1' } as never, { subshell });
    await tap.sendFrames('shell', tap.session.encode(message));
    const { msg_id: id } = message.header;
    await eventually('the result', () => tap.idle(id) && tap.find('execute_reply', id).length === 1);
    for (const { parent } of [...published(id), ...tap.find('execute_reply', id)])
      expect(parent).toEqual({ ...message.header, subshell_id: subshell });
    const deleted = await tap.request('control', 'delete_subshell', { subshell_id: subshell });
    expect(deleted.content).toEqual({ status: 'ok' });
  });

  test('a cell: the messages, their order and their parent', async () => {
    const reply = await execute('console.log("a"); await display("b"); "c"');
    const id = parentId(reply)!;
    expect(published(id).map(({ type }) => type)).toEqual([
      'status',
      'execute_input',
      'stream',
      'display_data',
      'execute_result',
      'status',
    ]);
    const counts = [reply, ...published(id)]
      .map(({ content }) => (content as { execution_count?: number }).execution_count)
      .filter((value) => value !== undefined);
    expect(new Set(counts).size).toBe(1);
    expect(reply.metadata).toMatchObject({ started: expect.any(String) });
  });

  test('a failing cell; a queue that is aborted; a cell that asks, updates, clears', async () => {
    await execute('throw new Error("e")');
    await execute('const n: string = 1');
    await execute(
      'await display("x", { displayId: "d" }); await display("y", { displayId: "d", update: true }); clearOutput()',
    );
    await Promise.all([execute('throw new Error("first")'), execute('1')]);
    const id = await tap.send('shell', 'execute_request', { code: 'await input("p")', allow_stdin: true });
    await eventually('input_request', () => tap.find('input_request', id).length === 1);
    await tap.send('stdin', 'input_reply', { value: 'typed' }, tap.find('input_request', id)[0]!.header);
    await eventually('the result', () => tap.idle(id));
    expect(tap.find('execute_result', id)[0]!.content).toMatchObject({ data: { 'text/plain': "'typed'" } });
  });

  test('a reply on stdin to an older question is ignored', async () => {
    const first = await tap.send('shell', 'execute_request', { code: 'await input("1")', allow_stdin: true });
    await eventually('the first question', () => tap.find('input_request', first).length === 1);
    await tap.request('control', 'interrupt', {});
    await eventually('idle', () => tap.idle(first));
    const second = await tap.send('shell', 'execute_request', {
      code: 'await input("2")',
      allow_stdin: true,
    });
    await eventually('the second question', () => tap.find('input_request', second).length === 1);
    await tap.send('stdin', 'input_reply', { value: 'stale' }, tap.find('input_request', first)[0]!.header);
    await tap.send('stdin', 'input_reply', { value: 'fresh' }, tap.find('input_request', second)[0]!.header);
    await eventually('the result', () => tap.idle(second));
    expect(tap.find('execute_result', second)[0]!.content).toMatchObject({
      data: { 'text/plain': "'fresh'" },
    });
  });

  test('a comm for a target nobody registered is closed', async () => {
    const id = await tap.send('shell', 'comm_open', { comm_id: 'c1', target_name: 'nobody', data: {} });
    await eventually('comm_close', () => tap.find('comm_close', id).length === 1);
    expect(tap.find('comm_close', id)[0]!.content).toEqual({ comm_id: 'c1', data: {} });
  });

  test('a comm that a cell opens and uses', async () => {
    const code = 'const line = comms.open("here", { n: 1 }); line.send({ n: 2 });';
    const reply = await tap.request('shell', 'execute', { code, silent: false });
    expect(reply.content).toMatchObject({ status: 'ok' });
    await eventually('comm_msg', () => tap.find('comm_msg').length === 1);
  });

  test('cursors count code points: an emoji before the cursor shifts nothing', async () => {
    const code = '"😀😀"; Math.ma';
    const reply = await tap.request('shell', 'complete', { code, cursor_pos: [...code].length });
    expect(reply.content).toMatchObject({ cursor_start: 11, cursor_end: 13 });
    expect((reply.content as { matches: string[] }).matches).toContain('max');
    const hover = '"😀"; Math.max';
    const inspected = await tap.request('shell', 'inspect', {
      code: hover,
      cursor_pos: [...hover].length,
      detail_level: 0,
    });
    expect(JSON.stringify(inspected.content)).toContain('max');
  });

  test('iopub_welcome has the subscription as its topic and no parent', () => {
    const welcome = tap.received.find(({ message }) => message.type === 'iopub_welcome')!;
    expect(welcome.topic).toBe('');
    expect(welcome.message).toMatchObject({ content: { subscription: '' }, parent: {} });
  });

  test('a client that comes late learns the latest status, with the request it belongs to', async () => {
    await execute('1');
    const last = tap.find('status').at(-1)!;
    const late = new Wiretap(kernel);
    await eventually('a status', () => late.find('status').length > 0);
    expect(late.received.map(({ message }) => message.type)).toEqual(['iopub_welcome', 'status']);
    expect(late.find('status')[0]).toMatchObject({
      content: { execution_state: 'idle' },
      parent: { msg_id: last.parent.msg_id },
    });
    late.close();
  });
});

test('all of these messages follow the specification, and no request was without an idle', () => {
  const types = new Set(tap.received.map(({ message }) => message.type));
  for (const type of Object.keys(shapes).filter((name) => name !== 'shutdown_reply'))
    expect([...types], `no ${type} was provoked`).toContain(type);
  for (const { message } of tap.received) checkMessage(message);
  const ids = tap.received.map(({ message }) => message.header.msg_id);
  expect(new Set(ids).size).toBe(ids.length);
});
