import { createHmac } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { Session, WireError } from '../../kernel/protocol/wire.js';

const key = 'a0436f6c-1916-498b-8eb9-e81ab9368e84';
const text = (frame: Uint8Array) => Buffer.from(frame).toString();

/** A message as another implementation would put it on the wire, signed independently of `Session`. */
function foreign(
  parts: string[],
  {
    signature,
    buffers = [],
    ids = ['peer'],
  }: { signature?: string; buffers?: Buffer[]; ids?: string[] } = {},
): Buffer[] {
  const hmac = createHmac('sha256', key);
  for (const part of parts) hmac.update(part);
  return [
    ...ids.map((id) => Buffer.from(id)),
    Buffer.from('<IDS|MSG>'),
    Buffer.from(signature ?? hmac.digest('hex')),
    ...parts.map((part) => Buffer.from(part)),
    ...buffers,
  ];
}
const header = JSON.stringify({
  msg_id: 'm1',
  session: 's',
  username: 'u',
  date: '2026-01-01T00:00:00Z',
  msg_type: 'execute_request',
  version: '5.3',
});

describe('encode', () => {
  test('frames are identities, delimiter, signature, four JSON parts, buffers', () => {
    const session = new Session(key);
    const parent = session.make('kernel_info_request', {}).header;
    const message = session.make(
      'stream',
      { name: 'stdout', text: 'π 😀' },
      { parent, metadata: { a: 1 }, buffers: [new Uint8Array([0, 255])] },
    );
    const frames = session.encode(message, ['topic']);
    expect(frames.map(text).slice(0, 2)).toEqual(['topic', '<IDS|MSG>']);
    const hmac = createHmac('sha256', key);
    for (const part of frames.slice(3, 7)) hmac.update(part);
    expect(text(frames[2]!)).toBe(hmac.digest('hex'));
    expect(JSON.parse(text(frames[3]!))).toMatchObject({ msg_type: 'stream', session: session.id });
    expect(JSON.parse(text(frames[4]!))).toEqual(parent);
    expect(JSON.parse(text(frames[5]!))).toEqual({ a: 1 });
    expect(JSON.parse(text(frames[6]!))).toEqual({ name: 'stdout', text: 'π 😀' });
    expect([...frames[7]!]).toEqual([0, 255]);
    expect(frames).toHaveLength(8);
  });

  test('message ids are unique', () => {
    const session = new Session(key);
    const ids = Array.from({ length: 100 }, () => session.make('kernel_info_request', {}).header.msg_id);
    expect(new Set(ids).size).toBe(100);
  });

  test('an empty key leaves the signature empty and accepts anything', () => {
    const session = new Session('');
    const frames = session.encode(session.make('kernel_info_request', {}));
    expect(text(frames[1]!)).toBe('');
    expect(new Session('').decode(frames).message.type).toBe('kernel_info_request');
  });
});

describe('decode', () => {
  test('reads what another implementation signed, with identities and buffers', () => {
    const frames = foreign([header, '{}', '{"m":1}', '{"code":"1"}'], {
      ids: ['a', 'b'],
      buffers: [Buffer.from([1, 2])],
    });
    const { identities, message } = new Session(key).decode(frames);
    expect(identities.map(text)).toEqual(['a', 'b']);
    expect(message).toMatchObject({
      type: 'execute_request',
      parent: {},
      metadata: { m: 1 },
      content: { code: '1' },
    });
    expect(message.buffers.map((buffer) => [...buffer])).toEqual([[1, 2]]);
  });

  test.each([0, 1, 2, 3])('a byte changed in part %i is noticed', (part) => {
    const frames = foreign([header, '{}', '{}', '{"code":"1"}']);
    const changed = Buffer.from(frames[3 + part]!);
    changed[changed.length - 1] = 0x20; // the closing brace
    frames[3 + part] = changed;
    expect(() => new Session(key).decode(frames)).toThrow(/signature does not match/);
  });

  test('another key, a short signature and no signature are refused', () => {
    const frames = foreign([header, '{}', '{}', '{}']);
    expect(() => new Session('another key').decode(frames)).toThrow(/signature does not match/);
    for (const signature of ['', 'abc', text(frames[2]!).toUpperCase()])
      expect(() => new Session(key).decode(foreign([header, '{}', '{}', '{}'], { signature }))).toThrow(
        /signature does not match/,
      );
  });

  test('a message is accepted once', () => {
    const session = new Session(key);
    const frames = foreign([header, '{}', '{}', '{}']);
    session.decode(frames);
    expect(() => session.decode(frames)).toThrow(/received before/);
  });

  test.each([
    ['no frames', []],
    ['no delimiter', [Buffer.from('id'), Buffer.from('x')]],
    ['nothing after the delimiter', [Buffer.from('<IDS|MSG>')]],
    ['too few parts', foreign([header, '{}', '{}'])],
    ['header not JSON', foreign(['{', '{}', '{}', '{}'])],
    ['header a list', foreign(['[]', '{}', '{}', '{}'])],
    ['header without msg_type', foreign(['{"msg_id":"1"}', '{}', '{}', '{}'])],
    ['header with a number as msg_id', foreign(['{"msg_id":1,"msg_type":"a"}', '{}', '{}', '{}'])],
    ['content null', foreign([header, '{}', '{}', 'null'])],
    ['metadata a string', foreign([header, '{}', '"m"', '{}'])],
    ['invalid UTF-8 in the header', foreign(['\u0000', '{}', '{}', '{}'])],
  ])('%s is a WireError', (_, frames) => {
    expect(() => new Session(key).decode(frames)).toThrow(WireError);
  });
});
