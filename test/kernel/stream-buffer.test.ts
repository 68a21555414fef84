/** The pace of what a cell prints: small things at once, floods in steps, and what an interrupt leaves of them. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { StreamBuffer } from '../../kernel/worker/stream-buffer.js';

const mebibyte = 1024 * 1024;
let sent: { id: number | undefined; name: string; text: string }[];
let buffer: StreamBuffer;
beforeEach(() => {
  vi.useFakeTimers();
  sent = [];
  buffer = new StreamBuffer((id, name, text) => sent.push({ id, name, text }));
});
afterEach(() => {
  vi.useRealTimers();
});

const text = () => sent.map((message) => message.text).join('');

test('what is printed after a pause goes out within 25 ms', () => {
  for (const line of ['a', 'b', 'c']) {
    buffer.add(1, 'stdout', line);
    vi.advanceTimersByTime(25);
    expect(text().at(-1)).toBe(line);
    vi.advanceTimersByTime(1_000);
  }
});

test('a flood of five seconds is at most 25 messages and 2 MiB, and all of it is there at the end', () => {
  let printed = '';
  for (let ms = 0; ms < 5_000; ms++) {
    const lines = `${ms}\n`.repeat(200);
    printed += lines;
    buffer.add(1, 'stdout', lines);
    vi.advanceTimersByTime(1);
  }
  expect(printed.length).toBeGreaterThan(4 * mebibyte);
  expect(sent.length).toBeLessThanOrEqual(25);
  expect(text().length).toBeLessThan(2 * mebibyte);
  buffer.flush();
  expect(text()).toBe(printed);
});

test('more than 8 MiB is not held back', () => {
  buffer.add(1, 'stdout', 'x'.repeat(24 * mebibyte));
  expect(text().length).toBe(16 * mebibyte);
  buffer.flush();
  expect(text().length).toBe(24 * mebibyte);
});

test('an interrupt leaves the last lines of the flood, and all that others printed', () => {
  for (let line = 0; line < 100_000; line++) buffer.add(1, 'stdout', `line ${line}\n`);
  buffer.add(2, 'stdout', 'other\n');
  expect(buffer.discard(1)).toBeGreaterThan(mebibyte);
  buffer.flush();
  const left = sent.filter(({ id }) => id === 1).map((message) => message.text);
  expect(left.join('')).toMatch(/^line 99\d\d\d\n[\s\S]*line 99999\n$/);
  expect(sent.filter(({ id }) => id === 2).map((message) => message.text)).toEqual(['other\n']);
});

test('an interrupt leaves what is no flood as it is', () => {
  buffer.add(1, 'stdout', 'x'.repeat(1_000));
  expect(buffer.discard(1)).toBe(0);
  buffer.flush();
  expect(text().length).toBe(1_000);
});

test('order is kept between streams, and no character is cut', () => {
  for (const part of ['a', 'b', 'c']) {
    buffer.add(1, 'stdout', `${part}😀`.repeat(100_000));
    buffer.add(1, 'stderr', part);
  }
  while (sent.length === 0 || text().length < 900_003) vi.advanceTimersByTime(250);
  expect(sent.filter(({ name }) => name === 'stderr').map((message) => message.text)).toEqual([
    'a',
    'b',
    'c',
  ]);
  expect(text()).toBe(['a', 'b', 'c'].map((part) => `${part}😀`.repeat(100_000) + part).join(''));
  for (const message of sent) expect(message.text).not.toMatch(/\p{Cs}/u);
});
