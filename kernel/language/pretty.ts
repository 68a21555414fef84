/**
 * Diagnostics as `tsc --pretty` prints them, with cells called by their number: place, message, the source line with a
 * squiggle, and what the message refers to. Wide characters keep the squiggle in place and long lines are cut.
 */
import { relative, sep } from 'node:path';
import ts from 'typescript';
import { markLine } from '../source-line.js';
import { cellName } from './cell-names.js';
import { withoutPaths } from './readable-paths.js';

const color = (code: string) => (text: string) => `\u001b[${code}m${text}\u001b[0m`;
const red = color('91');
const grey = color('90');
const cyan = color('96');
const yellow = color('93');
const inverse = color('7');
type Paint = (text: string) => string;

/** A squiggle over more lines than this leaves out those in the middle. */
const mostLines = 4;

/** @param folder the notebook's: files are named by their path from here */
export function prettyDiagnostics(found: readonly ts.DiagnosticWithLocation[], folder: string): string {
  return found.map((item) => prettyDiagnostic(item, folder)).join('\n\n');
}

function prettyDiagnostic(item: ts.DiagnosticWithLocation, folder: string): string {
  const number = item.code === 0 ? ': ' : ` TS${item.code}: `;
  const head = `${place(item, folder)} - ${red('error')}${grey(number)}${messageText(item)}`;
  const related = (item.relatedInformation ?? []).map((info) => relatedText(info, folder));
  return [`${head}\n`, ...squiggled(item, '', red), ...related].join('\n');
}

function relatedText(info: ts.DiagnosticRelatedInformation, folder: string): string {
  const text = `    ${messageText(info)}`;
  if (!isLocated(info)) return `\n${text}`;
  return [`\n  ${place(info, folder)}`, ...squiggled(info, '    ', cyan), text].join('\n');
}

function isLocated(info: ts.DiagnosticRelatedInformation): info is ts.DiagnosticWithLocation {
  return info.file !== undefined && info.start !== undefined;
}

function place({ file, start }: ts.DiagnosticWithLocation, folder: string): string {
  const { line, character } = file.getLineAndCharacterOfPosition(start);
  return `${cyan(fileLabel(file, folder))}:${yellow(String(line + 1))}:${yellow(String(character + 1))}`;
}

export function fileLabel(file: ts.SourceFile, folder: string): string {
  return cellName(file) ?? relative(folder, file.fileName).split(sep).join('/');
}

function squiggled(
  { file, start, length }: ts.DiagnosticWithLocation,
  indent: string,
  paint: Paint,
): string[] {
  const first = file.getLineAndCharacterOfPosition(start);
  const last = file.getLineAndCharacterOfPosition(Math.min(start + length, file.text.length));
  const width = String(last.line + 1).length;
  const lines = file.text.split(/\r\n|[\n\r\u2028\u2029]/);
  const isCut = last.line - first.line >= mostLines;
  const output: string[] = [];
  for (let line = first.line; line <= last.line; line++) {
    if (isCut && line === first.line + 2) {
      output.push(`${indent}${inverse('...'.padStart(width))}`);
      line = last.line - 1;
      continue;
    }
    const content = lines[line] ?? '';
    const from = line === first.line ? first.character : content.search(/\S|$/);
    const to = line === last.line ? last.character : content.length;
    const { text, indent: before, width: marked } = markLine(content, from, Math.max(0, to - from));
    output.push(
      `${indent}${inverse(String(line + 1).padStart(width))} ${text}`,
      `${indent}${inverse(' '.repeat(width))} ${paint(' '.repeat(before) + '~'.repeat(marked))}`,
    );
  }
  return output;
}

export function messageText({ messageText: message }: ts.DiagnosticRelatedInformation): string {
  return withoutPaths(ts.flattenDiagnosticMessageText(message, '\n'));
}
