/** Arrays of records, and Maps, as HTML tables. Only data properties are read: no getter runs. */
import { types } from 'node:util';
import { type Cell, htmlTable } from '../../src/display/html.js';
import { type NumberText, numberText } from './number-text.js';
import { briefText, cut } from './text.js';

const mostRows = 60;
const mostColumns = 30;
/** Rows that are looked at before an array counts as a table. */
const mostChecked = 1000;
const longestCell = 80;
const longestTitle = 600;

type Row = ReadonlyMap<string, unknown>;
const getter = Symbol('getter');

/** The table of an array of plain objects that have some column of primitive values; undefined for other arrays. */
export function recordsHtml(value: readonly unknown[]): string | undefined {
  if (value.length === 0) return undefined;
  for (let index = 0; index < Math.min(value.length, mostChecked); index++)
    if (!isRecord(value[index])) return undefined;
  const rows = value.slice(0, mostRows).map((record) => rowOf(record as object));
  const names = [...new Set(rows.flatMap((row) => [...row.keys()]))];
  if (names.length === 0 || names.length > mostColumns) return undefined;
  const isFlat = (name: string) => rows.every((row) => isPrimitive(row.get(name)));
  return names.some(isFlat) ? table(names, rows, value.length, 'rows') : undefined;
}

/** The table of a Map with primitive keys; undefined for others. */
export function mapHtml(map: ReadonlyMap<unknown, unknown>): string | undefined {
  if (map.size === 0) return undefined;
  const rows: Row[] = [];
  for (const [key, value] of map) {
    if (!isPrimitive(key)) return undefined;
    rows.push(
      new Map([
        ['key', key],
        ['value', value],
      ]),
    );
    if (rows.length === mostRows) break;
  }
  return table(['key', 'value'], rows, map.size, 'entries');
}

function isRecord(value: unknown): value is object {
  if (typeof value !== 'object' || value === null || types.isProxy(value)) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  // An object of another realm (vm, worker) has another Object.prototype.
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

function rowOf(record: object): Row {
  const row = new Map<string, unknown>();
  for (const key of Object.keys(record)) {
    const property = Object.getOwnPropertyDescriptor(record, key)!;
    row.set(key, 'value' in property ? property.value : getter);
  }
  return row;
}

function isPrimitive(value: unknown): boolean {
  return value === null || (typeof value !== 'object' && typeof value !== 'function' && value !== getter);
}

function table(names: readonly string[], rows: readonly Row[], total: number, unit: string): string {
  const columns = names.map((name) => column(rows, name));
  const rest = total - rows.length;
  return htmlTable({
    head: names,
    align: columns.map((one) => one.align),
    rows: rows.map((_, index) => columns.map(({ cells }) => cells[index]!)),
    ...(rest > 0 ? { foot: `… ${rest} more ${unit}` } : {}),
  });
}

function column(rows: readonly Row[], name: string): { align: 'left' | 'right'; cells: Cell[] } {
  const values = rows.filter((row) => row.has(name)).map((row) => row.get(name));
  const numbers = values.filter((value) => typeof value === 'number');
  const write = numberText(numbers);
  const cells = rows.map((row) => (row.has(name) ? cellOf(row.get(name), write) : ''));
  const isNumeric = values.every((value) => typeof value === 'number' || typeof value === 'bigint');
  return { align: isNumeric ? 'right' : 'left', cells };
}

function cellOf(value: unknown, write: NumberText): Cell {
  switch (typeof value) {
    case 'number':
      return numberCell(value, write);
    case 'string':
      return titled(cut(value, longestCell), cut(value, longestTitle));
    case 'object':
      if (value instanceof Date) return briefText(value, longestCell);
      return value === null ? 'null' : titled(briefText(value, longestCell), briefText(value, longestTitle));
    default:
      return value === getter ? '[Getter]' : briefText(value, longestCell);
  }
}

/** The number as it is in the title, where its text is rounded. */
export function numberCell(value: number, write: NumberText): Cell {
  const text = write(value);
  return Object.is(Number(text), value) ? text : { text, title: String(value) };
}

function titled(text: string, title: string): Cell {
  return title === text ? text : { text, title };
}
