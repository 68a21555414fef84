/** A notebook without protocol: the real engine and the real evaluator in this process. */
import { stripVTControlCharacters } from 'node:util';
import { Evaluator } from '../../kernel/evaluator/evaluator.js';
import type { CellOutcome, DisplayOutput } from '../../kernel/evaluator/outcome.js';
import { CheckerEngine } from '../../kernel/language/checker-engine.js';

export interface CellResult {
  /** The `text/plain` of the result, undefined where a cell shows nothing. */
  text?: string | undefined;
  bundle?: Record<string, unknown> | undefined;
  /** Type errors as `line:column code`. */
  typeErrors?: string[];
  plain?: string;
  /** A run-time error as `Name: message`. */
  error?: string;
  traceback?: string;
}

export class Notebook {
  readonly engine: CheckerEngine;
  readonly evaluator: Evaluator;
  readonly displayed: DisplayOutput[] = [];
  count = 0;

  constructor(cwd: string = process.cwd()) {
    this.engine = new CheckerEngine({ cwd });
    this.evaluator = new Evaluator({
      cwd,
      handleUncaught: false,
      host: {
        display: (output) => this.displayed.push(output),
        stderr: () => {},
        input: async (prompt, password) => `${prompt}|${password}`,
      },
    });
  }

  async run(code: string): Promise<CellResult> {
    this.count++;
    const compiled = this.engine.compile(code, { count: this.count });
    if (!compiled.ok) {
      const typeErrors = compiled.diagnostics.map((item) => `${item.line}:${item.column} ${item.code}`);
      return { typeErrors, plain: compiled.plain };
    }
    const outcome = await new Promise<CellOutcome>((done) =>
      this.evaluator.run(compiled.cell, undefined, done),
    );
    if (outcome.status === 'error') {
      const traceback = stripVTControlCharacters(outcome.traceback.join('\n'));
      this.engine.commit(compiled.token, outcome.undone);
      return { error: `${outcome.ename}: ${outcome.evalue}`, traceback };
    }
    this.engine.commit(compiled.token);
    return { text: outcome.result?.['text/plain'] as string | undefined, bundle: outcome.result };
  }

  /** The results of several cells: texts, or the error of a cell that fails. */
  async texts(...cells: string[]): Promise<(string | undefined)[]> {
    const results: (string | undefined)[] = [];
    for (const cell of cells) {
      const { text, error, typeErrors } = await this.run(cell);
      results.push(error ?? (typeErrors ? `TS ${typeErrors.join()}` : text));
    }
    return results;
  }
}
