import { expect, test } from 'vitest';
import { toCodePoints, toUtf16 } from '../../kernel/protocol/cursor.js';

/** Independent of the code under test: lets the string iterator count code points. */
const pointsBefore = (text: string, utf16: number) => [...text.slice(0, utf16)].length;

test.each(['', 'abc', '😀', 'a😀b𝒳c', '漢字🇨🇭é\n"x'])(
  '%j: both directions agree with the iterator',
  (text) => {
    let utf16 = 0;
    for (const character of `${text}.`) {
      expect(toCodePoints(text, utf16)).toBe(pointsBefore(text, utf16));
      expect(toUtf16(text, pointsBefore(text, utf16))).toBe(utf16);
      utf16 += character.length;
    }
  },
);

test('positions outside the text move to its ends', () => {
  expect(toUtf16('a😀', 99)).toBe(3);
  expect(toUtf16('a😀', -1)).toBe(0);
  expect(toCodePoints('a😀', 99)).toBe(2);
  expect(toCodePoints('a😀', -1)).toBe(0);
});

test('a position inside a surrogate pair is that of its start', () => {
  expect(toCodePoints('a😀b', 2)).toBe(1);
});
