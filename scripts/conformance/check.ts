/**
 * What a conformance check is: a named function that drives one kernel and throws when the kernel does not do what
 * the messaging specification says. It reaches the kernel through a `Bench` and takes all code from the snippets of
 * the kernel's language.
 */
import type { KernelClient } from '../../kernel/protocol/client.js';
import { ConformanceFailure } from './failure.js';
import type { Probe, Received } from './probe.js';
import type { SnippetName, Snippets } from './snippets/snippets.js';

/** The check cannot be made of this kernel, for the reason in the message. Never counts as a pass. */
export class NotApplicable extends Error {
  override name = 'NotApplicable';
}

export interface Bench {
  readonly client: KernelClient;
  readonly probe: Probe;
  /** The code for this kernel. @throws NotApplicable where its language or library has no way to do it */
  code(name: SnippetName): string;
  readonly snippets: Snippets;
  /** A second, independent connection to the same kernel; closed after the check. */
  connect(): Promise<Probe>;
  /** Starts the kernel once more, on the connection of the one that has ended; killed after the check. */
  relaunch(): Promise<Probe>;
  /** Everything that any connection received from this kernel in the run so far. */
  readonly transcript: readonly Received[];
}

export interface Check {
  /** Said as the rule that holds. */
  name: string;
  /** The section of the messaging specification that the rule is from. */
  section: string;
  /** Runs on a kernel of its own instead of the one that the checks share. */
  fresh?: boolean;
  /** Default 20 s. */
  timeoutMs?: number;
  run(bench: Bench): Promise<void>;
}

export interface CheckGroup {
  title: string;
  checks: readonly Check[];
}

export function must(condition: unknown, complaint: string): asserts condition {
  if (!condition) throw new ConformanceFailure(complaint);
}

/** Compares as JSON. */
export function mustEqual(actual: unknown, expected: unknown, what: string): void {
  const [got, wanted] = [JSON.stringify(actual), JSON.stringify(expected)];
  must(got === wanted, `${what} is ${short(got)}, not ${short(wanted)}`);
}

function short(text: string | undefined): string {
  const shown = text ?? 'absent';
  return shown.length > 120 ? `${shown.slice(0, 117)}...` : shown;
}
