/**
 * Chooses the engine: the persistent checker if its self-check passes with this TypeScript, else the LanguageService,
 * with a line that says why.
 */
import { CheckerEngine } from './checker-engine.js';
import type { EngineOptions, LanguageEngine } from './engine.js';
import { ServiceEngine } from './service-engine.js';
import { missingInternals } from './typescript-internal.js';

/**
 * @param warn gets one line when the fallback is used
 * @param prepared an engine out of a start-up snapshot; used where it fits the folder
 */
export function createEngine(
  options: EngineOptions,
  warn: (line: string) => void,
  prepared?: CheckerEngine,
): LanguageEngine {
  if (prepared?.moveTo(options.cwd)) return prepared;
  const missing = missingInternals();
  if (missing.length) {
    warn(`language engine: TypeScript lacks ${missing.join(', ')}; using the slower LanguageService`);
    return new ServiceEngine(options);
  }
  try {
    return checkedEngine(options);
  } catch (error) {
    warn(
      `language engine: the persistent checker failed its self-check (${String(error)}); using the LanguageService`,
    );
    return new ServiceEngine(options);
  }
}

/** @throws Error where the persistent checker does not work with this TypeScript */
export function checkedEngine(options: EngineOptions): CheckerEngine {
  const engine = new CheckerEngine(options);
  selfCheck(engine);
  return engine;
}

/** A value, a type and a function cross from one cell to the next, and a wrong use of each is found. */
function selfCheck(engine: CheckerEngine): void {
  const cells: [code: string, errors: string][] = [
    ['const a = 1; interface P { q: string } function f(x: P) { return x.q.length }', ''],
    ['f({ q: "s" }) + a', ''],
    ['a.length; f(1); ({} as P).nope', '2339,2345,2339'],
  ];
  for (const [code, expected] of cells) {
    const found = engine.probe(code).join();
    if (found !== expected)
      throw new Error(`${code}: errors ${found || 'none'} instead of ${expected || 'none'}`);
  }
  engine.reset();
}
