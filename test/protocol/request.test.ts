import { describe, expect, test } from 'vitest';
import type { RawMessage } from '../../kernel/protocol/messages.js';
import {
  completeRequest,
  executeRequest,
  historyRequest,
  inspectRequest,
  shutdownRequest,
} from '../../kernel/protocol/request.js';
import { Session } from '../../kernel/protocol/wire.js';

const message = (content: object): RawMessage => ({
  ...(new Session('').make('execute_request', {} as never) as RawMessage),
  content,
});

describe('defaults of the specification', () => {
  test('execute', () => {
    expect(executeRequest(message({ code: 'x' }))).toEqual({
      code: 'x',
      silent: false,
      store_history: true,
      user_expressions: {},
      allow_stdin: false,
      stop_on_error: true,
    });
  });
  test('silent forces store_history off', () => {
    expect(executeRequest(message({ code: 'x', silent: true, store_history: true })).store_history).toBe(
      false,
    );
  });
  test('cursors default to the end, null counts as absent', () => {
    expect(completeRequest(message({ code: 'abc', cursor_pos: null })).cursor_pos).toBe(3);
    expect(inspectRequest(message({ code: 'abc', detail_level: 5 })).detail_level).toBe(1);
  });
  test('history', () => {
    expect(historyRequest(message({ hist_access_type: 'range' }))).toMatchObject({
      session: 0,
      start: 1,
      stop: undefined,
    });
    expect(historyRequest(message({ hist_access_type: 'search', n: 3 }))).toMatchObject({
      pattern: '*',
      n: 3,
      unique: false,
    });
  });
});

describe('refused with the name of the field', () => {
  test.each([
    [executeRequest, {}, /code must be a string, it is missing/],
    [executeRequest, { code: 1 }, /code must be a string, it is 1/],
    [executeRequest, { code: '', silent: 'no' }, /silent must be true or false, it is "no"/],
    [executeRequest, { code: '', user_expressions: ['a'] }, /user_expressions must be an object of strings/],
    [executeRequest, { code: '', user_expressions: { a: 1 } }, /user_expressions must be/],
    [completeRequest, { code: 'x', cursor_pos: -1 }, /cursor_pos must be a whole number >= 0, it is -1/],
    [completeRequest, { code: 'x', cursor_pos: 1.5 }, /cursor_pos must be/],
    [historyRequest, { hist_access_type: 'all' }, /hist_access_type must be/],
    [historyRequest, { hist_access_type: 'tail', n: 'ten' }, /n must be/],
    [shutdownRequest, { restart: 'maybe' }, /restart must be true or false/],
  ])('%o %j', (check, content, expected) => {
    expect(() => check(message(content))).toThrow(expected);
  });
});
