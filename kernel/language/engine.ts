/**
 * What a language engine does for the kernel: it holds the notebook as one typed program, checks a cell against
 * the cells that ran before it, compiles it to plain JavaScript, and answers completion, hover and completeness.
 * Implementations: `CheckerEngine` (one TypeScript checker kept alive) and `ServiceEngine` (the public
 * LanguageService: slower, the fallback and the oracle of the tests); `RemoteEngine` is either one in a child process.
 * Positions are 0-based UTF-16 offsets into the cell's text; lines and columns in diagnostics are 1-based.
 */

export interface Diagnostic {
  /** TypeScript's error number, e.g. 2322; 0 for the kernel's own refusals. */
  code: number;
  message: string;
  start: number;
  length: number;
  line: number;
  column: number;
  /** Set where the error is not in the cell but in a file it imports: the path from the notebook's folder. */
  file?: string;
}

/** Everything the evaluator needs to run a cell; plain JSON. */
export interface CompiledCell {
  /** The execution count, the N of `cell N`. */
  count: number;
  /** The user's TypeScript, for tracebacks. */
  source: string;
  /** A script whose completion value is a function `(cell) => result` (async when `usesAwait`). */
  js: string;
  /**
   * Top-level names to exist as script-level `let` bindings before `js` runs, in the order in which they get their values:
   * of a cell that failed the first ones, as many as `cell.ran` says, have them.
   */
  declares: string[];
  usesAwait: boolean;
  /** Source-map mappings, outermost first: `js` -> intermediate text -> ... -> `source`. */
  mappings: string[];
}

export interface Compiled {
  ok: true;
  /** Hand this to `commit` once the cell has run. */
  token: number;
  cell: CompiledCell;
}

export interface Rejected {
  ok: false;
  diagnostics: Diagnostic[];
  /** As `tsc --pretty` prints it (ANSI colours): `cell N:line:col - error TS…`, the source line, the squiggle. */
  pretty: string;
  /** `pretty` without colours. */
  plain: string;
  /** As front ends show it under the cell, in the form of errors of running code. */
  traceback: string[];
}

export type CompileResult = Compiled | Rejected;

/** A name that a cell declares for the cells after it. */
export interface DeclaredName {
  name: string;
  kind: 'import' | 'variable' | 'function' | 'class' | 'type' | 'enum' | 'namespace';
  /** Whether a reader may wonder why it is there if nothing uses it: not where it is exported or only left out. */
  isMeantForUse: boolean;
  start: number;
  length: number;
  line: number;
  column: number;
  /** Set where an earlier cell declares the name with a type such that neither can stand for the other. */
  changes?: { from: string; to: string };
}

/** A diagnostic with what `Rejected.pretty` would show of it. */
export interface ShownDiagnostic extends Diagnostic {
  pretty: string;
}

/** What a cell is to the kernel that runs it: compiled, or refused for its errors. */
export type CellVerdict = { ok: true; cell: CompiledCell } | Rejected;

/** What is known of a cell that was checked as a part of its notebook. */
export interface CheckedCell {
  errors: ShownDiagnostic[];
  declares: DeclaredName[];
  /** Names it refers to, its own among them. */
  uses: string[];
  /** The user's own files it imports, directly or through each other: absolute paths. */
  files: string[];
  /** What `compile` would say of it, where that was asked for; undefined where the engine cannot tell yet. */
  verdict?: CellVerdict | undefined;
}

export interface CompletionMatch {
  text: string;
  /** `function`, `method`, `property`, `const`, `class`, `module`, `keyword`, … */
  type: string;
  start: number;
  end: number;
  /** The type of the symbol, where it was cheap to compute. */
  signature?: string;
}

export interface CompletionResult {
  matches: string[];
  start: number;
  end: number;
  types: CompletionMatch[];
}

export interface InspectResult {
  found: boolean;
  text: string;
  html?: string;
}

export interface CompletenessResult {
  status: 'complete' | 'incomplete' | 'invalid' | 'unknown';
  /** What to put at the start of the next line when incomplete. */
  indent: string;
}

export interface CellToCheck {
  name: string;
  count?: number | undefined;
}

type Awaitable<T> = T | Promise<T>;

export interface LanguageEngine {
  /** Checks and compiles; nothing becomes visible to other cells before `commit`. */
  compile(code: string, cell: { count: number }): Awaitable<CompileResult>;
  /**
   * Checks a cell that will not be run from here, for a notebook that is looked at as a whole. Where `isKept`, its
   * declarations count for later cells although it may have errors, so that one mistake is one message.
   * @param cell what messages call it; with the execution count it will have, it is compiled too
   */
  check(code: string, cell: CellToCheck, isKept: boolean): Awaitable<CheckedCell>;
  /**
   * Checks and compiles a cell ahead of its turn, as if the cell of the token `after` had been committed. `compile` of the same
   * cell uses what was found where that came true, and otherwise begins anew. An engine may do nothing here.
   */
  prepare(code: string, cell: { count: number }, after: number): Awaitable<void>;
  /**
   * The cell of `token` has run: later cells see its declarations. Unknown tokens are ignored.
   * @param undone of a cell that failed, the names that had not got their values: what they meant before, they still mean
   */
  commit(token: number, undone?: readonly string[]): Awaitable<void>;
  complete(code: string, cursorUtf16: number): Awaitable<CompletionResult>;
  /** `detailLevel` 1 adds where the symbol is declared and, for the user's own code, its source. */
  inspect(code: string, cursorUtf16: number, detailLevel: 0 | 1): Awaitable<InspectResult>;
  isComplete(code: string): Awaitable<CompletenessResult>;
  /** Forgets every cell. */
  reset(): Awaitable<void>;
}

export interface EngineOptions {
  /** The notebook's folder: relative imports and npm packages resolve from here. */
  cwd: string;
  /** Of the process in which a remote engine runs: it chooses the dialect. This process's unless given. */
  env?: NodeJS.ProcessEnv;
}
