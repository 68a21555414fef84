/**
 * Chooses the engine: the persistent checker if its self-check passes with this TypeScript, else the LanguageService,
 * with a line that says why.
 */
import { CheckerEngine } from './checker-engine.js';
import type { EngineOptions, LanguageEngine } from './engine.js';
import { ServiceEngine } from './service-engine.js';
import { missingInternals } from './typescript-internal.js';

/** @param warn gets one line when the fallback is used */
export function createEngine(options: EngineOptions, warn: (line: string) => void): LanguageEngine {
  const missing = missingInternals();
  if (missing.length) {
    warn(`language engine: TypeScript lacks ${missing.join(', ')}; using the slower LanguageService`);
    return new ServiceEngine(options);
  }
  try {
    const engine = new CheckerEngine(options);
    selfCheck(engine);
    return engine;
  } catch (error) {
    warn(
      `language engine: the persistent checker failed its self-check (${String(error)}); using the LanguageService`,
    );
    return new ServiceEngine(options);
  }
}

/** A value, a type and a function cross from one cell to the next, and a wrong use of each is found. */
function selfCheck(engine: CheckerEngine): void {
  const first = engine.compile(
    'const a = 1; interface P { q: string } function f(x: P) { return x.q.length }',
    { count: 0 },
  );
  if (!first.ok) throw new Error(`a correct cell was rejected: ${first.plain}`);
  engine.commit(first.token);
  const right = engine.compile('f({ q: "s" }) + a', { count: 0 });
  if (!right.ok) throw new Error(`names of an earlier cell are not seen: ${right.plain}`);
  const wrong = engine.compile('a.length; f(1); ({} as P).nope', { count: 0 });
  const codes = wrong.ok ? [] : wrong.diagnostics.map((item) => item.code);
  if (codes.join() !== '2339,2345,2339') throw new Error(`errors found: ${codes.join() || 'none'}`);
  engine.reset();
}
