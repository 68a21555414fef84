/**
 * Cursor positions: the protocol counts Unicode code points (version 5.2 on), JavaScript strings count UTF-16 units.
 * Positions outside the text are moved to its nearest end; one inside a surrogate pair to the pair's start.
 */

/** Code points -> UTF-16 units. */
export function toUtf16(text: string, codePoints: number): number {
  let units = 0;
  for (let seen = 0; seen < codePoints && units < text.length; seen++)
    units += text.codePointAt(units)! > 0xffff ? 2 : 1;
  return units;
}

/** UTF-16 units -> code points. */
export function toCodePoints(text: string, utf16: number): number {
  let points = 0;
  for (let units = 0; units < Math.min(utf16, text.length); points++) {
    units += text.codePointAt(units)! > 0xffff ? 2 : 1;
    if (units > utf16) break;
  }
  return points;
}
