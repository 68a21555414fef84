/**
 * What notebook and cell metadata say of regression, `kernelbook: { golden: {…}, "max-seconds": 10, "max-memory": "2GiB" }`,
 * checked before anything runs: a setting that is misspelt would otherwise loosen a test in silence.
 */
import { nearest } from '../../kernel/kernelspec.js';
import { type Cell, isObject, type Notebook } from '../notebook/format.js';
import { ownMetadataFault } from '../notebook/own-metadata.js';
import { parseBytes } from '../run/bytes.js';
import { defaultTolerance, type Tolerance } from './tolerance.js';

export interface GoldenSettings {
  /** The cell's outputs are neither kept nor compared. */
  skip: boolean;
  /** Figures are compared with their layout. */
  layout: boolean;
  tolerance: Tolerance;
  /** Text that matches is not compared. */
  ignore: readonly RegExp[];
}

export interface Budgets {
  maxSeconds?: number;
  /** Bytes. */
  maxMemory?: number;
}

/** The metadata says something that cannot be meant; the message is one line. */
export class SettingsError extends Error {
  override readonly name = 'SettingsError';
}

const goldenKeys = ['skip', 'layout', 'atol', 'rtol', 'ulp', 'ignore'] as const;

/** The golden settings of a cell: its own over those of the notebook. Throws SettingsError. */
export function goldenSettings(notebook: Notebook, cell: Cell): GoldenSettings {
  const common = readGolden(notebook.metadata.kernelbook, 'the notebook');
  const own = readGolden(cell.metadata.kernelbook, `cell "${cell.id}"`);
  const { skip = false, layout = false, atol, rtol, ulp } = { ...common, ...own };
  const named = [atol, rtol, ulp].some((one) => one !== undefined);
  // Whoever counts units in the last place wants no other allowance beside it.
  const base = ulp === undefined ? defaultTolerance : { atol: 0, rtol: 0 };
  return {
    skip,
    layout,
    tolerance: {
      atol: atol ?? base.atol,
      rtol: rtol ?? base.rtol,
      ulp: ulp ?? 0,
      exactCounts: !named,
    },
    ignore: [...(common.ignore ?? []), ...(own.ignore ?? [])],
  };
}

/** The budgets of a notebook or of a cell. Throws SettingsError. */
export function budgetsOf(metadata: Record<string, unknown>, where: string): Budgets {
  const { kernelbook } = metadata;
  if (!isObject(kernelbook)) return {};
  const { 'max-seconds': seconds, 'max-memory': memory } = kernelbook;
  if (seconds !== undefined && !(typeof seconds === 'number' && seconds > 0))
    throw new SettingsError(
      `${where}: kernelbook.max-seconds is ${JSON.stringify(seconds)}, not a number of seconds`,
    );
  const maxMemory = typeof memory === 'string' ? parseBytes(memory) : undefined;
  if (memory !== undefined && !maxMemory)
    throw new SettingsError(
      `${where}: kernelbook.max-memory is ${JSON.stringify(memory)}, not a size such as "2GiB"`,
    );
  return { ...(seconds !== undefined && { maxSeconds: seconds }), ...(maxMemory && { maxMemory }) };
}

/** Those of the command line, of the notebook and of its cells, also where there are none. */
export function allBudgets({ metadata, cells }: Notebook, given: Budgets): Budgets[] {
  const own = cells.map((cell) => budgetsOf(cell.metadata, `cell "${cell.id}"`));
  return [given, budgetsOf(metadata, 'the notebook'), ...own];
}

/** Throws SettingsError for the first setting of the notebook that cannot be meant. */
export function checkSettings(notebook: Notebook): void {
  const fault = ownMetadataFault(notebook);
  if (fault !== undefined) throw new SettingsError(fault);
  budgetsOf(notebook.metadata, 'the notebook');
  for (const cell of notebook.cells) {
    goldenSettings(notebook, cell);
    budgetsOf(cell.metadata, `cell "${cell.id}"`);
  }
}

interface GivenGolden {
  skip?: boolean;
  layout?: boolean;
  atol?: number;
  rtol?: number;
  ulp?: number;
  ignore?: RegExp[];
}

function readGolden(metadata: unknown, where: string): GivenGolden {
  const golden = isObject(metadata) ? metadata.golden : undefined;
  if (golden === undefined) return {};
  const fail = (what: string): never => {
    throw new SettingsError(`${where}: ${what}`);
  };
  if (!isObject(golden)) return fail('kernelbook.golden must be an object, such as {"rtol": 1e-3}');
  for (const key of Object.keys(golden)) {
    if (goldenKeys.some((known) => known === key)) continue;
    const near = nearest(key.toLowerCase(), goldenKeys);
    fail(
      `kernelbook.golden has no setting ${key}${near ? `, did you mean ${near}?` : `; known: ${goldenKeys.join(', ')}`}`,
    );
  }
  const result: GivenGolden = {};
  for (const key of ['skip', 'layout'] as const) {
    const value = golden[key];
    if (typeof value === 'boolean') result[key] = value;
    else if (value !== undefined) fail(`kernelbook.golden.${key} must be true or false`);
  }
  for (const key of ['atol', 'rtol', 'ulp'] as const) {
    const value = golden[key];
    if (typeof value === 'number' && value >= 0) result[key] = value;
    else if (value !== undefined) fail(`kernelbook.golden.${key} must be a number >= 0`);
  }
  const { ignore } = golden;
  if (ignore !== undefined) {
    if (!Array.isArray(ignore) || !ignore.every((one) => typeof one === 'string'))
      return fail('kernelbook.golden.ignore must be a list of regular expressions');
    result.ignore = ignore.map((pattern) => toRegExp(pattern) ?? fail(badPattern(pattern)));
  }
  return result;
}

const badPattern = (pattern: string): string =>
  `kernelbook.golden.ignore: ${JSON.stringify(pattern)} is no regular expression`;

function toRegExp(pattern: string): RegExp | undefined {
  try {
    return new RegExp(pattern, 'gu');
  } catch {
    return undefined;
  }
}
