/**
 * Findings as a SARIF log, for code scanning and editors.
 * Reference: Static Analysis Results Interchange Format 2.1.0 (OASIS).
 */
import { relative, sep } from 'node:path';
import { packageVersion } from '../../kernel/package-root.js';
import { fileRanges } from './file-position.js';
import type { CheckedNotebook } from './finding.js';

const ownRules: Record<string, string> = {
  kernelbook: 'What the kernel does not run',
  'unused-name': 'An import or variable that nothing uses',
  'changed-name': 'A name whose type changes between cells',
};

/**
 * @param faults what could not be checked, a line each
 * @param texts what each rule is about
 */
export async function sarifLog(
  notebooks: readonly CheckedNotebook[],
  faults: readonly string[],
  texts: Readonly<Record<string, string>> = ownRules,
): Promise<Record<string, unknown>> {
  const rules = [...new Set(notebooks.flatMap(({ findings }) => findings.map(({ code }) => code)))].sort();
  const results: Record<string, unknown>[] = [];
  for (const notebook of notebooks) {
    const ranges = await fileRanges(notebook);
    for (const [index, { severity, code, message, cell }] of notebook.findings.entries()) {
      const { path, line, column, endLine, endColumn } = ranges[index]!;
      results.push({
        ruleId: code,
        ruleIndex: rules.indexOf(code),
        level: severity,
        message: { text: message },
        locations: [
          {
            physicalLocation: {
              artifactLocation: { uri: relativeUri(path), uriBaseId: '%SRCROOT%' },
              region: { startLine: line, startColumn: column, endLine, endColumn },
            },
            logicalLocations: [
              { name: `cell ${cell.number} "${cell.id}"`, fullyQualifiedName: `${notebook.name}#${cell.id}` },
            ],
          },
        ],
      });
    }
  }
  return {
    $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
    version: '2.1.0',
    runs: [
      {
        tool: {
          driver: {
            name: 'kernelbook',
            version: packageVersion(),
            rules: rules.map((id) => ({
              id,
              shortDescription: { text: texts[id] ?? `TypeScript error ${id}` },
            })),
          },
        },
        columnKind: 'utf16CodeUnits',
        invocations: [
          {
            executionSuccessful: faults.length === 0,
            toolExecutionNotifications: faults.map((text) => ({ level: 'error', message: { text } })),
          },
        ],
        results,
      },
    ],
  };
}

function relativeUri(path: string): string {
  return relative(process.cwd(), path).split(sep).map(encodeURIComponent).join('/');
}
