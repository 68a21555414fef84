/**
 * Thousands of statements of published packages as cells, whole and with a mistake: the persistent checker must find the
 * errors the LanguageService finds, at the same places, and what it compiles must be what TypeScript's transpiler makes.
 */
import { afterAll, describe, expect, it } from 'vitest';
import { CheckerEngine } from '../../kernel/language/checker-engine.js';
import type { CompiledCell } from '../../kernel/language/engine.js';
import { ServiceEngine } from '../../kernel/language/service-engine.js';
import { seeded } from '../../scripts/audit/mutants/edit.js';
import { BatchOracle } from './published/batch-oracle.js';
import { ofOurs, ofTypeScript } from './published/evaluation.js';
import { mutate } from './published/mutations.js';
import { publishedPackages, publishedSources } from './published/sources.js';

const cwd = process.cwd();

/** A checker stops suggesting after ten unknown names, and the oracle's lives long: "did you mean" is no difference. */
const withoutSuggestion: Record<number, number> = { 2552: 2304, 18004: 2304, 2833: 2503 };

interface Located {
  start?: number | undefined;
  code: number;
}

function keys(errors: readonly Located[]): string {
  return [...new Set(errors.map(({ start, code }) => `${start} TS${withoutSuggestion[code] ?? code}`))]
    .sort()
    .join();
}

interface Asked {
  source: string;
  code: string;
  name: string;
  ours: string;
}

const totals = { statements: 0, cells: 0, broken: 0, erroneous: 0, evaluated: 0 };
afterAll(() => {
  const { statements, cells, broken, erroneous, evaluated } = totals;
  console.log(
    `${statements} statements in ${cells} cells, ${broken} with a mistake, ${erroneous} with errors, ${evaluated} evaluated twice`,
  );
});

describe.each(publishedPackages)('%s', (name) => {
  const random = seeded(name.length);
  const accepted: { code: string; cell: CompiledCell }[] = [];

  it('has the same errors at the same places as in the LanguageService', () => {
    const sources = publishedSources(cwd, name);
    const engine = new CheckerEngine({ cwd });
    const oracle = new BatchOracle(cwd);
    const asked: Asked[] = [];
    const ask = (code: string, source: string, isWhole: boolean): void => {
      const result = engine.compile(code, { count: 1 });
      if (result.ok && isWhole) {
        engine.commit(result.token);
        accepted.push({ code, cell: result.cell });
      }
      const ours = keys(result.ok ? [] : result.diagnostics);
      asked.push({ source, code, ours, name: oracle.add(code, result.ok && isWhole) });
      totals[isWhole ? 'cells' : 'broken']++;
    };
    // All modules at once: one program instead of hundreds.
    engine.compile(importsOf(sources.flatMap(({ cells }) => cells)), { count: 0 });
    for (const source of sources) {
      totals.statements += source.statements;
      for (const [index, cell] of source.cells.entries()) {
        const broken = index % 4 === 0 ? mutate(cell, random) : undefined;
        if (broken !== undefined) ask(broken, source.name, false);
        ask(cell, source.name, true);
      }
    }
    const answers = oracle.answers();
    const differences = asked.flatMap(({ name: answer, ours, source, code }) => {
      const theirs = keys(answers.get(answer)!);
      if (theirs) totals.erroneous++;
      return ours === theirs ? [] : [{ source, code, ours, theirs }];
    });
    expect(differences).toEqual([]);
    expect(asked.filter(({ ours }) => ours !== '').length).toBeGreaterThan(asked.length / 20);
  });

  it('compiles to what TypeScript transpiles to', async () => {
    const differences: object[] = [];
    for (const [index, { code, cell }] of accepted.entries()) {
      const isPlain = !/\b(class|enum|namespace)\b/.test(code);
      if (isPlain && index % 3 > 0) continue;
      const names = cell.declares.filter((item) => !isImported(item, code));
      const ours = await outcome(() => ofOurs(cell, names));
      const theirs = await outcome(() => ofTypeScript(code, names));
      totals.evaluated++;
      if (JSON.stringify(ours) !== JSON.stringify(theirs)) differences.push({ code, ours, theirs });
    }
    expect(differences).toEqual([]);
  });
});

it('one program for all cells answers as the LanguageService does cell by cell', () => {
  const service = new ServiceEngine({ cwd });
  const oracle = new BatchOracle(cwd);
  const random = seeded(1);
  const cells = publishedSources(cwd, 'immer').flatMap((source) => source.cells);
  const asked = cells.slice(0, 30).flatMap((cell) => {
    const ask = (code: string, keep: boolean) => {
      const result = service.compile(code, { count: 1 });
      if (result.ok && keep) service.commit(result.token);
      return {
        name: oracle.add(code, result.ok && keep),
        expected: keys(result.ok ? [] : result.diagnostics),
      };
    };
    const broken = mutate(cell, random);
    return [...(broken === undefined ? [] : [ask(broken, false)]), ask(cell, true)];
  });
  const answers = oracle.answers();
  expect(asked.map(({ name }) => keys(answers.get(name)!))).toEqual(asked.map(({ expected }) => expected));
});

function importsOf(cells: string[]): string {
  const matches = cells.flatMap((cell) => [...cell.matchAll(/\b(?:from|import)\s+['"]([^'"]+)['"]/g)]);
  return [...new Set(matches.map((match) => `import ${JSON.stringify(match[1])};`))].join('\n');
}

function isImported(name: string, code: string): boolean {
  const imports = code.match(/\bimport\b[^;'"]*/g) ?? [];
  return imports.some((text) => text.split(/[^\w$]+/).includes(name));
}

async function outcome(run: () => string[] | Promise<string[]>): Promise<string[] | string> {
  try {
    return await run();
  } catch (error) {
    return String(error);
  }
}
