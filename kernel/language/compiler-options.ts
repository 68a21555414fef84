/** The compiler options of cells, and the globals the evaluator gives them. */
import { dirname, join } from 'node:path';
import ts from 'typescript';
import { dialect } from '../dialect.js';
import { commGlobals } from './comm-globals.js';
import { dependencyFolder } from './own-package.js';
import { hasLegacyDecorators } from './transpile.js';

/** The built-ins this Node really has: a cell must not pass the check and then miss a method when it runs. */
function libraries(): string[] {
  const major = Number(process.versions.node.split('.')[0]);
  const language =
    major >= 24
      ? ['es2025', 'esnext.array', 'esnext.disposable']
      : major >= 22
        ? ['es2024', 'es2025.collection', 'es2025.iterator', 'esnext.array', 'esnext.disposable']
        : ['es2023', 'esnext.disposable'];
  return [...language, 'dom', 'dom.iterable'].map((name) => `lib.${name}.d.ts`);
}

/** `node_modules/@types` of the notebook's folder and its parents, then ours for notebooks outside any project. */
function typeRoots(cwd: string): string[] {
  const roots: string[] = [];
  for (let folder = cwd; ; folder = dirname(folder)) {
    roots.push(join(folder, 'node_modules', '@types'));
    if (folder === dirname(folder)) break;
  }
  const own = dependencyFolder('@types/node');
  if (own && !roots.includes(dirname(own))) roots.push(dirname(own));
  return roots;
}

export function compilerOptions(cwd: string): ts.CompilerOptions {
  const kind = dialect();
  return {
    target: ts.ScriptTarget.ESNext,
    module: ts.ModuleKind.ESNext,
    moduleResolution: ts.ModuleResolutionKind.Bundler,
    moduleDetection: ts.ModuleDetectionKind.Force,
    strict: kind === 'typescript',
    allowJs: kind === 'jslab',
    checkJs: kind === 'jslab',
    skipLibCheck: true,
    noEmit: true,
    allowImportingTsExtensions: true,
    jsx: ts.JsxEmit.ReactJSX,
    experimentalDecorators: hasLegacyDecorators(),
    resolveJsonModule: true,
    lib: libraries(),
    types: ['node'],
    typeRoots: typeRoots(cwd),
  };
}

/** Declares what `kernel/evaluator/globals.ts` and `results.ts` install. */
export const cellGlobals = `
/** The last result that a cell gave. */
declare let _: any;
/** The results of the last hundred cells, by the number of the cell. */
declare const Out: Record<number, any>;
/** The source of each cell that ran, by its number. */
declare const In: Record<number, string>;
interface CellDisplayOptions {
  /** Names the output so that a later call with \`update: true\` replaces it. */
  displayId?: string;
  /** Replace what was shown under \`displayId\` instead of adding an output. */
  update?: boolean;
  metadata?: Record<string, unknown>;
}
interface CellDisplay {
  /** Shows a value as an output of the cell. */
  (value: unknown, options?: CellDisplayOptions): Promise<void>;
  html(text: string, options?: CellDisplayOptions): Promise<void>;
  markdown(text: string, options?: CellDisplayOptions): Promise<void>;
  /** Shows a formula, given with its delimiters: \`$…$\` or \`$$…$$\`. */
  latex(text: string, options?: CellDisplayOptions): Promise<void>;
  svg(text: string, options?: CellDisplayOptions): Promise<void>;
  /** Shows the bytes of a PNG, JPEG, GIF or WebP file. */
  image(bytes: Uint8Array | ArrayBuffer, options?: CellDisplayOptions): Promise<void>;
}
/** Shows a value as an output of the cell. */
declare const display: CellDisplay;
/** Removes the outputs of the cell; with \`wait\`, only when the next output comes. */
declare function clearOutput(wait?: boolean): void;
/** Asks the reader for a line of text; \`password: true\` hides what is typed. */
declare function input(prompt?: string, options?: { password?: boolean }): Promise<string>;
${commGlobals}`;
