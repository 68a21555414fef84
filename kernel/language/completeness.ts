/** Whether a cell is finished, for consoles that decide on Enter: an error at the very end means more is to come. */
import { parseCell } from './cell-file.js';
import type { CompletenessResult } from './engine.js';
import { internals } from './typescript-internal.js';

/** Unterminated template literal; missing end of comment. */
const openEnded = new Set([1160, 1010]);
/** A string that is not closed on its line never will be. */
const unterminatedString = 1002;
const indentUnit = '  ';

export function isComplete(code: string): CompletenessResult {
  const first = internals(parseCell('cell.ts', code)).parseDiagnostics[0];
  if (!first) return { status: 'complete', indent: '' };
  const isAtEnd = first.start >= code.trimEnd().length && first.code !== unterminatedString;
  if (openEnded.has(first.code) || isAtEnd) return { status: 'incomplete', indent: nextIndent(code) };
  return { status: 'invalid', indent: '' };
}

function nextIndent(code: string): string {
  const last = code.trimEnd().split(/\r?\n/).at(-1) ?? '';
  const current = /^\s*/.exec(last)![0];
  return /[{([]$|=>$/.test(last) ? current + indentUnit : current;
}
