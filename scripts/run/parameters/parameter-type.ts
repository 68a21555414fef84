/**
 * The types a notebook's parameters may have, and how text from the command line becomes a value of such a
 * type. Nothing is guessed where a type is declared: `--steps abc` for a number is refused before a kernel starts.
 */
import { randomUUID } from 'node:crypto';

export type ParameterType =
  | { kind: 'number' | 'bigint' | 'string' | 'boolean' | 'unknown' }
  // Python's numbers: whole ones of any size, and those that stay a float where they happen to be whole.
  | { kind: 'int' | 'float' }
  | { kind: 'literal'; value: string | number | boolean | null | undefined }
  | { kind: 'array'; element: ParameterType }
  | { kind: 'tuple'; elements: ParameterType[] }
  | { kind: 'object'; fields: { name: string; type: ParameterType; optional: boolean }[] }
  | { kind: 'union'; members: ParameterType[] };

export interface Parameter {
  name: string;
  type: ParameterType;
  /** The declaration without its value, to be repeated in the injected cell: `let steps: number`. */
  declaration: string;
  /** Its value is for the kernel alone: a comment at the declaration says `@secret`. */
  secret: boolean;
  /** The default as it is written; empty where there is none. */
  value: string;
  /** What the comments above and beside the declaration say; empty where there are none. */
  comment: string;
}

/** The text does not denote a value of the type. */
export class ParameterMismatch extends Error {
  override readonly name = 'ParameterMismatch';
}

/**
 * The value `text` denotes for a parameter of this type. Strings are taken as they stand, numbers as TypeScript
 * writes them, everything nested as JSON. Throws ParameterMismatch.
 */
export function parseValue(type: ParameterType, text: string): unknown {
  if (type.kind === 'union') return parseUnion(type.members, type, text);
  if (type.kind === 'literal' && text === String(type.value)) return type.value;
  const scalar = parseScalar(type, text);
  if (scalar !== undefined) return scalar;
  const json = parseJson(text);
  if (json === undefined) {
    if (type.kind === 'unknown') return text;
    throw mismatch('', text, type);
  }
  return fitValue(type, json);
}

/**
 * The value itself, where it already has a type: that of a parameter file. A whole number beyond 2^53 arrives as a
 * bigint; any whole number does for a bigint parameter. Throws ParameterMismatch.
 */
export function fitValue(type: ParameterType, value: unknown): unknown {
  const fitted = withBigints(type, value);
  checkValue(type, fitted, '');
  return fitted;
}

/** The value with its whole numbers as numbers or bigints, as the type has them. */
function withBigints(type: ParameterType, value: unknown): unknown {
  switch (type.kind) {
    case 'bigint':
      return Number.isInteger(value) ? BigInt(value as number) : value;
    case 'float':
      return typeof value === 'bigint' ? Number(value) : value;
    case 'array':
      return Array.isArray(value) ? value.map((inner) => withBigints(type.element, inner)) : value;
    case 'tuple':
      return Array.isArray(value)
        ? value.map((inner, index) => withBigints(type.elements[index] ?? { kind: 'unknown' }, inner))
        : value;
    case 'object': {
      if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
      const types = new Map(type.fields.map((field) => [field.name, field.type]));
      return Object.fromEntries(
        Object.entries(value).map(([key, inner]) => [
          key,
          withBigints(types.get(key) ?? { kind: 'unknown' }, inner),
        ]),
      );
    }
    case 'union': {
      const fitted = type.members.map((member) => ({ member, value: withBigints(member, value) }));
      // As it stands, if it may: 5 is a number for `bigint | number`.
      return (
        (conforms(type, value, '') ? undefined : fitted.find((one) => fits(one.member, one.value)))?.value ??
        value
      );
    }
    default:
      return value;
  }
}

/** The values `text` may denote where the type is not known: a number, JSON, or the text itself. */
export function possibleValues(text: string): unknown[] {
  const json = parseJson(text);
  const values = [parseNumber(text), json, text].filter((value) => value !== undefined);
  return typeof json === 'number' ? values.filter((value) => value !== json || value === values[0]) : values;
}

/** Whether all of the type is known. */
export function isKnown(type: ParameterType): boolean {
  switch (type.kind) {
    case 'array':
      return isKnown(type.element);
    case 'tuple':
      return type.elements.every(isKnown);
    case 'object':
      return type.fields.every((field) => isKnown(field.type));
    case 'union':
      return type.members.every(isKnown);
    default:
      return type.kind !== 'unknown';
  }
}

/** How the type is written in messages. */
export function describeType(type: ParameterType): string {
  switch (type.kind) {
    case 'literal':
      return type.value === undefined ? 'undefined' : JSON.stringify(type.value);
    case 'array': {
      const element = describeType(type.element);
      return type.element.kind === 'union' ? `(${element})[]` : `${element}[]`;
    }
    case 'tuple':
      return `[${type.elements.map(describeType).join(', ')}]`;
    case 'object':
      return `{ ${type.fields.map((f) => `${f.name}${f.optional ? '?' : ''}: ${describeType(f.type)}`).join('; ')} }`;
    case 'union':
      return type.members.map(describeType).join(' | ');
    default:
      return type.kind;
  }
}

function parseUnion(members: ParameterType[], whole: ParameterType, text: string): unknown {
  // A string member would swallow everything: `null` for `string | null` means null, so it comes last.
  const ordered = [...members].sort((a, b) => Number(a.kind === 'string') - Number(b.kind === 'string'));
  for (const member of ordered) {
    try {
      return parseValue(member, text);
    } catch (error) {
      if (!(error instanceof ParameterMismatch)) throw error;
    }
  }
  throw mismatch('', text, whole);
}

/** undefined: not a scalar type, or no scalar of the type; JSON is tried next. */
function parseScalar(type: ParameterType, text: string): unknown {
  if (type.kind === 'string') return text;
  if (type.kind === 'number' || type.kind === 'float') return parseNumber(text);
  if (type.kind === 'bigint') return /^-?\d+n?$/.test(text) ? BigInt(text.replace('n', '')) : undefined;
  if (type.kind === 'unknown') return parseNumber(text);
  return undefined;
}

function parseNumber(text: string): number | undefined {
  const trimmed = text.trim().replace(/(?<=\d)_(?=\d)/g, '');
  if (/^[+-]?(Infinity|NaN)$/.test(trimmed)) return Number(trimmed.replace(/^[+-](?=NaN)/, ''));
  if (trimmed === '' || /infinity/i.test(trimmed)) return undefined;
  const value = Number(trimmed);
  if (!Number.isFinite(value)) return undefined;
  // Written out, a whole number means itself and not the nearest one there is.
  return /^[+-]?\d+$/.test(trimmed) && !Number.isSafeInteger(value) ? undefined : value;
}

/** JSON, in which whole numbers that a number would round are bigints. */
function parseJson(text: string): unknown {
  const mark = randomUUID();
  const marked = text.replace(/"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:e[+-]?\d+)?/gi, (token) =>
    /^-?[1-9]\d*$/.test(token) && !Number.isSafeInteger(Number(token)) ? `"${mark}${token}"` : token,
  );
  try {
    return JSON.parse(marked, (_, value: unknown) => {
      if (typeof value === 'string' && value.startsWith(mark)) return BigInt(value.slice(mark.length));
      // 1e999 is no number anyone means.
      if (value === Infinity || value === -Infinity) throw new RangeError('not finite');
      return value;
    });
  } catch {
    return undefined;
  }
}

function checkValue(type: ParameterType, value: unknown, path: string): void {
  if (!conforms(type, value, path)) throw mismatch(path, value, type);
}

function fits(type: ParameterType, value: unknown): boolean {
  try {
    return conforms(type, value, '');
  } catch (error) {
    if (error instanceof ParameterMismatch) return false;
    throw error;
  }
}

/** False where the value itself is of the wrong kind; a fault further inside throws with its own path. */
function conforms(type: ParameterType, value: unknown, path: string): boolean {
  switch (type.kind) {
    case 'unknown':
      return true;
    case 'literal':
      return value === type.value;
    case 'array':
      if (!Array.isArray(value)) return false;
      for (const [index, element] of value.entries()) checkValue(type.element, element, `${path}[${index}]`);
      return true;
    case 'tuple':
      if (!Array.isArray(value) || value.length !== type.elements.length) return false;
      for (const [index, element] of type.elements.entries())
        checkValue(element, value[index], `${path}[${index}]`);
      return true;
    case 'object': {
      if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
      const given = value as Record<string, unknown>;
      const known = new Set(type.fields.map((field) => field.name));
      if (Object.keys(given).some((key) => !known.has(key))) return false;
      for (const field of type.fields) {
        if (!Object.hasOwn(given, field.name)) {
          if (!field.optional) return false;
        } else checkValue(field.type, given[field.name], `${path}.${field.name}`);
      }
      return true;
    }
    case 'union':
      return type.members.some((member) => fits(member, value));
    case 'int':
      return Number.isInteger(value) || typeof value === 'bigint';
    case 'float':
      return typeof value === 'number';
    default:
      return typeof value === type.kind;
  }
}

function shownValue(value: unknown): string {
  const shown = (inner: unknown) =>
    typeof inner === 'bigint' || (typeof inner === 'number' && !Number.isFinite(inner))
      ? String(inner)
      : inner;
  return typeof value === 'bigint' || typeof value === 'number'
    ? String(value)
    : JSON.stringify(value, (_, inner: unknown) => shown(inner));
}

function mismatch(path: string, value: unknown, type: ParameterType): ParameterMismatch {
  const what = `${path ? `its part ${path} ` : ''}is ${shownValue(value)}`;
  if (type.kind === 'number' && typeof value === 'bigint')
    return new ParameterMismatch(`${what}, which a number cannot hold exactly; declare it as a bigint`);
  return new ParameterMismatch(`${what}, not ${describeType(type)}${advice(type, value)}`);
}

/** For what YAML, JSON and Python write in another way than the user meant it. */
function advice(type: ParameterType, value: unknown): string {
  if (type.kind === 'string' && ['number', 'bigint', 'boolean'].includes(typeof value))
    return '; in quotes it is text';
  if (type.kind === 'boolean' && typeof value === 'string' && /^(yes|no|on|off|y|n|true|false)$/i.test(value))
    return '; write true or false';
  return '';
}
