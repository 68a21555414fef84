/** Ids of the project's own lists of questions and of errors, which mean nothing to a reader. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../../../kernel/package-root.js';
import type { ProseFinding } from '../finding.js';

let known: ReadonlySet<string> | undefined;

function ledgerIds(): ReadonlySet<string> {
  const file = join(packageRoot(), 'docs', 'ledger.json');
  known ??= new Set(existsSync(file) ? idsIn(JSON.parse(readFileSync(file, 'utf8'))) : []);
  return known;
}

function idsIn(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(idsIn);
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) =>
    key === 'id' && typeof inner === 'string' ? [inner] : idsIn(inner),
  );
}

/** `S4.Q12.c1`, `attn-12`, `E45`: those of the ledger, and what is written like an erratum. One finding for a line. */
export function ledgerFindings(text: string): ProseFinding[] {
  const findings: ProseFinding[] = [];
  for (const line of text.matchAll(/.+/g)) {
    const ids = [
      ...line[0].matchAll(/(?<![\w.-])(?:E\d{2,3}|[A-Za-z][\w-]*(?:[.-][\w]+)+)(?![\w-])/g),
    ].filter(([id]) => /^E\d{2,3}$/.test(id) || ledgerIds().has(id));
    const [first] = ids;
    if (!first) continue;
    const more = ids.length > 1 ? ` and ${ids.length - 1} more` : '';
    findings.push({
      rule: 'ledger-id',
      message: `${first[0]}${more}: internal ids belong into the cell's metadata`,
      start: line.index + first.index,
      length: first[0].length,
    });
  }
  return findings;
}
