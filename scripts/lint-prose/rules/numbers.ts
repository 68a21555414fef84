/** Measured numbers in prose, which nothing keeps true, and blocks of two languages that differ in what they say. */
import type { ProseFinding } from '../finding.js';

const unit =
  /(?:ms|µs|μs|ns|s|GiB|MiB|KiB|[KMGT]?B\/s|[MGT]?FLOP\/s|[MGT]B|%|×|倍|times (?:as |faster|slower|more|less)|-fold)/;
const measured = new RegExp(
  `(?<![\\w.:/-])(?:\\d[\\d,]*(?:\\.\\d+)?\\s?${unit.source}(?![\\w/])|\\d+\\.\\d{2,}(?![\\w.]))`,
  'g',
);

/** @param words the text without code and formulas */
export function typedNumbers(words: string): ProseFinding[] {
  const cited = [...words.matchAll(citation)].map(
    ({ 0: found, index }) => [index, index + found.length] as const,
  );
  return [...words.matchAll(measured)]
    .filter(({ index }) => !cited.some(([from, to]) => from <= index && index < to))
    .map(({ 0: found, index }) => ({
      rule: 'typed-number',
      message: `${found.trim()} is typed: let a cell show it, or a check hold it`,
      start: index,
      length: found.length,
    }));
}

const citation = /\b(?:arXiv:?\s?)?\d{4}\.\d{4,5}(?:v\d+)?\b|\b10\.\d{4,}\/\S+|https?:\/\/[^\s)>]+/gi;

/** What a text cites: numbers of arXiv, DOIs, addresses. */
export function citationsIn(text: string): Set<string> {
  return new Set(
    [...text.matchAll(citation)].map(([found]) =>
      found
        .toLowerCase()
        .replace(/^arxiv:?\s?/, '')
        .replace(/v\d+$/, '')
        .replace(/[.,;。，；]+$/, ''),
    ),
  );
}

const scales: Record<string, number> = {
  千: 1e3,
  thousand: 1e3,
  万: 1e4,
  million: 1e6,
  百万: 1e6,
  亿: 1e8,
  billion: 1e9,
  十亿: 1e9,
  B: 1e9,
  M: 1e6,
};

/** The numbers of a text in digits, as values; those of citations are not among them. */
export function numbersIn(words: string): Set<number> {
  const text = words.replaceAll(citation, ' ');
  const found = text.matchAll(
    /(?<![\w.])(\d[\d,]*(?:\.\d+)?)(?:[\s-]?(thousand|million|billion|百万|十亿|千|万|亿)|([BM])(?![\w/]))?/g,
  );
  return new Set(
    [...found].map(
      ([, digits, word, letter]) => Number(digits!.replaceAll(',', '')) * (scales[word ?? letter ?? ''] ?? 1),
    ),
  );
}

const english = 'zero one two three four five six seven eight nine ten eleven twelve'.split(' ');
const months = 'January February March April May June July August September October November December'.split(
  ' ',
);
const chinese = ['零', '一', '[二两双]', '三', '四', '五', '六', '七', '八', '九', '十', '十一', '十二'];
/** Numbers that are also said without their digits. */
const words: [number, RegExp][] = [
  ...english.map((word, n): [number, RegExp] => [n, new RegExp(`\\b${word}\\b|${chinese[n]}`, 'iu')]),
  ...months.map((month, n): [number, RegExp] => [n + 1, new RegExp(`\\b${month}\\b`)]),
  [2, /\b(?:twice|second|double[sd]?|half|halves|both|pairs?)\b|一半|两倍|翻倍|加倍|双倍|第二|减半/i],
  [3, /\bthird\b|第三/i],
  [4, /\b(?:fourth|quarter)\b|第四|四分之一/i],
  [100, /\bhundred\b|百/i],
  [1000, /\bthousand\b|千/i],
  [1e4, /\bten thousand\b|万/i],
  [1e6, /\bmillion\b|百万/i],
];

/** Numbers that one text has in digits and the other neither in digits nor in words. */
export function missingNumbers(from: string, other: string): number[] {
  const there = numbersIn(other);
  return [...numbersIn(from)].filter(
    (number) => !there.has(number) && !words.some(([value, word]) => value === number && word.test(other)),
  );
}
