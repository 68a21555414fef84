/**
 * Modules that are missing before the run but may be there when they are imported, because an earlier cell installs the
 * package or writes the file. Those are left to the run, where the kernel looks again.
 */
import { basename } from 'node:path';
import type { Diagnostic } from '../../kernel/language/engine.js';

/** `Cannot find module`, its form for paths that need another resolution, and that for JSON and declaration files. */
const missingCodes = new Set([2307, 2792, 6053, 2688]);

/** The specifier of the module that an error says is missing. */
export function missingModule(error: Diagnostic, source: string): string | undefined {
  if (!missingCodes.has(error.code) || error.file !== undefined) return undefined;
  const text = source.slice(error.start, error.start + error.length);
  return /^(["'`])(.+)\1$/s.exec(text)?.[2] ?? text;
}

/** @param sources the earlier cells */
export function mayBeMadeBefore(specifier: string, sources: readonly string[]): boolean {
  if (/^\.{0,2}\//.test(specifier)) {
    const wanted = withoutExtension(basename(specifier));
    return sources.some((source) =>
      (withoutImports(source).match(/[\w@.-]+\.(?:[cm]?[jt]s|json)\b/g) ?? []).some(
        (file) => withoutExtension(file) === wanted,
      ),
    );
  }
  const [scope, name] = specifier.split('/');
  const packageName = specifier.startsWith('@') ? `${scope}/${name}` : scope!;
  return sources.some(
    (source) => /\b(?:install|add|i)\b/.test(source) && withoutImports(source).includes(packageName),
  );
}

function withoutExtension(file: string): string {
  return file.replace(/(?:\.d)?\.\w+$/, '');
}

/** What a cell imports it does not make. */
function withoutImports(source: string): string {
  return source.replaceAll(/\bfrom\s*(["'])[^"'\n]*\1|\bimport\s*\(?\s*(["'])[^"'\n]*\2/g, '');
}
