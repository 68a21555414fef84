/** The schema checker of the suite, given transcripts that are wrong on purpose: every fault must be found. */
import { describe, expect, test } from 'vitest';
import type { Header } from '../../kernel/protocol/messages.js';
import type { Received } from '../../scripts/conformance/probe.js';
import {
  contentComplaints,
  duplicateIds,
  headerComplaints,
  tally,
} from '../../scripts/conformance/schema.js';

const header = (type: string, extra: object = {}): Header => ({
  msg_id: 'id-1',
  session: 's',
  username: 'u',
  date: '2024-05-06T07:08:09.123Z',
  msg_type: type,
  version: '5.4',
  ...extra,
});

function received(channel: Received['channel'], type: string, content: object, extra: object = {}): Received {
  const parent = header('execute_request', { msg_id: 'request-1' });
  const message = { type, header: header(type), parent, metadata: {}, content, buffers: [], ...extra };
  return { channel, message };
}

const failure = { ename: 'E', evalue: 'why', traceback: ['E: why'] };

describe('what is as specified has no complaint', () => {
  test.each<[Received['channel'], string, object]>([
    ['iopub', 'status', { execution_state: 'busy' }],
    ['iopub', 'stream', { name: 'stderr', text: '' }],
    ['iopub', 'execute_result', { execution_count: 1, data: { 'text/plain': '1' }, metadata: {} }],
    ['iopub', 'display_data', { data: { 'image/svg+xml': '<svg/>' }, metadata: {}, extra: 1 }],
    ['iopub', 'update_display_data', { data: {}, metadata: {}, transient: { display_id: 'd' } }],
    ['iopub', 'error', failure],
    ['shell', 'execute_reply', { status: 'ok', execution_count: 0, user_expressions: {}, payload: [] }],
    ['shell', 'execute_reply', { status: 'error', execution_count: 2, ...failure }],
    ['shell', 'execute_reply', { status: 'aborted' }],
    ['shell', 'inspect_reply', { status: 'error', ...failure }],
    ['control', 'shutdown_reply', { status: 'ok', restart: false }],
    ['stdin', 'input_request', { prompt: '', password: true }],
  ])('%s %s %j', (channel, type, content) => {
    const one = received(channel, type, content);
    expect([...contentComplaints(one), ...headerComplaints(one)]).toEqual([]);
  });
});

describe('a fault in the content is found and named', () => {
  test.each<[Received['channel'], string, object, string]>([
    ['iopub', 'status', { execution_state: 'sleeping' }, 'status.execution_state is "sleeping"'],
    ['iopub', 'stream', { name: 'stdlog', text: '' }, 'stream.name is "stdlog"'],
    ['iopub', 'stream', { name: 'stdout', text: 7 }, 'stream.text is 7'],
    ['iopub', 'stream', { name: 'stdout' }, 'stream.text is absent'],
    ['iopub', 'execute_input', { code: '', execution_count: null }, 'execute_input.execution_count is null'],
    [
      'iopub',
      'execute_result',
      { execution_count: 1.5, data: {}, metadata: {} },
      'execute_result.execution_count is 1.5',
    ],
    ['iopub', 'display_data', { data: { text: 'x' }, metadata: {} }, 'display_data.data is {"text":"x"}'],
    ['iopub', 'display_data', { data: {} }, 'display_data.metadata is absent'],
    [
      'iopub',
      'update_display_data',
      { data: {}, metadata: {}, transient: {} },
      'update_display_data.transient is {}',
    ],
    ['iopub', 'error', { ...failure, traceback: 'text' }, 'error.traceback is "text"'],
    ['iopub', 'clear_output', { wait: 'no' }, 'clear_output.wait is "no"'],
    ['shell', 'execute_reply', { status: 'error', ...failure }, 'execute_reply.execution_count is absent'],
    ['shell', 'execute_reply', { execution_count: 1 }, 'execute_reply.status is absent'],
    [
      'shell',
      'execute_reply',
      { status: 'ok', execution_count: 1, user_expressions: { x: { status: 'ok' } } },
      'execute_reply.user_expressions is {"x":{"status":"ok"}}',
    ],
    [
      'shell',
      'kernel_info_reply',
      {
        status: 'ok',
        protocol_version: '5.4',
        implementation: 'i',
        implementation_version: '1',
        banner: '',
        language_info: { name: 'n' },
      },
      'kernel_info_reply.language_info is {"name":"n"}',
    ],
    [
      'shell',
      'complete_reply',
      { status: 'ok', matches: 'a', cursor_start: 0, cursor_end: 0, metadata: {} },
      'complete_reply.matches is "a"',
    ],
    [
      'shell',
      'inspect_reply',
      { status: 'error', ename: 'E', evalue: '' },
      'inspect_reply.traceback is absent',
    ],
    ['shell', 'is_complete_reply', { status: 'yes' }, 'is_complete_reply.status is "yes"'],
    ['stdin', 'input_request', { prompt: 'p' }, 'input_request.password is absent'],
    ['iopub', 'execute_reply', { status: 'ok' }, 'execute_reply does not belong on iopub'],
    ['shell', 'stream', { name: 'stdout', text: '' }, 'stream does not belong on shell'],
    ['iopub', 'made_up', {}, 'made_up does not belong on iopub'],
  ])('%s %s %j', (channel, type, content, complaint) => {
    expect(contentComplaints(received(channel, type, content))).toEqual([complaint]);
  });

  test('frames that are no message', () => {
    expect(contentComplaints({ channel: 'shell', broken: 'no delimiter' })).toEqual([
      'frames on shell that are no message: no delimiter',
    ]);
  });
});

describe('a fault in the header is found and named', () => {
  const status = (extra: object) => received('iopub', 'status', { execution_state: 'idle' }, extra);

  test.each(['msg_id', 'session', 'username', 'version'])('no %s', (field) => {
    const one = status({ header: header('status', { [field]: undefined }) });
    expect(headerComplaints(one)).toEqual([`status on iopub: no header.${field}`]);
  });

  test('a date that is none', () => {
    const one = status({ header: header('status', { date: 'yesterday' }) });
    expect(headerComplaints(one)).toEqual(['status on iopub: header.date is yesterday']);
  });

  test('no parent, where a request caused the message', () => {
    expect(headerComplaints(status({ parent: {} }))).toEqual(['status on iopub: no parent']);
    const starting = received('iopub', 'status', { execution_state: 'starting' }, { parent: {} });
    expect(headerComplaints(starting)).toEqual([]);
    const reply = received('shell', 'interrupt_reply', { status: 'ok' }, { parent: {} });
    expect(headerComplaints(reply)).toEqual(['interrupt_reply on shell: no parent']);
  });
});

test('two messages with one id are found, one message at two clients is not', () => {
  const first = received('iopub', 'stream', { name: 'stdout', text: 'a' });
  const other = received('iopub', 'stream', { name: 'stdout', text: 'b' });
  expect(duplicateIds([first, first])).toEqual([]);
  expect(duplicateIds([first, other])).toEqual(['a msg_id of stream is not unique']);
});

test('complaints are counted, the most frequent first', () => {
  expect(tally(['a', 'b', 'b'])).toEqual(['b (2 ×)', 'a (1 ×)']);
});
