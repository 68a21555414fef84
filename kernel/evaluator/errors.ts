/**
 * Errors as the front end shows them: what went wrong, the line of the cell, and the way there. Anything can be thrown,
 * also what throws when it is looked at: reporting never fails.
 */
import { inspect, types } from 'node:util';
import { markLine, shortLine } from '../source-line.js';
import type { SourcePosition } from './cell-registry.js';
import type { ErrorReport } from './outcome.js';
import { cellPosition, isInternalFrame } from './stack.js';

const red = (text: string) => `\u001b[31m${text}\u001b[39m`;
const green = (text: string) => `\u001b[32m${text}\u001b[39m`;
const dim = (text: string) => `\u001b[2m${text}\u001b[22m`;

const linesAround = 2;
/** Causes and members of aggregates that are shown with an error. */
const mostRelated = 8;
const longestMessage = 10_000;

export function reportError(thrown: unknown): ErrorReport {
  if (!isError(thrown)) {
    const evalue = shown(thrown);
    return { ename: 'Thrown', evalue, traceback: [`${red('Thrown')}: ${evalue}`] };
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
    const lines = [`${red(nameOf(error))}: ${messageOf(error)}`];
    const place = attempt(() => cellPosition(error));
    if (place) lines.push(...excerpt(place));
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

/** The source around the failing line, with a caret under the column. */
function excerpt({ count, line, column, source }: SourcePosition): string[] {
  const all = source.split(/\r?\n/);
  const first = Math.max(1, line - linesAround);
  const last = Math.min(all.length, line + linesAround);
  const width = String(last).length;
  const lines = [green(`cell ${count}, line ${line}`)];
  for (let number = first; number <= last; number++) {
    const gutter = `${String(number).padStart(width)} | `;
    if (number !== line) {
      lines.push(dim(`  ${gutter}${shortLine(all[number - 1]!)}`));
      continue;
    }
    const { text, indent } = markLine(all[number - 1]!, column - 1, 1);
    lines.push(`> ${gutter}${text}`, `  ${' '.repeat(width)} | ${' '.repeat(indent)}${red('^')}`);
  }
  return lines;
}

function framesOf(error: Error): string[] {
  const stack = attempt(() => String(error.stack)) ?? '';
  // The message may have lines that look like frames.
  const message = attempt(() => String(error.message)) ?? '';
  const frames = stack.slice(Math.max(0, stack.indexOf(message)) + message.length).split('\n');
  return frames.filter((line) => /^\s+at /.test(line) && !isInternalFrame(line)).map(dim);
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
