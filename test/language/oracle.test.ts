/**
 * The persistent checker against TypeScript's public LanguageService: the same cells and the same broken cells must
 * give the same errors at the same places.
 */
import { expect, it } from 'vitest';
import { CheckerEngine } from '../../kernel/language/checker-engine.js';
import type { LanguageEngine } from '../../kernel/language/engine.js';
import { ServiceEngine } from '../../kernel/language/service-engine.js';
import { corpus, mutations } from './cells-corpus.js';

/** "Did you mean" has codes of its own, and the engines differ in when they stop suggesting. */
const withoutSuggestion: Record<number, number> = {
  2551: 2339,
  2552: 2304,
  2724: 2305,
  2561: 2353,
  2833: 2503,
};

interface Answer {
  errors: string[];
  token?: number;
}

async function ask(engine: LanguageEngine, code: string): Promise<Answer> {
  const result = await engine.compile(code, { count: 1 });
  if (result.ok) return { errors: [], token: result.token };
  const errors = result.diagnostics.map(
    (item) => `${item.start} TS${withoutSuggestion[item.code] ?? item.code}`,
  );
  return { errors: [...new Set(errors)] };
}

it('agrees with the LanguageService on right and on broken cells', async () => {
  const checker = new CheckerEngine({ cwd: process.cwd() });
  const service = new ServiceEngine({ cwd: process.cwd() });
  const differences: object[] = [];
  /** Cells of the corpus that are no valid TypeScript. */
  const wrong: object[] = [];
  let compared = 0;
  let erroneous = 0;
  const compare = async (code: string): Promise<{ ours: Answer; theirs: Answer }> => {
    const [ours, theirs] = [await ask(checker, code), await ask(service, code)];
    compared++;
    if (theirs.errors.length) erroneous++;
    if (ours.errors.join() !== theirs.errors.join())
      differences.push({ code, ours: ours.errors, theirs: theirs.errors });
    return { ours, theirs };
  };
  for (const [index, code] of corpus.entries()) {
    // Every cell gets some of the mutations, in turn: all of them on all cells would take minutes.
    for (const [kind, mutate] of mutations.entries()) {
      const broken = mutate(code);
      if (broken !== code && (index + kind) % 3 === 0) await compare(broken);
    }
    const { ours, theirs } = await compare(code);
    if (theirs.errors.length) wrong.push({ code, errors: theirs.errors });
    if (ours.token !== undefined) checker.commit(ours.token);
    if (theirs.token !== undefined) service.commit(theirs.token);
  }
  expect(wrong).toEqual([]);
  expect(differences).toEqual([]);
  expect(compared).toBeGreaterThan(200);
  expect(erroneous).toBeGreaterThan(60);
});
