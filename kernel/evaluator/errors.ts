/** Errors as the front end shows them: what went wrong, the line of the cell, and the way there. */
import { inspect } from 'node:util';
import type { SourcePosition } from './cell-registry.js';
import type { ErrorReport } from './outcome.js';
import { cellPosition } from './stack.js';

const red = (text: string) => `\u001b[31m${text}\u001b[39m`;
const green = (text: string) => `\u001b[32m${text}\u001b[39m`;
const dim = (text: string) => `\u001b[2m${text}\u001b[22m`;

const linesAround = 2;
const deepestCause = 4;

export function reportError(thrown: unknown): ErrorReport {
  if (!(thrown instanceof Error)) {
    const evalue = inspect(thrown, { depth: 2 });
    return { ename: 'Thrown', evalue, traceback: [`${red('Thrown')}: ${evalue}`] };
  }
  const ename = String(thrown.name || 'Error');
  const evalue = String(thrown.message);
  return { ename, evalue, traceback: tracebackOf(thrown, 0) };
}

function tracebackOf(error: Error, depth: number): string[] {
  const place = cellPosition(error);
  const lines = [`${red(String(error.name || 'Error'))}: ${error.message}`];
  if (place) lines.push(...excerpt(place));
  lines.push(...framesOf(error));
  if (depth >= deepestCause) return lines;
  if (error.cause instanceof Error) lines.push('', 'Caused by:', ...tracebackOf(error.cause, depth + 1));
  if (error instanceof AggregateError) {
    for (const item of error.errors)
      if (item instanceof Error) lines.push('', 'One of:', ...tracebackOf(item, depth + 1));
  }
  return lines;
}

/** The source around the failing line, with a caret under the column. */
function excerpt({ count, line, column, source }: SourcePosition): string[] {
  const all = source.split(/\r?\n/);
  const first = Math.max(1, line - linesAround);
  const last = Math.min(all.length, line + linesAround);
  const width = String(last).length;
  const shown = [green(`cell ${count}, line ${line}`)];
  for (let number = first; number <= last; number++) {
    const text = `${String(number).padStart(width)} | ${all[number - 1]}`;
    shown.push(number === line ? `> ${text}` : dim(`  ${text}`));
    if (number === line) shown.push(`  ${' '.repeat(width)} | ${' '.repeat(column - 1)}${red('^')}`);
  }
  return shown;
}

function framesOf(error: Error): string[] {
  const lines = String(error.stack ?? '').split('\n');
  return lines.filter((line) => /^\s+at /.test(line)).map(dim);
}

/** One error as text for the stderr stream. */
export function errorText(thrown: unknown): string {
  return `${reportError(thrown).traceback.join('\n')}\n`;
}
