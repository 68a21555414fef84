/** Runs cells through an engine and reads the outcome as short text. */
import type { CompileResult, LanguageEngine } from '../../kernel/language/engine.js';

export async function check(engine: LanguageEngine, code: string, count = 1): Promise<CompileResult> {
  return engine.compile(code, { count });
}

/** `line:column code` of each type error; the cell is committed where there is none. */
export async function errorsOf(engine: LanguageEngine, code: string): Promise<string[]> {
  const result = await check(engine, code);
  if (!result.ok) return result.diagnostics.map((item) => `${item.line}:${item.column} ${item.code}`);
  await engine.commit(result.token);
  return [];
}

/** Commits a cell that must be right. */
export async function define(engine: LanguageEngine, ...cells: string[]): Promise<void> {
  for (const code of cells) {
    const errors = await errorsOf(engine, code);
    if (errors.length) throw new Error(`${code}: ${errors.join(', ')}`);
  }
}

/** Splits a text at `|`, the cursor. */
export function atCursor(text: string): [code: string, cursor: number] {
  const cursor = text.indexOf('|');
  return [text.replace('|', ''), cursor];
}
