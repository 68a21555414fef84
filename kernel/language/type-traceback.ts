/** Type errors as front ends show them under a cell: in the form of errors of running code. */
import type ts from 'typescript';
import { bold, excerpt } from '../error-text.js';
import { fileLabel, messageText } from './pretty.js';

/** @param folder the notebook's: files are named by their path from here */
export function tracebackOf(found: readonly ts.DiagnosticWithLocation[], folder: string): string[] {
  return found.flatMap((item, index) => [...(index > 0 ? [''] : []), ...oneError(item, folder)]);
}

function oneError(item: ts.DiagnosticWithLocation, folder: string): string[] {
  const name = item.code === 0 ? 'Error' : `TS${item.code}`;
  const head = `${bold(name)}: ${messageText(item)}`.split('\n');
  const related = (item.relatedInformation ?? []).flatMap((info) => [
    '',
    ...messageText(info).split('\n'),
    ...(isLocated(info) ? placed(info, folder, 0) : []),
  ]);
  return [...head, ...placed(item, folder), ...related];
}

function placed(
  { file, start, length }: ts.DiagnosticWithLocation,
  folder: string,
  around?: number,
): string[] {
  const { line, character } = file.getLineAndCharacterOfPosition(start);
  const lineEnd = file.text.slice(start).search(/[\n\r\u2028\u2029]|$/);
  const marked = { line: line + 1, column: character + 1, length: Math.min(length, lineEnd) };
  return [`${fileLabel(file, folder)}, line ${line + 1}`, ...excerpt(file.text, marked, around)];
}

function isLocated(info: ts.DiagnosticRelatedInformation): info is ts.DiagnosticWithLocation {
  return info.file !== undefined && info.start !== undefined;
}
