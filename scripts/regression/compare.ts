/** Compares the facts of a cell with its golden ones: structures field by field, text word by word, numbers within tolerance. */
import { verifyMimeType } from '../../src/workbench/verify/bundle.js';
import { isJsonMime } from '../notebook/format.js';
import { Differences, nothing, shown } from './difference.js';
import type { Fact } from './fact.js';
import type { OutputFacts } from './facts.js';
import { compareNumbers, isNumbersFact } from './numbers.js';
import type { GoldenSettings } from './settings.js';
import { compareTexts } from './text.js';
import { agree, allowedDifference } from './tolerance.js';

type How = Pick<GoldenSettings, 'tolerance' | 'ignore'>;

/**
 * Everything in which the outputs of a cell differ from the golden ones.
 * @param complete false for a cell that did not run to its end: what is still missing is then no difference
 */
export function compareOutputs(
  golden: readonly OutputFacts[],
  actual: readonly OutputFacts[],
  how: How,
  complete = true,
): Differences {
  const differences = new Differences();
  const several = golden.length > 1 || actual.length > 1;
  for (let i = 0; i < Math.max(golden.length, actual.length); i++) {
    const here = several ? differences.within(`output ${i + 1}, `) : differences;
    const [one, other] = [golden[i], actual[i]];
    if (one && other) compareOutput(one, other, how, here);
    else if (other || complete)
      here.other(one ? shown(one) : nothing, other ? shown(other) : nothing, 'whole output');
  }
  return differences;
}

function compareOutput(golden: OutputFacts, actual: OutputFacts, how: How, differences: Differences): void {
  for (const mime of new Set([...Object.keys(golden), ...Object.keys(actual)])) {
    const [one, other] = [golden[mime], actual[mime]];
    const here = differences.within(mime);
    if (one === undefined || other === undefined) here.other(shownOr(one), shownOr(other));
    else if (!isJsonMime(mime)) compareTexts(asText(one), asText(other), how, here);
    else compareFacts(one, other, how, here.within(' '), mime);
  }
}

/** The bounds of checks are often written with few digits of measured values; looser by a twentieth is not looser. */
const boundTolerance = { atol: 0, rtol: 0.05, ulp: 0, exactCounts: false };

function compareFacts(golden: Fact, actual: Fact, how: How, differences: Differences, mime: string): void {
  if (isNumbersFact(golden) && isNumbersFact(actual))
    compareNumbers(golden, actual, how.tolerance, differences);
  else if (Array.isArray(golden) && Array.isArray(actual)) {
    if (golden.length !== actual.length)
      differences.other(String(golden.length), String(actual.length), ' length');
    for (let i = 0; i < Math.min(golden.length, actual.length); i++)
      compareFacts(golden[i]!, actual[i]!, how, differences.within(`[${i}]`), mime);
  } else if (isFields(golden) && isFields(actual)) compareFields(golden, actual, how, differences, mime);
  else compareScalars(golden, actual, how, differences);
}

function compareFields(
  golden: Record<string, Fact>,
  actual: Record<string, Fact>,
  how: How,
  differences: Differences,
  mime: string,
): void {
  for (const key of new Set([...Object.keys(golden), ...Object.keys(actual)])) {
    const [one, other] = [golden[key], actual[key]];
    const here = differences.within(differences.place.endsWith(' ') ? key : `.${key}`);
    if (one !== undefined && other !== undefined) {
      const isBound = mime === verifyMimeType && key === 'bound';
      compareFacts(one, other, isBound ? { ...how, tolerance: boundTolerance } : how, here, mime);
    } else if (!key.startsWith(otherBackend)) here.other(shownOr(one), shownOr(other));
  }
}

/** A profile's path is known for the backend the golden file was made with, and says nothing of others. */
const otherBackend = 'path on ';

function compareScalars(golden: Fact, actual: Fact, how: How, differences: Differences): void {
  const [g, a] = [asNumber(golden), asNumber(actual)];
  if (g !== undefined && a !== undefined) {
    const allowed = allowedDifference(g, a, how.tolerance);
    if (!agree(g, a, allowed)) differences.number(g, a, allowed);
  } else if (typeof golden === 'string' && typeof actual === 'string')
    compareTexts(golden, actual, how, differences);
  else if (golden !== actual) differences.other(shown(golden), shown(actual));
}

const special = ['NaN', 'Infinity', '-Infinity'];

/** Numbers that JSON has no literal for stand as text. */
function asNumber(fact: Fact): number | undefined {
  if (typeof fact === 'number') return fact;
  return typeof fact === 'string' && special.includes(fact) ? Number(fact) : undefined;
}

function asText(fact: Fact): string {
  if (Array.isArray(fact)) return fact.map(String).join('\n');
  return typeof fact === 'string' ? fact : JSON.stringify(fact);
}

function isFields(fact: Fact): fact is Record<string, Fact> {
  return typeof fact === 'object' && fact !== null && !Array.isArray(fact);
}

function shownOr(fact: Fact | undefined): string {
  return fact === undefined ? nothing : shown(fact);
}
