/** One executed check: it is recorded and shown, and one that failed throws. */
import type { Displayable, MimeBundle } from '../../display/display.js';
import { formatNumber } from '../../display/format.js';
import { checksBundle } from './bundle.js';
import { showAmongChecks } from './checks-of-cell.js';
import { showIndex, type VerificationFacts } from './facts.js';

/** Thrown by a failed check. The message names the component and carries the numbers. */
export class VerificationError extends Error {
  override readonly name = 'VerificationError';

  constructor(readonly facts: VerificationFacts) {
    super(message(facts));
  }
}

const collected: Verification[] = [];

/** Every check of this process so far, in order, passed or failed. */
export function verifications(): readonly Verification[] {
  return [...collected];
}

/** Forgets the checks so far. */
export function clearVerifications(): void {
  collected.length = 0;
}

/** Records a check, shows it among those of its cell, and throws when it failed. */
export async function conclude(facts: VerificationFacts): Promise<Verification> {
  const verification = new Verification(facts);
  collected.push(verification);
  await showAmongChecks(verification);
  if (!facts.passed) throw new VerificationError(facts);
  return verification;
}

export class Verification implements Displayable {
  constructor(readonly facts: VerificationFacts) {}

  get passed(): boolean {
    return this.facts.passed;
  }

  toMimeBundle(): MimeBundle {
    return checksBundle([this.facts]);
  }
}

function message({ kind, name, detail, comparison, formula, backend, path }: VerificationFacts): string {
  const parts = [`${kind}(${name}) failed: ${detail}`];
  if (comparison?.worst) {
    const { index, actual, expected, error, allowed } = comparison.worst;
    parts.push(
      `worst at ${showIndex(index)}: actual ${actual}, expected ${expected}, |error| ${formatNumber(error)}, bound ${formatNumber(allowed)}`,
    );
  }
  if (formula) parts.push(`bound: ${formula}`);
  if (backend) parts.push(`backend ${backend}${path ? ` (${path})` : ''}`);
  return parts.join('; ');
}
