/**
 * Where a character of a cell stands in the notebook's file, so that a report can point there: the file's JSON is read
 * with its positions, and escapes are counted. Old notebooks have no cell ids in their files; there the number counts.
 */
import ts from 'typescript';

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

  /** The line of the file, from 1, for a line of the cell's source, from 1, or for its first. */
  lineOf(cell: { id: string; number: number; source: string }, line = 1): number {
    const before = cell.source.split('\n').slice(0, line - 1);
    return this.at(
      cell,
      before.reduce((length, one) => length + one.length + 1, 0),
    ).line;
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
