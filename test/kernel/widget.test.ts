/** Widgets over the real protocol: what anywidget's front end sends and expects, buffers, live state, types. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { joinBuffers, likeBefore, splitBuffers } from '../../kernel/comms/buffers.js';
import type { KernelClient } from '../../kernel/protocol/client.js';
import type { RawMessage } from '../../kernel/protocol/messages.js';
import { eventually, ofType, publishedAs, runCell, saidIdle, startKernel } from './helpers.js';

describe('buffers', () => {
  test('binary values leave their place as the protocol says, and come back to it', () => {
    const state = {
      plain: [0, 'text'],
      x: { ar: Uint8Array.of(1) },
      y: { list: [2, new ArrayBuffer(2), null] },
    };
    const split = splitBuffers(state);
    expect(split.state).toEqual({ plain: [0, 'text'], x: {}, y: { list: [2, null, null] } });
    expect(split.buffer_paths).toEqual([
      ['x', 'ar'],
      ['y', 'list', 1],
    ]);
    joinBuffers(split.state, split.buffer_paths, split.buffers);
    expect(split.state).toEqual({ ...state, y: { list: [2, new Uint8Array(2), null] } });
    expect(state.x.ar).toEqual(Uint8Array.of(1));
  });

  test('a path to nowhere is refused, one to a prototype harms nobody', () => {
    for (const path of [[], ['a', 'b'], ['__proto__', 'polluted'], ['constructor', 'prototype', 'polluted']])
      expect(() => joinBuffers({ x: 1 }, [path], [Uint8Array.of(1)])).toThrow('has no place');
    expect(() => joinBuffers({}, [['x']], [])).toThrow('has no place');
    joinBuffers({}, [['__proto__']], [Uint8Array.of(1)]);
    expect('polluted' in {}).toBe(false);
  });

  test('bytes keep the kind of array they had', () => {
    const bytes = new Uint8Array(Float32Array.of(1, 2).buffer);
    expect(likeBefore(bytes, new Float32Array(5))).toEqual(Float32Array.of(1, 2));
    expect(likeBefore(bytes.subarray(0, 7), new Float32Array(5))).toEqual(bytes.subarray(0, 7));
    expect(likeBefore(bytes, new ArrayBuffer(1))).toBeInstanceOf(ArrayBuffer);
    expect(likeBefore(bytes, 'text')).toBe(bytes);
  });
});

let kernel: KernelClient;
const published: RawMessage[] = [];
let id = '';
beforeAll(async () => {
  kernel = await startKernel();
  kernel.onMessage((message) => published.push(message));
});
afterAll(() => kernel.shutdown());
beforeEach(() => {
  published.length = 0;
});

const find = (type: string, parent?: string) => publishedAs(published, type, parent);
const data = (message: RawMessage | undefined) => (message?.content as { data?: unknown } | undefined)?.data;
const say = async (content: object, buffers: Uint8Array[] = []) => {
  const sent = await kernel.sendComm('comm_msg', { comm_id: id, data: content }, { buffers });
  await eventually('idle', () => saidIdle(published, sent));
  return sent;
};
const stdout = (parent: string) =>
  find('stream', parent)
    .map((message) => (message.content as { text: string }).text)
    .join('');

test('opens the comm of the widget and shows the view', async () => {
  const cell = await runCell(
    kernel,
    `const w = widget({
       esm: 'export default { render() {} }', css: '.x {}',
       state: { count: 1, label: 'a', points: new Float32Array([1, 2]) },
     });
     w`,
  );
  const [open] = find('comm_open');
  id = (open!.content as { comm_id: string }).comm_id;
  expect(open!.metadata).toEqual({ version: '2.1.0' });
  expect(open!.content).toMatchObject({
    target_name: 'jupyter.widget',
    data: {
      state: {
        _model_module: 'anywidget',
        _model_name: 'AnyModel',
        _view_module: 'anywidget',
        _view_name: 'AnyView',
        _esm: 'export default { render() {} }',
        _css: '.x {}',
        count: 1,
        label: 'a',
      },
      buffer_paths: [['points']],
    },
  });
  expect(Buffer.from(open!.buffers[0]!)).toEqual(Buffer.from(Float32Array.of(1, 2).buffer));
  const [result] = ofType(cell.outputs, 'execute_result');
  expect(result!.content.data['application/vnd.jupyter.widget-view+json']).toEqual({
    version_major: 2,
    version_minor: 0,
    model_id: id,
  });
});

test('the cell changes the state: an update, only of what changed, and the listeners', async () => {
  const cell = await runCell(
    kernel,
    `w.on('change:count', (value, before) => { console.log('count', before + 0, '->', value + 0); });
     w.on('change', (changes) => { console.log(JSON.stringify(changes)); });
     w.state.count = 5; w.set({ count: 5, label: 'b' }); w.set({ count: 5 }); w.state.count + 1`,
  );
  expect(cell.result).toBe('6');
  expect(find('comm_msg').map(data)).toEqual([
    { method: 'update', state: { count: 5 }, buffer_paths: [] },
    { method: 'update', state: { label: 'b' }, buffer_paths: [] },
  ]);
  expect(cell.stdout).toBe('count 1 -> 5\n{"count":5}\n{"label":"b"}\n');
});

test('the front end changes the state: live in the cell, echoed, foreign keys ignored', async () => {
  const points = new Uint8Array(Float32Array.of(7, 8, 9).buffer);
  const sent = await say(
    { method: 'update', state: { count: 9, _esm: 'evil', foreign: 1 }, buffer_paths: [['points']] },
    [points],
  );
  expect(stdout(sent)).toContain('count 5 -> 9\n');
  expect(find('comm_msg', sent).map(data)).toEqual([
    { method: 'echo_update', state: { count: 9 }, buffer_paths: [['points']] },
  ]);
  expect(Buffer.from(find('comm_msg', sent)[0]!.buffers[0]!)).toEqual(Buffer.from(points));
  const cell = await runCell(kernel, '[w.state.count, Object.keys(w.state).join(), w.state.points]');
  expect(cell.result).toBe("[ 9, 'count,label,points', Float32Array(3) [ 7, 8, 9 ] ]");
});

test('request_state: all of it, as a reply to the request', async () => {
  const sent = await say({ method: 'request_state' });
  const [reply] = find('comm_msg', sent);
  expect(data(reply)).toMatchObject({
    method: 'update',
    state: { _model_module: 'anywidget', _esm: 'export default { render() {} }', count: 9, label: 'b' },
    buffer_paths: [['points']],
  });
  expect(reply!.buffers[0]!.length).toBe(12);
});

test('request_states over the control comm: every open widget with its buffers, closed ones not', async () => {
  await runCell(
    kernel,
    `const gone = widget({ esm: 'export default { render() {} }', state: {} }); gone.close();
     const other = widget({ esm: 'export default () => ({ render() {} })', state: { nested: { bytes: Uint8Array.of(3) } } });`,
  );
  const [other] = find('comm_open').slice(-1);
  const otherId = (other!.content as { comm_id: string }).comm_id;
  await kernel.sendComm('comm_open', { comm_id: 'control', target_name: 'jupyter.widget.control', data: {} });
  const sent = await kernel.sendComm('comm_msg', { comm_id: 'control', data: { method: 'request_states' } });
  await eventually('idle', () => saidIdle(published, sent));
  const [reply] = find('comm_msg', sent);
  const answer = data(reply) as { method: string; states: Record<string, unknown>; buffer_paths: unknown };
  expect(Object.keys(answer.states)).toEqual([id, otherId]);
  expect(answer).toMatchObject({
    method: 'update_states',
    states: {
      [id]: {
        model_name: 'AnyModel',
        model_module: 'anywidget',
        model_module_version: '0',
        state: { _view_name: 'AnyView', _esm: 'export default { render() {} }', count: 9, label: 'b' },
      },
      [otherId]: { state: { nested: {} } },
    },
    buffer_paths: [
      [id, 'state', 'points'],
      [otherId, 'state', 'nested', 'bytes'],
    ],
  });
  expect(reply!.buffers.map((buffer) => buffer.length)).toEqual([12, 1]);
  const style = (widgetId: string) =>
    (answer.states[widgetId] as { state: Record<string, unknown> }).state._anywidget_id;
  expect(style(id)).not.toBe(style(otherId));
  await runCell(kernel, 'other.close()');
  // What an address holds only the page can tell.
  const remote = await runCell(
    kernel,
    "const remote = widget({ esm: 'https://example.org/w.js' }); remote.close();",
  );
  expect(remote.reply).toMatchObject({ status: 'ok' });
});

test('custom messages both ways', async () => {
  await runCell(
    kernel,
    `w.on('msg:custom', (content, buffers) => w.send({ got: content }, [Uint8Array.of(buffers.length, ...buffers[0]!)])); 0`,
  );
  const sent = await say({ method: 'custom', content: { kind: 'ping' } }, [Uint8Array.of(4)]);
  const [reply] = find('comm_msg', sent);
  expect(data(reply)).toEqual({ method: 'custom', content: { got: { kind: 'ping' } } });
  expect([...reply!.buffers[0]!]).toEqual([1, 4]);
});

test('a failing listener is shown and keeps neither the others nor the state from changing', async () => {
  await runCell(kernel, `w.on('change:label', () => { throw new Error('broken listener'); }); 0`);
  const sent = await say({ method: 'update', state: { label: 'z' }, buffer_paths: [] });
  expect(stdout(sent)).toContain('broken listener');
  expect(stdout(sent)).toContain('{"label":"z"}');
  const odd = await say({ method: 'update', state: { label: 'y' }, buffer_paths: [['no', 'place']] }, [
    Uint8Array.of(1),
  ]);
  expect(stdout(odd)).toContain('has no place');
  expect((await runCell(kernel, 'w.state.label')).result).toBe("'z'");
});

test('the types of the state are known, mistakes are caught', async () => {
  for (const [code, message] of [
    ['w.state.count = "x"', "Type 'string' is not assignable to type 'number'"],
    ['w.set({ cuont: 1 })', 'cuont'],
    ['w.on("change:nothing", () => {})', 'change:nothing'],
    ['widget({ state: {} })', 'esm'],
  ] as const) {
    const { reply } = await runCell(kernel, code);
    expect(reply).toMatchObject({ status: 'error', ename: 'CompileError' });
    expect(JSON.stringify(reply)).toContain(message);
  }
  for (const [code, message] of [
    ['widget({ esm: 7 as never })', 'widget: esm must be the text'],
    ['widget({ esm: "", state: { _esm: 1 } })', 'is not free'],
    ['widget({ esm: "const a = 1;\\nexport default {{" })', 'the esm is not a JavaScript module'],
    ['widget({ esm: "const a = 1;\\nexport default {{" })', '[esm:2:'],
    ['widget({ esm: "export const a = 1;" })', 'the esm has no default export'],
    ['w.set({ extra: 1 } as never)', 'the state has no key \\"extra\\"; it has count, label, points'],
  ] as const)
    expect(JSON.stringify((await runCell(kernel, code)).reply).replaceAll('\\\\', '\\')).toContain(message);
});

test('close ends it on both sides', async () => {
  await runCell(kernel, 'w.close()');
  expect(find('comm_close')[0]!.content).toMatchObject({ comm_id: id });
  expect(await kernel.request('comm_info', { target_name: 'jupyter.widget' })).toEqual({
    status: 'ok',
    comms: {},
  });
});
