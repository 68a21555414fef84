/** What cells say of their own run: required errors and time limits; what cannot be followed is an error before the run. */
import { describe, expect, it } from 'vitest';
import type { CodeCell } from '../../scripts/notebook/format.js';
import { DirectiveError, directivesOf } from '../../scripts/run/cell-directives.js';

const cell = (tags: string[], kernelbook?: unknown): CodeCell => ({
  cell_type: 'code',
  id: 'c',
  metadata: { tags, ...(kernelbook !== undefined && { kernelbook }) },
  source: '1',
  execution_count: null,
  outputs: [],
});

describe('directives of a cell', () => {
  it('are none where nothing is said', () => {
    const none = { mustFail: false, patterns: [], timeout: undefined };
    expect(directivesOf(cell([]))).toEqual(none);
    expect(directivesOf({ ...cell([]), metadata: {} })).toEqual(none);
    expect(directivesOf(cell(['expected', 'expect-errors']))).toEqual(none);
  });

  it('require an error, by tag or by pattern', () => {
    expect(directivesOf(cell(['raises-exception']))).toMatchObject({ mustFail: true, patterns: [] });
    expect(directivesOf(cell(['expect-error: /too (far|near)/i'])).patterns).toEqual([/too (far|near)/i]);
    expect(directivesOf(cell(['expect-error:/a\\/b/'])).patterns).toEqual([/a\/b/]);
    expect(directivesOf(cell(['expect-error: /a/'], { expectError: '/b/s' }))).toMatchObject({
      mustFail: true,
      patterns: [/a/, /b/s],
    });
  });

  it('limit its time', () => {
    expect(directivesOf(cell([], { timeout: 1.5 })).timeout).toBe(1.5);
    expect(directivesOf(cell([], { timeout: 0 })).timeout).toBe(0);
  });

  it.each<[string, CodeCell, string]>([
    ['a pattern without slashes', cell(['expect-error: too far']), 'must be a regular expression like'],
    ['an empty pattern', cell(['expect-error: //']), 'not "//"'],
    ['a pattern that is none', cell(['expect-error: /(/']), 'Invalid regular expression: /(/'],
    ['a flag that is none', cell(['expect-error: /a/q']), "Invalid flags supplied to RegExp constructor 'q'"],
    ['a pattern that is no text', cell([], { expectError: 3 }), 'not 3'],
    [
      'a timeout that is no number',
      cell([], { timeout: '5' }),
      'kernelbook.timeout is "5"; it must be a number',
    ],
    ['a negative timeout', cell([], { timeout: -1 }), 'kernelbook.timeout is -1'],
  ])('refuse %s', (_, wrong, message) => {
    expect(() => directivesOf(wrong)).toThrow(DirectiveError);
    expect(() => directivesOf(wrong)).toThrow(message);
    expect(() => directivesOf(wrong)).toThrow('cell "c"');
  });
});
