/**
 * Numbers that are read together (an array, a column): six significant digits, decimals under decimals, and no number
 * rounded beyond recognition. What does not fit the others' decimals keeps its digits in exponential form.
 */

export type NumberText = (value: number) => string;

const digits = 6;
const mostDecimals = 6;
/** Beyond these whole arrays are written in exponential form. */
const smallest = 1e-3;
const largest = 1e8;

/** @param shown the numbers that will be written */
export function numberText(shown: readonly number[]): NumberText {
  const sizes = shown.filter((value) => Number.isFinite(value) && value !== 0).map(Math.abs);
  if (sizes.every((size) => Number.isInteger(size) && size < 1e15)) return special(String);
  const peak = Math.max(...sizes);
  if (peak < smallest || peak >= largest) {
    const decimals = Math.max(...sizes.map((size) => mantissaDecimals(exponential(size, digits))));
    return special((value) => value.toExponential(decimals));
  }
  const justified = Math.min(mostDecimals, Math.max(0, digits - Math.floor(Math.log10(peak))));
  // What is too small for fixed decimals does not ask for more of them.
  const fixable = sizes.filter((size) => size >= 10 ** (1 - mostDecimals));
  const decimals = Math.min(justified, Math.max(...fixable.map(decimalsOf)));
  return special((value) => {
    const fixed = value.toFixed(decimals);
    const isExact = Number(fixed) === Number(value.toPrecision(digits));
    return isExact || Math.abs(value) >= 10 ** (1 - decimals) ? fixed : exponential(value, 3);
  });
}

/** NaN, infinities and both zeros are written as JavaScript writes them. */
function special(write: NumberText): NumberText {
  return (value) =>
    value === 0 || !Number.isFinite(value) ? (Object.is(value, -0) ? '-0' : String(value)) : write(value);
}

function exponential(value: number, precision: number): string {
  return Number(value.toPrecision(precision)).toExponential();
}

function mantissaDecimals(text: string): number {
  return text.replace(/e.*$/, '').split('.')[1]?.length ?? 0;
}

/** How many decimals the number has when it is rounded to six digits. */
function decimalsOf(value: number): number {
  const [, fraction = '', exponent = '0'] =
    /^\d+(?:\.(\d+))?(?:e([+-]\d+))?$/.exec(String(Number(value.toPrecision(digits)))) ?? [];
  return Math.max(0, fraction.length - Number(exponent));
}
