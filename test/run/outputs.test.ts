/** Output messages to outputs of the file: merged streams, updates by display id, clear_output. */
import { beforeEach, describe, expect, it } from 'vitest';
import type { OutputMessage } from '../../kernel/protocol/messages.js';
import type { CodeCell, Output } from '../../scripts/notebook/format.js';
import { OutputCollector } from '../../scripts/run/outputs.js';
import { streamPrefix } from '../../scripts/run/stream-prefix.js';

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

describe('more than a cell may show', () => {
  const limit = 4096;
  const notice = (output: Output | undefined) =>
    output?.output_type === 'stream' && output.name === 'stderr' ? output.text : '';
  beforeEach(() => {
    collector = new OutputCollector(limit);
  });

  it('is cut where the limit is reached, and one line says so, with what was dropped', () => {
    for (let i = 0; i < 10; i++) receive(stream('stdout', 'x'.repeat(1023)));
    expect(cell.outputs).toHaveLength(2);
    const [text] = words(cell) as string[];
    expect(text!.length).toBeGreaterThan(3500);
    expect(text!.length).toBeLessThan(limit);
    expect(notice(cell.outputs[1])).toMatch(/cut at 4 KiB \(--max-output\); .* more were dropped\.\n$/);
  });

  it('counts what the file takes: lines, escapes, and outputs however small', () => {
    receive(stream('stdout', '\n'.repeat(2000)));
    expect((words(cell)[0] as string).length).toBeLessThan(400);
    cell = newCell();
    receive(stream('stdout', '\u0001'.repeat(2000)));
    expect((words(cell)[0] as string).length).toBeLessThan(800);
    cell = newCell();
    for (let i = 0; i < 100; i++) receive(show('1'));
    expect(cell.outputs.length).toBeLessThan(30);
    expect(notice(cell.outputs.at(-1))).toContain('dropped');
  });

  it('halves no character', () => {
    for (const start of ['', 'a']) {
      cell = newCell();
      receive(stream('stdout', start + '\u{1F600}'.repeat(3000)));
      const [output] = cell.outputs;
      expect(output?.output_type === 'stream' && output.text.search(/\p{Surrogate}/u)).toBe(-1);
    }
  });

  it('drops a display that does not fit, keeps errors, and is per cell', () => {
    receive(
      show('x'.repeat(5000)),
      show('small'),
      message('error', { ename: 'E', evalue: 'v', traceback: [] }),
    );
    expect(cell.outputs.map((output) => output.output_type)).toEqual(['stream', 'error']);
    cell = newCell();
    receive(show('small'));
    expect(words(cell)).toEqual(['small']);
  });

  it('has room again after clear_output, however often', () => {
    for (let i = 0; i < 50; i++)
      receive(stream('stdout', 'x'.repeat(1000)), clear(true), stream('stdout', 'y'));
    expect(words(cell)).toEqual(['stdout:y']);
    for (let i = 0; i < 50; i++) receive(show('x'.repeat(1000), 'id'), clear(false));
    expect(words(cell)).toEqual([]);
  });

  it('counts an update as what it replaces', () => {
    receive(show('x', 'id'));
    for (let i = 0; i < 50; i++) receive(update('y'.repeat(3000), 'id'));
    expect(words(cell)).toEqual(['y'.repeat(3000)]);
    receive(update('z'.repeat(5000), 'id'));
    expect(words(cell)[0]).toBe('y'.repeat(3000));
    expect(notice(cell.outputs[1])).toContain('dropped');
  });

  it('parses of a huge message what it keeps', () => {
    const content = { name: 'stdout', text: 'ab\n'.repeat(10_000) };
    const huge = {
      ...stream('stdout', ''),
      contentFrame: Buffer.from(JSON.stringify(content)),
      get content(): never {
        throw new Error('parsed');
      },
    };
    receive(huge as unknown as OutputMessage, huge as unknown as OutputMessage);
    expect(words(cell)[0]).toMatch(/^stdout:(ab\n)+(a|ab)?$/);
    expect(notice(cell.outputs[1])).toMatch(/7\d\.\d KiB more were dropped/);
  });
});

describe('the beginning of a huge stream message', () => {
  const text = 'é"\\ \n\u0001 \u{1F600} end \\\\';
  const ascii = (json: string) =>
    json.replace(/[\u0080-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);

  it.each<[string, string]>([
    ['as ipykernel writes it', JSON.stringify({ name: 'stdout', text })],
    ['with the text first', JSON.stringify({ text, name: 'stdout' })],
    ['with spaces', JSON.stringify({ name: 'stdout', text }, null, 1)],
    ['in ASCII', ascii(JSON.stringify({ name: 'stdout', text }))],
  ])('is read wherever it is cut, %s', (_, json) => {
    const frame = Buffer.from(json);
    const first = json.indexOf('\u00e9') >= 0 ? frame.indexOf('é') : json.indexOf('\\u00e9');
    let longest = '';
    for (let bytes = first; bytes < frame.length; bytes++) {
      const prefix = streamPrefix(frame, bytes);
      // Beyond the text the JSON ends: nothing is cut there.
      if (!prefix) continue;
      expect(prefix.name).toBe('stdout');
      expect(text.startsWith(prefix.text)).toBe(true);
      if (prefix.text.length > longest.length) longest = prefix.text;
    }
    expect(longest.length).toBeGreaterThan(text.length - 3);
  });

  it('is left alone where it is none', () => {
    expect(streamPrefix(Buffer.from('{"data":{"text":"x"}}'), 15)).toBeUndefined();
    expect(streamPrefix(Buffer.from('{"name":"other","text":"xxxx"}'), 26)).toBeUndefined();
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
