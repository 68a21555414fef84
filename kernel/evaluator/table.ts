/** Arrays of flat records as an HTML table. */
import { inspect } from 'node:util';
import { escapeHtml } from '../../src/html.js';

type Row = Record<string, unknown>;

const mostRows = 60;
const mostColumns = 30;

/** A non-empty array of plain objects whose values are all primitive. */
export function isTable(value: unknown): value is Row[] {
  if (!Array.isArray(value) || value.length === 0 || !value.every(isRow)) return false;
  const columns = columnsOf(value);
  return columns.length > 0 && columns.length <= mostColumns;
}

function isRow(value: unknown): value is Row {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) return false;
  return Object.values(value).every(
    (item) => item === null || (typeof item !== 'object' && typeof item !== 'function'),
  );
}

function columnsOf(rows: readonly Row[]): string[] {
  return [...new Set(rows.flatMap((row) => Object.keys(row)))];
}

export function tableHtml(rows: readonly Row[]): string {
  const columns = columnsOf(rows);
  const head = columns.map((name) => `<th>${escapeHtml(name)}</th>`).join('');
  const body = rows
    .slice(0, mostRows)
    .map((row) => `<tr>${columns.map((name) => cellHtml(row, name)).join('')}</tr>`);
  const rest = rows.length - mostRows;
  const more = rest > 0 ? `<tr><td colspan="${columns.length}">… ${rest} more rows</td></tr>` : '';
  return `<table><thead><tr>${head}</tr></thead><tbody>${body.join('')}${more}</tbody></table>`;
}

function cellHtml(row: Row, name: string): string {
  if (!Object.hasOwn(row, name)) return '<td></td>';
  const value = row[name];
  const text = typeof value === 'string' ? value : inspect(value);
  return typeof value === 'number' || typeof value === 'bigint'
    ? `<td style="text-align: right">${escapeHtml(text)}</td>`
    : `<td>${escapeHtml(text)}</td>`;
}
