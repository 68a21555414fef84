/**
 * From TypeScript to JavaScript, with a source map: one way for cells, for the user's files that they import or require, and
 * for the files of workers. oxc does it in microseconds; TypeScript's own emitter does what oxc leaves alone or takes
 * differently: decorators, `accessor`, `using`, namespaces, enums in several parts, and modules of CommonJS.
 */
import type { Node } from 'oxc-parser';
import type ts from 'typescript';
import { dialect } from '../dialect.js';

export interface Transpiled {
  js: string;
  mappings: string;
}

export interface Source {
  /** Its extension tells whether it has JSX. */
  fileName: string;
  text: string;
  format: 'module' | 'commonjs';
  /** Imports that nothing uses are kept: later cells use those of a cell. */
  keepsImports: boolean;
}

/** Who only runs JavaScript loads none of these. */
export interface TranspileTools {
  parser(): Pick<typeof import('oxc-parser'), 'parseSync'>;
  transformer(): Pick<typeof import('oxc-transform'), 'transformSync'>;
  compiler(): typeof ts;
}

/** @throws SyntaxError naming the file where it is no TypeScript */
export function transpile(source: Source, tools: TranspileTools): Transpiled {
  // A script that was pasted may begin with `#!`.
  const given = { ...source, text: source.text.replace(/^#!/, '//') };
  if (given.format === 'commonjs') return compiled(given, tools.compiler());
  const { text, isForCompiler } = survey(given, tools);
  const module = { ...given, text };
  return (isForCompiler ? undefined : transformed(module, tools)) ?? compiled(module, tools.compiler());
}

export function languageOf(fileName: string): 'ts' | 'tsx' {
  return fileName.endsWith('x') ? 'tsx' : 'ts';
}

function transformed(
  { fileName, text, keepsImports }: Source,
  { transformer }: TranspileTools,
): Transpiled | undefined {
  const result = transformer().transformSync(fileName, text, {
    lang: languageOf(fileName),
    sourceType: 'module',
    sourcemap: true,
    typescript: { onlyRemoveTypeImports: keepsImports },
  });
  if (result.errors.length > 0) return undefined;
  return { js: result.code, mappings: result.map?.mappings ?? '' };
}

function compiled({ fileName, text, format, keepsImports }: Source, compiler: typeof ts): Transpiled {
  const { outputText, sourceMapText, diagnostics } = compiler.transpileModule(text, {
    fileName,
    reportDiagnostics: true,
    compilerOptions: {
      target: compiler.ScriptTarget.ES2022,
      module: format === 'module' ? compiler.ModuleKind.ESNext : compiler.ModuleKind.CommonJS,
      esModuleInterop: true,
      jsx: compiler.JsxEmit.ReactJSX,
      experimentalDecorators: hasLegacyDecorators(),
      verbatimModuleSyntax: keepsImports,
      sourceMap: true,
    },
  });
  const error = diagnostics?.find(({ category }) => category === compiler.DiagnosticCategory.Error);
  if (error) throw new SyntaxError(placed(fileName, error, compiler));
  const map = JSON.parse(sourceMapText ?? '{"mappings":""}') as { mappings: string };
  return { js: outputText.replace(/\n?\/\/# sourceMappingURL=.*\s*$/, '\n'), mappings: map.mappings };
}

/** As `experimentalDecorators` of TypeScript has them; cells and files are checked accordingly. */
export function hasLegacyDecorators(): boolean {
  return dialect() !== 'typescript';
}

function placed(
  fileName: string,
  { file, start = 0, messageText }: ts.Diagnostic,
  compiler: typeof ts,
): string {
  const message = compiler.flattenDiagnosticMessageText(messageText, '\n');
  if (!file) return `${fileName}: ${message}`;
  const { line, character } = file.getLineAndCharacterOfPosition(start);
  return `${fileName}:${line + 1}:${character + 1}: ${message}`;
}

/** What has none of these words needs no look at its syntax. */
const suspicious = /@|\b(?:accessor|using|namespace|module|enum)\b|\b(?:import|export)\b[^'"\n]*=/;

/** Whether only the compiler does it right, and the text with `const x = require(…)` for `import x = require(…)`. */
function survey({ fileName, text }: Source, { parser }: TranspileTools) {
  const found = { text, isForCompiler: false };
  if (!suspicious.test(text)) return found;
  const lang = languageOf(fileName);
  const { program } = parser().parseSync(fileName, text, { lang, sourceType: 'module' });
  const enums = new Set<string>();
  const visit = (node: Node): void => {
    found.isForCompiler ||= isLeftAlone(node);
    if (node.type === 'TSEnumDeclaration') {
      found.isForCompiler ||= enums.has(node.id.name);
      enums.add(node.id.name);
    } else if (isRequire(node)) {
      const end = node.start + 'import'.length;
      found.text = `${found.text.slice(0, node.start)}const ${found.text.slice(end)}`;
    }
    for (const value of Object.values(node))
      for (const child of Array.isArray(value) ? value : [value]) if (isNode(child)) visit(child);
  };
  visit(program);
  return found;
}

function isRequire(node: Node): boolean {
  return (
    node.type === 'TSImportEqualsDeclaration' &&
    node.moduleReference.type === 'TSExternalModuleReference' &&
    node.importKind === 'value'
  );
}

function isLeftAlone(node: Node): boolean {
  if ('decorators' in node && node.decorators && node.decorators.length > 0) return true;
  switch (node.type) {
    case 'AccessorProperty':
    case 'TSExportAssignment':
      return true;
    case 'TSImportEqualsDeclaration':
      return !isRequire(node);
    case 'TSModuleDeclaration':
      return node.kind !== 'global' && !node.declare;
    case 'VariableDeclaration':
      return node.kind === 'using' || node.kind === 'await using';
    default:
      return false;
  }
}

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && typeof (value as Partial<Node>).type === 'string';
}
