/**
 * How a suite says what it needs of the machine. Under `kernelbook test` the answers are those of the setup; under a
 * plain `npx vitest` each requirement is tried when it is asked for. A suite whose requirement is absent is registered
 * as skipped, with the reason in its title, so that the summary can list it; nothing is left out in silence.
 */
import { readFileSync } from 'node:fs';
import { describe } from 'vitest';
import { type PartName, type PartState, reportVariable, type SetupReport } from '../../scripts/setup/part.js';
import { probe } from '../../scripts/setup/probe.js';

export interface Requirement {
  ok: boolean;
  /** What was found, or why the requirement is not met. */
  reason: string;
}

const known = new Map<PartName, PartState>();

/** Whether this machine has `name`, and why not. */
export function requires(name: PartName): Requirement {
  let state = known.get(name);
  if (!state) {
    const report = process.env[reportVariable];
    state = report ? (JSON.parse(readFileSync(report, 'utf8')) as SetupReport)[name] : probe(name);
    if (!state) throw new Error(`requires('${name}'): the setup report ${report} says nothing about ${name}`);
    known.set(name, state);
  }
  return { ok: state.ready, reason: state.reason };
}

/** The form in which a skipped title carries its reason; `kernelbook test` reads it back. */
export const skipNote = (name: string, reason: string): string =>
  `[needs ${name}: ${reason.replace(/\s+/g, ' ')}]`;

/**
 * `describe`, for a suite that needs something of the machine: one part or several. When one is absent the suite is
 * registered as skipped and its title ends in `[needs NAME: why it is not there]`. The body must be synchronous and
 * must not touch what is required outside its hooks and tests.
 */
export function describeRequires(
  needs: PartName | readonly PartName[],
  title: string,
  body: () => void,
): void {
  for (const name of typeof needs === 'string' ? [needs] : needs) {
    const requirement = requires(name);
    if (requirement.ok) continue;
    describe.skip(`${title} ${skipNote(name, requirement.reason)}`, body);
    return;
  }
  describe(title, body);
}
