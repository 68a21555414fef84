/**
 * Parameter files: a YAML (or JSON) mapping of names to values, as papermill's `-f` takes them. Values keep the types
 * YAML gives them; whole numbers beyond 2^53 stay exact.
 */
import { readFile } from 'node:fs/promises';
import { type Document, parseDocument, visit } from 'yaml';
import { type GivenParameter, UsageError } from './parameters.js';

/** The parameters of the files in order; a later file overrides an earlier one. Throws UsageError. */
export async function parameterFiles(paths: readonly string[]): Promise<GivenParameter[]> {
  const given = new Map<string, GivenParameter>();
  for (const path of paths) {
    for (const [name, value] of Object.entries(await readParameters(path))) given.set(name, { name, value });
  }
  return [...given.values()];
}

async function readParameters(path: string): Promise<Record<string, unknown>> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new UsageError(
      error.code === 'ENOENT' ? `${path}: no such parameter file` : `${path}: ${error.message}`,
    );
  });
  // Merge keys (`<<`) are of YAML 1.1, and in use.
  const document = parseDocument(text, { ...yamlOptions, merge: true });
  // A tag that is not known changes what a value means.
  const [error] = [...document.errors, ...document.warnings];
  if (error?.code === 'MULTIPLE_DOCS')
    throw new UsageError(`${path}: it holds several documents, parted by "---"; one mapping is wanted`);
  if (error) throw new UsageError(`${path}: ${error.message.split('\n')[0]!.replace(/:$/, '')}`);
  refuseOctals(document, path);
  const value: unknown = plain(toJs(document, path));
  if (value === null) return {};
  if (typeof value !== 'object' || Array.isArray(value)) {
    throw new UsageError(
      `${path}: a parameter file is a mapping, a line "name: value" for each; this one is ${Array.isArray(value) ? 'a list' : `the value ${JSON.stringify(value)}`}`,
    );
  }
  return value as Record<string, unknown>;
}

const yamlOptions = {
  intAsBigInt: true,
  prettyErrors: true,
  resolveKnownTags: false,
  logLevel: 'error',
} as const;

/** `017` is 15 for papermill and others that read YAML 1.1, and 17 in YAML 1.2. */
function refuseOctals(document: Document, path: string): void {
  if (document.directives?.yaml.version === '1.1') return;
  visit(document, {
    Scalar(_, { source = '', type, value }) {
      if (type !== 'PLAIN' || typeof value === 'string' || !/^[+-]?0\d+$/.test(source)) return;
      throw new UsageError(
        `${path}: ${source} is ambiguous: versions of YAML read it in base 8 or 10; write it without the 0, as 0o… or, for text, in quotes`,
      );
    },
  });
}

/** Expanding aliases may fail too: the parser bounds how often they are repeated. */
function toJs(document: ReturnType<typeof parseDocument>, path: string): unknown {
  try {
    return document.toJS();
  } catch (error) {
    throw new UsageError(`${path}: ${(error as Error).message}`);
  }
}

/** Whole numbers as numbers where these are exact. */
function plain(value: unknown): unknown {
  if (typeof value === 'bigint') {
    const number = Number(value);
    return Number.isSafeInteger(number) ? number : value;
  }
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, plain(inner)]));
}
