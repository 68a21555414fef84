/**
 * Where a character of a cell stands in the notebook's file, so that a report can point there: the file's JSON is read
 * with its positions, and escapes are counted. Old notebooks have no cell ids in their files; there the number counts.
 */
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import ts from 'typescript';
import type { CheckedNotebook, Finding } from './finding.js';

export interface FileRange {
  path: string;
  /** From 1; columns count UTF-16 units. */
  line: number;
  column: number;
  endLine: number;
  endColumn: number;
}

/** The places of a notebook's findings, in their order. */
export async function fileRanges({ path, findings }: CheckedNotebook): Promise<FileRange[]> {
  if (findings.length === 0) return [];
  const places = new CellPlaces(await readFile(path, 'utf8'));
  return findings.map((finding): FileRange => {
    if (finding.file !== undefined) return inOtherFile(join(dirname(path), finding.file), finding);
    const { line, column } = places.at(finding.cell, finding.start);
    const end = places.at(finding.cell, finding.start + finding.length);
    return { path, line, column, endLine: end.line, endColumn: end.column };
  });
}

function inOtherFile(path: string, { line, column, length }: Finding): FileRange {
  return { path, line, column, endLine: line, endColumn: column + length };
}

export class CellPlaces {
  readonly #file: ts.JsonSourceFile;
  readonly #cells: readonly ts.Expression[];

  /** @param text a notebook file that was found valid */
  constructor(text: string) {
    this.#file = ts.parseJsonText('notebook.json', text);
    const cells = property(this.#file.statements[0]?.expression, 'cells');
    this.#cells = cells && ts.isArrayLiteralExpression(cells) ? cells.elements : [];
  }

  /** Line and column, from 1, of a character of the cell's source. */
  at({ id, number }: { id: string; number: number }, offset: number): { line: number; column: number } {
    const withId = this.#cells.find((cell) => {
      const value = property(cell, 'id');
      return value && ts.isStringLiteral(value) && value.text === id;
    });
    const source = property(withId ?? this.#cells[number - 1], 'source');
    const position = source ? this.#position(source, offset) : 0;
    const { line, character } = this.#file.getLineAndCharacterOfPosition(position);
    return { line: line + 1, column: character + 1 };
  }

  #position(source: ts.Expression, offset: number): number {
    const lines = ts.isArrayLiteralExpression(source) ? source.elements.filter(ts.isStringLiteral) : [source];
    let rest = offset;
    for (const [index, line] of lines.entries()) {
      const { text } = line as ts.StringLiteral;
      if (rest < text.length || index === lines.length - 1)
        return this.#inString(line.getStart(this.#file) + 1, rest);
      rest -= text.length;
    }
    return source.getStart(this.#file);
  }

  /** From the first character of a JSON string over `count` of the characters it denotes. */
  #inString(start: number, count: number): number {
    const { text } = this.#file;
    let position = start;
    for (let i = 0; i < count; i++)
      position += text[position] !== '\\' ? 1 : text[position + 1] === 'u' ? 6 : 2;
    return position;
  }
}

/** The value of a key; of several the last one, as JSON.parse has it. */
function property(object: ts.Node | undefined, name: string): ts.Expression | undefined {
  if (!object || !ts.isObjectLiteralExpression(object)) return undefined;
  const found = object.properties.findLast(
    (one) => ts.isPropertyAssignment(one) && ts.isStringLiteral(one.name) && one.name.text === name,
  );
  return found && ts.isPropertyAssignment(found) ? found.initializer : undefined;
}
