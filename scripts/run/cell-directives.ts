/**
 * What a code cell says about its own run. Tags: `raises-exception` (as papermill and nbclient know it, but here the
 * error is required) and `expect-error: /pattern/flags`, which requires an error whose "name: message" matches.
 * Metadata: `kernelbook.expectError` (the same pattern) and `kernelbook.timeout` (seconds, 0 for no limit).
 */
import { type CodeCell, hasTag, isObject, type Notebook } from '../notebook/format.js';

/** A directive that cannot be followed; the message is one line that names the cell. */
export class DirectiveError extends Error {
  override readonly name = 'DirectiveError';
}

export interface CellDirectives {
  mustFail: boolean;
  /** The error must match each of them. */
  patterns: RegExp[];
  /** Seconds; undefined for that of the run. */
  timeout: number | undefined;
}

const expectTag = /^expect-error\s*:(.*)$/s;

/** Throws DirectiveError. */
export function directivesOf(cell: CodeCell): CellDirectives {
  const own = isObject(cell.metadata.kernelbook) ? cell.metadata.kernelbook : {};
  const texts: unknown[] = (cell.metadata.tags ?? []).flatMap(
    (tag) => expectTag.exec(tag)?.[1]?.trim() ?? [],
  );
  if (own.expectError !== undefined) texts.push(own.expectError);
  const patterns = texts.map((text) => parsePattern(text, cell));
  return {
    mustFail: patterns.length > 0 || hasTag(cell, 'raises-exception'),
    patterns,
    timeout: parseTimeout(own.timeout, cell),
  };
}

/** Throws DirectiveError for the first cell whose directives cannot be followed. */
export function checkDirectives(notebook: Notebook): void {
  for (const cell of notebook.cells) if (cell.cell_type === 'code') directivesOf(cell);
}

function parsePattern(text: unknown, cell: CodeCell): RegExp {
  const [, source, flags] = (typeof text === 'string' && /^\/(.+)\/([a-z]*)$/s.exec(text)) || [];
  if (source === undefined)
    throw new DirectiveError(
      `cell "${cell.id}": expect-error must be a regular expression like /RangeError: too far/i, not ${JSON.stringify(text)}`,
    );
  try {
    return new RegExp(source, flags);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new DirectiveError(`cell "${cell.id}": expect-error: ${reason}`);
  }
}

function parseTimeout(value: unknown, cell: CodeCell): number | undefined {
  if (value === undefined) return undefined;
  if (typeof value !== 'number' || !(value >= 0 && value <= 1e6))
    throw new DirectiveError(
      `cell "${cell.id}": metadata kernelbook.timeout is ${JSON.stringify(value)}; it must be a number of seconds, 0 for no limit`,
    );
  return value;
}
