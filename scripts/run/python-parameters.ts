/**
 * Parameters of Python notebooks: top-level assignments of the `parameters` cell, with the types their
 * annotations or plain literals show, and the comments beside and above them. Enough to run such notebooks with
 * papermill's conventions.
 */
import type { Parameter, ParameterType } from './parameter-type.js';

const assignment =
  /^([A-Za-z_]\w*)\s*(?::\s*([^=]+?))?\s*=(?!=)\s*((?:"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|[^#"'])+?)\s*(#.*)?$/;

export function pythonParameters(source: string): Parameter[] {
  const lines = source.split('\n');
  return lines.flatMap((line, index) => {
    const [, name, annotation, value, beside = ''] = assignment.exec(line) ?? [];
    if (!name || !value) return [];
    const secret = /@secret\b/.test(beside);
    const comment = [...commentsAbove(lines, index), beside].map(withoutMark).filter(Boolean).join('\n');
    return [{ name, type: typeOf(annotation, value), declaration: name, secret, value, comment }];
  });
}

function commentsAbove(lines: readonly string[], index: number): string[] {
  const first = lines.slice(0, index).findLastIndex((line) => !line.startsWith('#')) + 1;
  return lines.slice(first, index);
}

function withoutMark(comment: string): string {
  return comment.replace(/^#+\s*/, '');
}

/** A value as Python source. */
export function pythonLiteral(value: unknown): string {
  if (value === null) return 'None';
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  if (typeof value === 'bigint') return String(value);
  if (typeof value === 'number') {
    if (Number.isFinite(value)) return Object.is(value, -0) ? '-0.0' : String(value);
    return `float(${JSON.stringify(Number.isNaN(value) ? 'nan' : value > 0 ? 'inf' : '-inf')})`;
  }
  if (Array.isArray(value)) return `[${value.map(pythonLiteral).join(', ')}]`;
  if (typeof value === 'object') {
    const entries = Object.entries(value).map(
      ([key, entry]) => `${JSON.stringify(key)}: ${pythonLiteral(entry)}`,
    );
    return `{${entries.join(', ')}}`;
  }
  // A JSON string is a Python string, except that JSON leaves U+2028 and U+2029 bare, as Python allows too.
  return JSON.stringify(value);
}

function typeOf(annotation: string | undefined, value: string): ParameterType {
  const named = annotation?.trim();
  if (named === 'int' || named === 'float') return { kind: 'number' };
  if (named === 'str') return { kind: 'string' };
  if (named === 'bool') return { kind: 'boolean' };
  if (named !== undefined) return { kind: 'unknown' };
  if (/^(True|False)$/.test(value)) return { kind: 'boolean' };
  if (/^[+-]?[\d_]*\.?\d[\d_]*(e[+-]?\d+)?$/i.test(value)) return { kind: 'number' };
  if (/^(["'])(?:(?!\1).)*\1$/.test(value)) return { kind: 'string' };
  if (/^\[.*\]$/.test(value)) return { kind: 'array', element: { kind: 'unknown' } };
  return { kind: 'unknown' };
}
