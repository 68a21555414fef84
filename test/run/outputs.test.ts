/** Output messages to outputs of the file: merged streams, updates by display id, clear_output. */
import { beforeEach, describe, expect, it } from 'vitest';
import type { OutputMessage } from '../../kernel/protocol/messages.js';
import type { CodeCell } from '../../scripts/notebook/format.js';
import { OutputCollector } from '../../scripts/run/outputs.js';

const header = { msg_id: 'm', session: 's', username: '', date: '', msg_type: '', version: '5.4' };
const message = <T extends OutputMessage['type']>(
  type: T,
  content: Extract<OutputMessage, { type: T }>['content'],
) => ({ type, content, header, parent: {}, metadata: {}, buffers: [] }) as unknown as OutputMessage;
const stream = (name: 'stdout' | 'stderr', text: string) => message('stream', { name, text });
const show = (text: string, id?: string) =>
  message('display_data', {
    data: { 'text/plain': text },
    metadata: {},
    ...(id && { transient: { display_id: id } }),
  });
const update = (text: string, id: string) =>
  message('update_display_data', {
    data: { 'text/plain': text },
    metadata: { n: 1 },
    transient: { display_id: id },
  });
const clear = (wait: boolean) => message('clear_output', { wait });

let collector: OutputCollector;
let cell: CodeCell;
const newCell = (): CodeCell => ({
  cell_type: 'code',
  id: 'c',
  metadata: {},
  source: '',
  execution_count: 1,
  outputs: [],
});
const receive = (...messages: OutputMessage[]) => {
  for (const one of messages) collector.receive(cell, one);
};
const words = (one: CodeCell) =>
  one.outputs.map((output) =>
    output.output_type === 'stream'
      ? `${output.name}:${output.text}`
      : output.output_type === 'error'
        ? output.ename
        : output.data['text/plain'],
  );

beforeEach(() => {
  collector = new OutputCollector();
  cell = newCell();
});

describe('streams', () => {
  it('merge while nothing else comes between', () => {
    receive(
      stream('stdout', 'a'),
      stream('stdout', 'b\n'),
      stream('stderr', 'e'),
      stream('stdout', 'c'),
      show('x'),
      stream('stdout', 'd'),
    );
    expect(words(cell)).toEqual(['stdout:ab\n', 'stderr:e', 'stdout:c', 'x', 'stdout:d']);
  });
});

describe('display updates', () => {
  it('reach every output with the id, in other cells too, and add none', () => {
    const first = cell;
    receive(show('1', 'id'), show('2', 'other'), show('3', 'id'));
    cell = newCell();
    receive(update('new', 'id'), update('lost', 'unknown'));
    expect(words(first)).toEqual(['new', '2', 'new']);
    expect(words(cell)).toEqual([]);
    expect(first.outputs[0]).toMatchObject({ metadata: { n: 1 } });
  });

  it('keep the display id out of the file', () => {
    receive(show('1', 'id'));
    expect(cell.outputs[0]).toEqual({
      output_type: 'display_data',
      data: { 'text/plain': '1' },
      metadata: {},
    });
  });
});

describe('clear_output', () => {
  it('clears at once', () => {
    receive(show('1'), clear(false));
    expect(words(cell)).toEqual([]);
  });

  it('waits for the next output, which it does not merge into the old', () => {
    receive(stream('stdout', 'a'), clear(true));
    expect(words(cell)).toEqual(['stdout:a']);
    receive(stream('stdout', 'b'), stream('stdout', 'c'));
    expect(words(cell)).toEqual(['stdout:bc']);
  });

  it('is no output itself: an update leaves it waiting', () => {
    receive(show('1', 'id'), clear(true), update('2', 'id'));
    expect(words(cell)).toEqual(['2']);
    receive(show('3'));
    expect(words(cell)).toEqual(['3']);
  });
});

it('keeps results and errors', () => {
  receive(
    message('execute_result', { data: { 'text/plain': '7' }, metadata: {}, execution_count: 4 }),
    message('error', { ename: 'E', evalue: 'v', traceback: ['t'] }),
  );
  expect(cell.outputs).toEqual([
    { output_type: 'execute_result', data: { 'text/plain': '7' }, metadata: {}, execution_count: 4 },
    { output_type: 'error', ename: 'E', evalue: 'v', traceback: ['t'] },
  ]);
});
