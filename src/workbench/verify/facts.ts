/**
 * What is known of one executed check. The mime type `application/vnd.kernelbook.verify+json` carries the same facts
 * for the runner, the reports and the guides.
 */
import { jsonNumber } from '../../display/format.js';
import type { Comparison } from './compare.js';
import type { Evidence } from './evidence.js';

export type CheckKind = 'verify' | 'refute' | 'throws' | 'equal' | 'relation';

export interface VerificationFacts {
  kind: CheckKind;
  /** The component or claim under test. */
  name: string;
  passed: boolean;
  /** One sentence: why it failed, or what was seen. */
  detail: string;
  comparison?: Comparison;
  /** What tells the two sides apart, where two were compared. */
  evidence?: Evidence;
  /** How the allowed error was derived. */
  formula?: string;
  /** What the value was compared with, e.g. `float64, PyTorch`; known from the kind of value where it was not said. */
  reference?: string;
  /** Number format of the value under test; absent for plain numbers of JavaScript. */
  dtype?: string;
  /** Backend that computed the actual value, where it was a tensor. */
  backend?: string;
  /** Fused kernels that ran, or 'composed'; known when the actual value was given as a function. */
  path?: string;
}

export function showIndex(index: readonly number[]): string {
  return index.length === 0 ? 'the scalar' : `[${index.join(',')}]`;
}

/** The facts as JSON keeps them: no NaN, no infinities. */
export function factsJson(facts: VerificationFacts): Record<string, unknown> {
  const { comparison, ...rest } = facts;
  if (!comparison) return rest;
  const { worst, count, outside, maxAbsolute, maxRelative, maxUlp } = comparison;
  return {
    ...rest,
    count,
    outside,
    maxAbsolute: jsonNumber(maxAbsolute),
    maxRelative: jsonNumber(maxRelative),
    maxUlp: jsonNumber(maxUlp),
    worst: worst && {
      index: worst.index,
      actual: jsonNumber(worst.actual),
      expected: jsonNumber(worst.expected),
      error: jsonNumber(worst.error),
      allowed: jsonNumber(worst.allowed),
    },
  };
}
