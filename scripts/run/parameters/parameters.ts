/**
 * Typed parameters of a notebook, with papermill's conventions: the cell tagged `parameters` declares them with
 * their defaults; values of a run go into a cell tagged `injected-parameters` after it, replacing that of an
 * earlier run. A wrong name or type is an error before any kernel starts.
 */
import { nearest } from '../../../kernel/kernelspec.js';
import type { ParameterTypes } from '../../check/parameter-types.js';
import { type CodeCell, hasTag, type Notebook } from '../../notebook/format.js';
import {
  describeType,
  fitValue,
  isKnown,
  type Parameter,
  ParameterMismatch,
  type ParameterType,
  parseValue,
  possibleValues,
} from './parameter-type.js';
import { noSecrets, redacted, Secrets } from './secrets.js';

/** A fault in what the user gave; the message is one line. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** One `-p name value` of the command line, whose type the declaration decides; or a typed value of a file. */
export type GivenParameter = { name: string; text: string } | { name: string; value: unknown };

/** A notebook that takes some of the given parameters. */
export interface Parameterised {
  notebook: Notebook;
  /** The values by name, as they are recorded in the notebook's metadata; those of secrets are not. */
  values: Record<string, unknown>;
  secrets: Secrets;
}

/** A notebook by the name used in messages, with the language of its kernel. */
export interface NamedNotebook {
  name: string;
  language: string;
  notebook: Notebook;
  /** Asks the kernel's language engine for what the declarations alone do not tell. */
  types?: () => Promise<ParameterTypes>;
}

interface Translator {
  parse: (source: string) => Parameter[];
  /** Values as other languages write them: Python's `None`. Default: as they stand. */
  spelling?: (text: string, type: ParameterType) => string;
  literal: (value: unknown, type: ParameterType) => string;
  line: (declaration: string, literal: string) => string;
  comment: string;
}

/**
 * Injects the parameters each notebook declares. One that no notebook declares, or whose value is not of the
 * declared type, throws UsageError.
 */
export async function applyParameters(
  notebooks: NamedNotebook[],
  given: GivenParameter[],
): Promise<Parameterised[]> {
  if (given.length === 0)
    return notebooks.map(({ notebook }) => ({ notebook, values: {}, secrets: noSecrets }));
  const repeated = given.find(({ name }, index) => given.findIndex((other) => other.name === name) !== index);
  if (repeated) throw new UsageError(`parameter ${repeated.name} is given twice`);
  const declared = await Promise.all(notebooks.map((entry) => declaredParameters(entry)));
  for (const { name } of given) requireDeclared(name, notebooks, declared);
  const results: Parameterised[] = [];
  // One after the other: they may share a language engine.
  for (const [index, entry] of notebooks.entries())
    results.push(await inject(entry, declared[index]!, given));
  return results;
}

export interface Declared {
  translator: Translator | undefined;
  parameters: Parameter[];
  cell: CodeCell | undefined;
}

export async function declaredParameters(entry: NamedNotebook): Promise<Declared> {
  const cell = entry.notebook.cells.find(
    (one): one is CodeCell => one.cell_type === 'code' && hasTag(one, 'parameters'),
  );
  const translator = cell && (await translatorFor(entry.language));
  return { translator, cell, parameters: cell && translator ? translator.parse(cell.source) : [] };
}

async function translatorFor(language: string): Promise<Translator | undefined> {
  if (language === 'python') {
    const { pythonParameters, pythonLiteral, pythonSpelling } = await import('./python-parameters.js');
    return {
      parse: pythonParameters,
      spelling: pythonSpelling,
      literal: pythonLiteral,
      line: (name, value) => `${name} = ${value}`,
      comment: '#',
    };
  }
  if (language !== 'typescript' && language !== 'javascript') return undefined;
  const { typescriptParameters, typescriptLiteral } = await import('./typescript-parameters.js');
  return {
    parse: typescriptParameters,
    literal: typescriptLiteral,
    line: (declaration, value) => `${declaration} = ${value};`,
    comment: '//',
  };
}

function requireDeclared(name: string, notebooks: NamedNotebook[], declared: Declared[]): void {
  if (declared.some(({ parameters }) => parameters.some((parameter) => parameter.name === name))) return;
  const known = [
    ...new Map(declared.flatMap(({ parameters }) => parameters.map((one) => [one.name, one]))).values(),
  ];
  const where = notebooks.length === 1 ? notebooks[0]!.name : `the ${notebooks.length} notebooks`;
  if (known.length === 0) {
    const foreign = declared.findIndex(({ cell, translator }) => cell && !translator);
    if (foreign >= 0) {
      const { name: notebook, language } = notebooks[foreign]!;
      throw new UsageError(
        `${notebook}: parameters cannot be given to a notebook in ${language || 'an unnamed language'}`,
      );
    }
    const similar = notebooks
      .flatMap(({ notebook }) => notebook.cells.flatMap((cell) => cell.metadata.tags ?? []))
      .find((tag) => tag !== 'parameters' && nearest(tag.toLowerCase(), ['parameters']));
    throw new UsageError(
      `unknown parameter ${name}: ${where} has no cell tagged "parameters" that declares any${similar ? `; there is a tag "${similar}"` : ''}`,
    );
  }
  const near = nearest(
    name.toLowerCase(),
    known.map((one) => one.name),
  );
  // Of a type that the syntax does not tell, the annotation.
  const list = known
    .map((one) =>
      isKnown(one.type)
        ? `${one.name}: ${describeType(one.type)}`
        : one.declaration.replace(/^(?:const|let|var) /, ''),
    )
    .join(', ');
  throw new UsageError(
    `unknown parameter ${name}${near ? `, did you mean ${near}?` : '.'} Known in ${where}: ${list}`,
  );
}

async function inject(
  entry: NamedNotebook,
  declared: Declared,
  given: GivenParameter[],
): Promise<Parameterised> {
  const { notebook } = entry;
  const { translator, cell } = declared;
  const values: Record<string, unknown> = {};
  const lines: { run: string; saved: string }[] = [];
  const hidden: unknown[] = [];
  for (const one of given) {
    const parameter = declared.parameters.find((candidate) => candidate.name === one.name);
    if (!parameter || !translator) continue;
    const value = await typedValue(entry, parameter, one, translator);
    const { declaration, secret } = parameter;
    const run = translator.line(declaration, translator.literal(value, parameter.type));
    if (secret) hidden.push(value);
    values[one.name] = secret ? redacted : asJson(value);
    lines.push({ run, saved: secret ? `${translator.comment} ${one.name}: ${redacted}` : run });
  }
  if (!translator || !cell || lines.length === 0) return { notebook, values, secrets: noSecrets };
  const source = (kind: 'run' | 'saved') =>
    `${translator.comment} Parameters\n${lines.map((line) => line[kind]).join('\n')}`;
  const injected = injectedCell(notebook, source('saved'));
  const secrets = hidden.length === 0 ? noSecrets : new Secrets(hidden, injected.id, source('run'));
  return { notebook: { ...notebook, cells: withCell(notebook, cell, injected) }, values, secrets };
}

async function typedValue(
  { name, types }: NamedNotebook,
  parameter: Parameter,
  given: GivenParameter,
  translator: Translator,
): Promise<unknown> {
  const { type, secret } = parameter;
  const refuse = (what: string): never => {
    throw new UsageError(`${name}: parameter ${parameter.name} ${what}`);
  };
  let value: unknown;
  try {
    value =
      'text' in given
        ? parseValue(type, translator.spelling?.(given.text, type) ?? given.text)
        : fitValue(type, given.value);
  } catch (error) {
    if (!(error instanceof ParameterMismatch)) throw error;
    // What is said of a secret does not contain it.
    refuse(secret ? `is not ${describeType(type)}` : error.message);
  }
  if (!types || isKnown(type)) return value;
  const engine = await types();
  const candidates =
    'text' in given && (type.kind === 'unknown' || type.kind === 'union')
      ? [value, ...possibleValues(given.text)]
      : [value];
  const complaints: string[] = [];
  for (const candidate of candidates) {
    const complaint = await engine.mismatch(parameter.name, translator.literal(candidate, type));
    if (complaint === undefined) return candidate;
    complaints.push(complaint);
  }
  const inferred = await engine.typeOf(parameter.name);
  if (secret) refuse(`is not ${inferred}`);
  const shown = 'text' in given ? JSON.stringify(given.text) : translator.literal(given.value, type);
  return refuse(`is ${shown}, not ${inferred}: ${oneLine(complaints[0]!)}`);
}

function oneLine(message: string): string {
  return message.replace(/\s*\n\s*/g, ' ');
}

/** Metadata is JSON, which has neither bigint, NaN nor undefined: those are recorded as text. */
function asJson(value: unknown): unknown {
  if (typeof value === 'bigint' || value === undefined) return String(value);
  if (typeof value === 'number') return Number.isFinite(value) ? value : String(value);
  if (Array.isArray(value)) return value.map(asJson);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, asJson(inner)]));
}

/** In the place of that of an earlier run, if there is one. */
function injectedCell(notebook: Notebook, source: string): CodeCell {
  return {
    cell_type: 'code',
    id: earlierInjected(notebook)?.id ?? freeId(notebook),
    metadata: { tags: ['injected-parameters'] },
    source,
    execution_count: null,
    outputs: [],
  };
}

function withCell(notebook: Notebook, parametersCell: CodeCell, injected: CodeCell): Notebook['cells'] {
  const { cells } = notebook;
  const old = earlierInjected(notebook);
  if (old) return cells.with(cells.indexOf(old), injected);
  return cells.toSpliced(cells.indexOf(parametersCell) + 1, 0, injected);
}

function earlierInjected(notebook: Notebook): Notebook['cells'][number] | undefined {
  return notebook.cells.find((one) => hasTag(one, 'injected-parameters'));
}

function freeId(notebook: Notebook): string {
  const taken = new Set(notebook.cells.map((cell) => cell.id));
  let id = 'injected-parameters';
  for (let n = 2; taken.has(id); n++) id = `injected-parameters-${n}`;
  return id;
}
