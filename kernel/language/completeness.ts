/** Whether a cell is finished, for consoles that decide on Enter: an error at the very end means more is to come. */
import type ts from 'typescript';
import { parseCell } from './cell-file.js';
import type { CompletenessResult } from './engine.js';
import { internals } from './typescript-internal.js';

/** Unterminated template literal; missing end of comment. */
const openEnded = new Set([1160, 1010]);
/** A string that is not closed on its line never will be. */
const unterminatedString = 1002;
const objectStart = '0,';
const indentUnit = '  ';

export function isComplete(code: string): CompletenessResult {
  const errors = firstErrors(code);
  if (errors.includes(undefined)) return { status: 'complete', indent: '' };
  if (errors.some((error) => error !== undefined && wantsMore(code, error)))
    return { status: 'incomplete', indent: nextIndent(code) };
  return { status: 'invalid', indent: '' };
}

/** Of the cell, and of the object it may be about to become. */
function firstErrors(code: string): (ts.DiagnosticWithLocation | undefined)[] {
  const texts = /^\s*\{/.test(code) ? [code, `${objectStart}${code}`] : [code];
  return texts.map((text, index) => {
    const [error] = internals(parseCell('cell.ts', text)).parseDiagnostics;
    return error && { ...error, start: error.start - index * objectStart.length };
  });
}

function wantsMore(code: string, { code: number, start }: ts.DiagnosticWithLocation): boolean {
  return openEnded.has(number) || (start >= code.trimEnd().length && number !== unterminatedString);
}

function nextIndent(code: string): string {
  const last = code.trimEnd().split(/\r?\n/).at(-1) ?? '';
  const current = /^\s*/.exec(last)![0];
  return /[{([]$|=>$/.test(last) ? current + indentUnit : current;
}
