/**
 * Errors as the front end shows them: what went wrong, the line of the cell, and the way there. Anything can be thrown,
 * also what throws when it is looked at: reporting never fails.
 */
import { inspect, types } from 'node:util';
import { bold, excerpt } from '../error-text.js';
import type { SourcePosition } from './cell-registry.js';
import type { ErrorReport } from './outcome.js';
import { cellPosition, isInternalFrame } from './stack.js';

/** Causes and members of aggregates that are shown with an error. */
const mostRelated = 8;
const longestMessage = 10_000;

export function reportError(thrown: unknown): ErrorReport {
  if (!isError(thrown)) {
    const evalue = shown(thrown);
    return { ename: 'Thrown', evalue, traceback: [`${bold('Thrown')}: ${evalue}`] };
  }
  return { ename: nameOf(thrown), evalue: messageOf(thrown), traceback: new Traceback().of(thrown) };
}

/** One error as text for the stderr stream. */
export function errorText(thrown: unknown): string {
  return `${reportError(thrown).traceback.join('\n')}\n`;
}

class Traceback {
  readonly #seen = new Set<unknown>();

  of(error: Error): string[] {
    this.#seen.add(error);
    const lines = [`${bold(nameOf(error))}: ${messageOf(error)}`];
    const place = attempt(() => cellPosition(error));
    if (place) lines.push(...whereItFailed(place));
    lines.push(...framesOf(error));
    const cause = attempt(() => error.cause);
    if (cause !== undefined) lines.push(...this.#related('Caused by', [cause]));
    const members = attempt(() => (error as Partial<AggregateError>).errors);
    if (Array.isArray(members)) lines.push(...this.#related('One of', members));
    return lines;
  }

  #related(title: string, thrown: unknown[]): string[] {
    const lines: string[] = [];
    for (const [index, item] of thrown.entries()) {
      if (this.#seen.size > mostRelated) return [...lines, '', `… and ${thrown.length - index} more`];
      if (this.#seen.has(item)) lines.push('', `${title}: ${nameOf(item as Error)}, shown above`);
      else if (isError(item)) lines.push('', `${title}:`, ...this.of(item));
      else {
        this.#seen.add(item);
        lines.push('', `${title}: ${shown(item)}`);
      }
    }
    return lines;
  }
}

function whereItFailed({ count, line, column, source }: SourcePosition): string[] {
  return [`cell ${count}, line ${line}`, ...excerpt(source, { line, column, length: 1 })];
}

function framesOf(error: Error): string[] {
  const stack = attempt(() => String(error.stack)) ?? '';
  // The message may have lines that look like frames.
  const message = attempt(() => String(error.message)) ?? '';
  const frames = stack.slice(Math.max(0, stack.indexOf(message)) + message.length).split('\n');
  return frames.filter((line) => /^\s+at /.test(line) && !isInternalFrame(line));
}

function isError(thrown: unknown): thrown is Error {
  return types.isNativeError(thrown) || attempt(() => thrown instanceof Error) === true;
}

function nameOf(error: Error): string {
  return attempt(() => String(error.name || 'Error')) ?? 'Error';
}

function messageOf(error: Error): string {
  const message = attempt(() => String(error.message)) ?? '(its message cannot be read)';
  return shortened(message);
}

function shown(value: unknown): string {
  return shortened(attempt(() => inspect(value, { depth: 2 })) ?? 'a value that cannot be shown');
}

function shortened(text: string): string {
  const rest = text.length - longestMessage;
  return rest > 0 ? `${text.slice(0, longestMessage)}… (${rest} more characters)` : text;
}

/** Undefined where the user's getter, proxy or `toString` throws. */
function attempt<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
