/** Matrices as HTML tables with their row and column numbers: rank-2 tensors, and arrays of equally long rows of numbers. */
import { type Cell, htmlTable } from '../../src/display/html.js';
import { ends } from './array-text.js';
import { numberText } from './number-text.js';
import { numberCell } from './table.js';

/** Of longer axes this many at both ends are shown. */
const edge = 8;

/** Expects elements row by row: position = row × columns + column. */
/** @param cells gives the cell at row × columns + column, knowing all positions that will be shown */
export function matrixHtml(
  rows: number,
  columns: number,
  cells: (positions: readonly number[]) => (position: number) => Cell,
): string {
  const shownRows = ends(rows, edge);
  const shownColumns = ends(columns, edge);
  const isShown = (index: number | undefined): index is number => index !== undefined;
  const positions = shownRows
    .filter(isShown)
    .flatMap((row) => shownColumns.filter(isShown).map((column) => row * columns + column));
  const cell = cells(positions);
  return htmlTable({
    head: ['', ...shownColumns.map((column) => (column === undefined ? '…' : String(column)))],
    align: ['left', ...shownColumns.map(() => 'right' as const)],
    rows: shownRows.map((row) => [
      { text: row === undefined ? '…' : String(row), header: true },
      ...shownColumns.map((column) =>
        row === undefined || column === undefined ? '…' : cell(row * columns + column),
      ),
    ]),
  });
}

/** Two rows or more of the same length, at least two numbers in each. */
export function isMatrix(value: readonly unknown[]): value is readonly (readonly number[])[] {
  const [first] = value;
  if (value.length < 2 || !isRow(first) || first.length < 2) return false;
  // Whoever makes rows of millions of numbers does not wait for us to look at each.
  if (value.length * first.length > 1_000_000) return false;
  return value.every((row) => isRow(row) && row.length === first.length && row.every(isNumber));
}

function isRow(row: unknown): row is readonly unknown[] {
  return Array.isArray(row) || (ArrayBuffer.isView(row) && 'length' in row);
}

function isNumber(value: unknown): boolean {
  return typeof value === 'number';
}

export function numbersHtml(matrix: readonly (readonly number[])[]): string {
  const columns = matrix[0]!.length;
  const at = (position: number) => matrix[Math.floor(position / columns)]![position % columns]!;
  return matrixHtml(matrix.length, columns, (positions) => {
    const write = numberText(positions.map(at));
    return (position) => numberCell(at(position), write);
  });
}
