/**
 * Text of outputs, compared word by word, with the numbers in it compared as numbers: `loss 0.1234` and `loss 0.12341`
 * may agree. How the words are spread over lines and columns says nothing, since that follows the width of the numbers.
 */
import { stripVTControlCharacters } from 'node:util';
import { type Differences, nothing, shown } from './difference.js';
import { agree, allowedDifference, type Tolerance } from './tolerance.js';

/** What differs from run to run or from machine to machine; replaced by its name before anything is kept or compared. */
const volatile: readonly [RegExp, string][] = [
  [/\b\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?/g, '‹date›'],
  [/\b\d\d:\d\d:\d\d(?:\.\d+)?\b/g, '‹time›'],
  [
    /(?<![\p{L}\d.])[\d.]+(?:e[+-]?\d+)? ?[kMGTP]?(?:B|bytes|FLOPs?|tokens|it|iterations)\/s(?:ec)?\b/gu,
    '‹rate›',
  ],
  [/(?<![\p{L}\d.])\d[\d.]*(?:e[+-]?\d+)? ?(?:ns|[µμu]s|ms|s|secs?|seconds?|min|minutes?)\b/gu, '‹time›'],
  [/(?<=\b(?:memory|rss|heap\w*|resident)\b[^\d\n]{0,20})[\d.]+ ?(?:[kKMGT]i?)?B\b/gi, '‹memory›'],
  [/\b(?:webgpu|tensorflow|wasm|cpu)(?: on [^\n;'"]*)?(?![\w-])/g, '‹device›'],
  [
    /\b(?:llvmpipe|lavapipe|SwiftShader|NVIDIA|GeForce|Radeon|AMD|Intel\(R\)|Apple M\d)[^\n;,'"]*/g,
    '‹device›',
  ],
  [/\bat 0x[0-9a-fA-F]+/g, 'at ‹address›'],
  [/(?:file:\/\/)?(?<![\p{L}\p{N}.:/])\/(?:[\w.@+-]+\/)+[\w.@+-]*/gu, '‹path›'],
  [/\b[A-Z]:\\(?:[^\\\s'"]+\\)*[^\\\s'"]*/g, '‹path›'],
];

/** The text without what is volatile. `ignore` are the cell's own patterns. */
export function steady(text: string, ignore: readonly RegExp[]): string {
  let result = stripVTControlCharacters(text).split('\n').map(lastState).join('\n');
  for (const pattern of ignore) result = result.replace(pattern, '‹ignored›');
  for (const [pattern, name] of volatile) result = result.replace(pattern, name);
  return result;
}

/** A progress bar writes over its line: what it wrote last stands. */
function lastState(line: string): string {
  const end = line.endsWith('\r') ? line.length - 1 : line.length;
  return line.slice(line.lastIndexOf('\r', end - 1) + 1, end);
}

interface Token {
  text: string;
  number: number | undefined;
  offset: number;
}

const number = String.raw`(?<![\p{L}\p{N}_.])[-+−]?(?:∞|Infinity|NaN|inf|nan|(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)(?![\p{L}\p{N}_])`;
/** Numbers, words, runs of a sign that draw a line, and single signs. */
const tokens = new RegExp(String.raw`(${number})|[\p{L}\p{N}_]+|([─━═=_*.~-])\2{2,}|\S`, 'gu');

function tokenise(text: string): Token[] {
  return [...text.matchAll(tokens)].map((match) => {
    const [whole, asNumber, line] = match;
    const value = asNumber === undefined ? undefined : numberOf(asNumber);
    return { text: line ? line.repeat(3) : whole, number: value, offset: match.index };
  });
}

function numberOf(text: string): number {
  const plain = text.replace('−', '-');
  if (/(?:∞|inf)/i.test(plain)) return plain.startsWith('-') ? -Infinity : Infinity;
  return Number(plain);
}

/** Compares two texts; both are made steady first, since the patterns may be newer than the golden text. */
export function compareTexts(
  golden: string,
  actual: string,
  settings: { tolerance: Tolerance; ignore: readonly RegExp[] },
  differences: Differences,
): void {
  const [goldenText, actualText] = [golden, actual].map((text) => steady(text, settings.ignore)) as [
    string,
    string,
  ];
  if (goldenText === actualText) return;
  const [g, a] = [tokenise(goldenText), tokenise(actualText)];
  const end = Math.max(g.length, a.length);
  for (let i = 0; i < end; i++) {
    const [one, other] = [g[i], a[i]];
    if (one && other && one.text === other.text) continue;
    if (one?.number === undefined || other?.number === undefined) {
      // Behind another word nothing would be where it was.
      const at = placeOf(other ? actualText : goldenText, (other ?? one)!.offset);
      differences.other(from(goldenText, one), from(actualText, other), at);
      return;
    }
    const allowed = allowedDifference(one.number, other.number, settings.tolerance);
    if (!agree(one.number, other.number, allowed))
      differences.number(one.number, other.number, allowed, placeOf(actualText, other.offset));
  }
}

/** The rest of the line from a token on. */
function from(text: string, token: Token | undefined): string {
  return token ? shown(text.slice(token.offset).split('\n', 1)[0]!.trimEnd()) : nothing;
}

function placeOf(text: string, offset: number): string {
  const before = text.slice(0, offset).split('\n');
  return ` line ${before.length}, column ${before.at(-1)!.length + 1}`;
}
