/**
 * Parameters of Python notebooks: top-level assignments of the `parameters` cell, with the types their
 * annotations or plain literals show, and the comments beside and above them. Enough to run such notebooks with
 * papermill's conventions.
 */
import type { Parameter, ParameterType } from './parameter-type.js';

const assignment = /^([\p{ID_Start}_]\p{ID_Continue}*)\s*(?::\s*([^=]+?))?\s*=(?!=)\s*(\S[\s\S]*)$/u;

export function pythonParameters(source: string): Parameter[] {
  const lines = source.split('\n');
  return statements(source).flatMap(({ text, line, comment: beside }) => {
    const [, name, annotation, value] = assignment.exec(text) ?? [];
    if (!name || !value) return [];
    const secret = /@secret\b/.test(beside);
    const comment = [...commentsAbove(lines, line), beside].map(withoutMark).filter(Boolean).join('\n');
    return [{ name, type: typeOf(annotation, value), declaration: name, secret, value, comment }];
  });
}

interface Statement {
  /** Without the comment at its end. */
  text: string;
  /** Its first line, from 0. */
  line: number;
  comment: string;
}

/** What Python's tokens need to be told apart: strings, comments, brackets, continued lines, ends of lines. */
const tokens =
  /("""|''')(?:[^\\]|\\[\s\S])*?(?:\1|$)|"(?:[^"\\\n]|\\[\s\S])*"?|'(?:[^'\\\n]|\\[\s\S])*'?|#[^\n]*|[([{]|[)\]}]|\\\n|\n|[^"'#()[\]{}\\\n]+|\\/g;

/** The logical lines of the source: brackets and strings of several lines are in one. */
function statements(source: string): Statement[] {
  const found: Statement[] = [];
  let current: Statement = { text: '', line: 0, comment: '' };
  let line = 0;
  let depth = 0;
  for (const [token] of source.matchAll(tokens)) {
    if (token === '\n' && depth <= 0) {
      found.push(current);
      line++;
      current = { text: '', line, comment: '' };
      depth = 0;
      continue;
    }
    line += token.split('\n').length - 1;
    if (/^[([{]$/.test(token)) depth++;
    if (/^[)\]}]$/.test(token)) depth--;
    if (token.startsWith('#') && depth <= 0) current.comment = token;
    else current.text += token;
  }
  return [...found, current].map((one) => ({ ...one, text: one.text.trimEnd() }));
}

function commentsAbove(lines: readonly string[], index: number): string[] {
  const first = lines.slice(0, index).findLastIndex((line) => !line.startsWith('#')) + 1;
  return lines.slice(first, index);
}

function withoutMark(comment: string): string {
  return comment.replace(/^#+\s*/, '');
}

/** `None`, `True` and `False` as JSON has them, and Python's words for numbers that are none. */
export function pythonSpelling(text: string, type: ParameterType): string {
  if (type.kind === 'string') return text;
  const number = /^([+-]?)(nan|inf|infinity)$/i.exec(text);
  if (number && type.kind !== 'unknown') return /nan/i.test(number[2]!) ? 'NaN' : `${number[1]}Infinity`;
  return { None: 'null', True: 'true', False: 'false' }[text] ?? text;
}

/** A value as Python source. */
export function pythonLiteral(value: unknown, type: ParameterType = { kind: 'unknown' }): string {
  if (value === null) return 'None';
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  if (typeof value === 'bigint') return String(value);
  if (typeof value === 'number') {
    if (!Number.isFinite(value))
      return `float(${JSON.stringify(Number.isNaN(value) ? 'nan' : value > 0 ? 'inf' : '-inf')})`;
    if (Object.is(value, -0)) return '-0.0';
    return type.kind === 'float' && /^-?\d+$/.test(String(value)) ? `${value}.0` : String(value);
  }
  if (Array.isArray(value)) return `[${value.map((one) => pythonLiteral(one)).join(', ')}]`;
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
  if (named === 'int') return { kind: 'int' };
  if (named === 'float') return { kind: 'float' };
  if (named === 'str') return { kind: 'string' };
  if (named === 'bool') return { kind: 'boolean' };
  if (named !== undefined) return { kind: 'unknown' };
  if (/^(True|False)$/.test(value)) return { kind: 'boolean' };
  // Nobody has promised that the next value is whole too.
  if (/^[+-]?\d[\d_]*$/.test(value)) return { kind: 'union', members: [{ kind: 'int' }, { kind: 'float' }] };
  if (/^[+-]?[\d_]*\.?\d[\d_]*\.?(e[+-]?\d+)?$/i.test(value)) return { kind: 'float' };
  if (/^(["'])(?:(?!\1)[^\\]|\\.)*\1$/s.test(value)) return { kind: 'string' };
  if (/^("""|''')(?:(?!\1)[^\\]|\\[\s\S])*\1$/.test(value)) return { kind: 'string' };
  if (/^\[.*\]$/s.test(value)) return { kind: 'array', element: { kind: 'unknown' } };
  return { kind: 'unknown' };
}
