/** Terms that have one name in the book: `terms.json` says which words are not it, in Chinese prose and labels. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../../../kernel/package-root.js';
import type { ProseFinding } from '../finding.js';

interface Term {
  /** A pattern of what is not to be written. */
  avoid: string;
  /** A pattern of where it may be written all the same. */
  unless?: string;
  use: string;
  why: string;
}

let known: { term: Term; avoid: RegExp; unless: RegExp | undefined }[] | undefined;

function terms(): NonNullable<typeof known> {
  known ??= (
    JSON.parse(readFileSync(join(packageRoot(), 'scripts', 'lint-prose', 'terms.json'), 'utf8')) as Term[]
  ).map((term) => ({
    term,
    avoid: new RegExp(term.avoid, 'gu'),
    unless: term.unless === undefined ? undefined : new RegExp(term.unless, 'gu'),
  }));
  return known;
}

export function termFindings(text: string): ProseFinding[] {
  return terms().flatMap(({ term, avoid, unless }) => {
    const allowed = unless ? [...text.matchAll(unless)] : [];
    return [...text.matchAll(avoid)].flatMap(({ 0: found, index }): ProseFinding[] => {
      const isAllowed = allowed.some((one) => one.index <= index && index < one.index + one[0].length);
      if (isAllowed) return [];
      return [
        { rule: 'term', message: `${found} → ${term.use} (${term.why})`, start: index, length: found.length },
      ];
    });
  });
}
