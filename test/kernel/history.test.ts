/** History on disk: several sessions, several kernels at once, damage, bounds, and the switches. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { HistoryRequest } from '../../kernel/protocol/messages.js';
import { History } from '../../kernel/worker/history.js';
import { HistoryStore, historyFolder } from '../../kernel/worker/history-store.js';
import { runCell, startKernel } from './helpers.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'kernelbook-history-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const open = (...cells: string[]): History => {
  const history = new History(new HistoryStore(folder));
  cells.forEach((cell, index) => {
    history.add(index + 1, cell);
  });
  history.flush();
  return history;
};
const ask = (history: History, request: Partial<HistoryRequest>) =>
  history.query({ output: false, raw: true, hist_access_type: 'tail', ...request });

describe('across sessions', () => {
  test('tail reaches into earlier sessions, the newest last', () => {
    open('a', 'b');
    const history = open('c');
    expect(ask(history, { n: 2 })).toEqual([
      [1, 2, 'b'],
      [2, 1, 'c'],
    ]);
    expect(ask(history, {})).toHaveLength(3);
    expect(ask(history, { n: 0 })).toEqual([]);
  });

  test('range: 0 is this session, negative ones count back, positive ones are numbers', () => {
    open('a');
    open('b', 'c', 'd');
    const history = open('e');
    const range = (session: number, rest = {}) =>
      ask(history, { hist_access_type: 'range', session, ...rest });
    expect(range(0)).toEqual([[3, 1, 'e']]);
    expect(range(-1, { start: 2, stop: 3 })).toEqual([[2, 2, 'c']]);
    expect(range(-2)).toEqual([[1, 1, 'a']]);
    expect(range(-3)).toEqual([]);
    expect(range(2)).toHaveLength(3);
    expect(range(9)).toEqual([]);
  });

  test('range in a session that has stored nothing yet', () => {
    open('a');
    const history = open();
    expect(ask(history, { hist_access_type: 'range', session: 0 })).toEqual([]);
    expect(ask(history, { hist_access_type: 'range', session: -1 })).toEqual([[1, 1, 'a']]);
    expect(readdirSync(folder)).toEqual(['000001.jsonl']);
  });

  test('search: all sessions, unique keeps the newest', () => {
    open('plot(1)', 'x');
    const history = open('plot(2)', 'plot(1)');
    const search = { hist_access_type: 'search', pattern: 'plot*' } as const;
    expect(ask(history, search)).toHaveLength(3);
    expect(ask(history, { ...search, n: 1 })).toEqual([[2, 2, 'plot(1)']]);
    expect(ask(history, { ...search, unique: true, pattern: 'plot(1)' })).toEqual([[2, 2, 'plot(1)']]);
  });

  test('outputs are kept too', () => {
    const first = open('1 + 1');
    first.setOutput(1, '2');
    first.setOutput(7, 'of no cell');
    first.flush();
    expect(ask(open(), { output: true })).toEqual([[1, 1, ['1 + 1', '2']]]);
  });
});

test('kernels at once: numbers of their own, nothing mixed, each sees the other', () => {
  const histories = [open(), open(), open()];
  for (let line = 1; line <= 20; line++)
    histories.forEach((history, index) => {
      history.add(line, `kernel ${index} line ${line}`);
      history.flush();
    });
  expect(readdirSync(folder)).toHaveLength(3);
  for (const [index, history] of histories.entries()) {
    const own = ask(history, { hist_access_type: 'range', session: 0 });
    expect(own).toHaveLength(20);
    expect(
      own.every(([session, , input]) => session === index + 1 && String(input).startsWith(`kernel ${index}`)),
    ).toBe(true);
    expect(ask(history, {})).toHaveLength(60);
  }
});

test('damaged lines are skipped, what follows a torn write is read', () => {
  open('good');
  writeFileSync(
    join(folder, '000002.jsonl'),
    '\n{"line":1,"input":"kept"}\n{"line":2,"inp\n\u0000\u0001\nnull\n[]\n7\n{"line":"3","input":"no"}\n{"line":4,"input":7}\n{"line":9,"output":"of none"}\n{"line":5,"input":"also"}',
  );
  writeFileSync(join(folder, 'notes.txt'), 'not ours');
  expect(ask(open(), {})).toEqual([
    [1, 1, 'good'],
    [2, 1, 'kept'],
    [2, 5, 'also'],
  ]);
});

test('the oldest sessions make room, and so do the oldest cells of a long one', () => {
  const limits = { totalBytes: 3_000, sessionBytes: 1_000 };
  const cell = 'x'.repeat(90);
  for (let session = 0; session < 8; session++) {
    const history = new History(new HistoryStore(folder, limits));
    for (let line = 1; line <= 50; line++) {
      history.add(line, `${cell}${line}`);
      history.flush();
    }
  }
  const files = readdirSync(folder).sort();
  const bytes = files.reduce((sum, name) => sum + statSync(join(folder, name)).size, 0);
  expect(bytes).toBeLessThanOrEqual(limits.totalBytes);
  expect(files.at(-1)).toBe('000008.jsonl');
  expect(files).not.toContain('000001.jsonl');
  const kept = new HistoryStore(folder).read(8);
  expect(kept.at(-1)).toEqual({ line: 50, input: `${cell}50`, output: null });
  expect(kept.length).toBeGreaterThan(2);
  expect(kept.length).toBeLessThan(12);
});

test('a folder that cannot be written costs the history on disk, not the cells', () => {
  const file = join(folder, 'file');
  writeFileSync(file, '');
  const history = new History(new HistoryStore(join(file, 'history')));
  history.add(1, 'still here');
  history.setOutput(1, '1');
  expect(ask(history, { output: true })).toEqual([[1, 1, ['still here', '1']]]);
});

test('no cell waits for the disk; what waits is written soon, and when history is asked for', async () => {
  const history = new History(new HistoryStore(folder));
  history.add(1, 'a');
  expect(readdirSync(folder)).toEqual([]);
  expect(ask(history, {})).toEqual([[1, 1, 'a']]);
  expect(readdirSync(folder)).toEqual(['000001.jsonl']);
  history.add(2, 'b');
  await expect.poll(() => new HistoryStore(folder).read(1).length).toBe(2);
});

test('where: the switch, then the data folder of Jupyter', () => {
  expect(historyFolder({ KERNELBOOK_HISTORY: 'off' })).toBeUndefined();
  expect(historyFolder({ KERNELBOOK_HISTORY: '/h' })).toBe('/h');
  expect(historyFolder({ JUPYTER_DATA_DIR: '/j' })).toBe('/j/kernelbook/history');
  if (process.platform === 'linux')
    expect(historyFolder({ XDG_DATA_HOME: '/x', KERNELBOOK_HISTORY: '' })).toBe(
      '/x/jupyter/kernelbook/history',
    );
});

test('two kernels after each other; silent and unstored cells leave no trace', async () => {
  const env = { ...process.env, KERNELBOOK_HISTORY: folder };
  const first = await startKernel(undefined, { env });
  await runCell(first, '"kept " + 1');
  await runCell(first, '"secret 1"', { silent: true });
  await runCell(first, '"secret 2"', { storeHistory: false });
  await first.shutdown();
  const second = await startKernel(undefined, { env });
  await runCell(second, '"next"');
  const reply = await second.request('history', { output: true, raw: true, hist_access_type: 'tail', n: 5 });
  expect(reply).toMatchObject({
    history: [
      [1, 1, ['"kept " + 1', "'kept 1'"]],
      [2, 1, ['"next"', "'next'"]],
    ],
  });
  await second.shutdown();
  const stored = readdirSync(folder)
    .map((name) => readFileSync(join(folder, name), 'utf8'))
    .join();
  expect(stored).not.toContain('secret');
});
