/**
 * The types of a notebook's parameters as its kernel's language engine infers them, and whether a value fits one: what
 * the declaration's syntax alone does not tell, such as `let options = defaults()` or a type of an imported package.
 */
import type { LanguageEngine } from '../../kernel/language/engine.js';
import { hasTag, type Notebook } from '../notebook/format.js';
import { checkNotebook } from './check-notebook.js';
import type { Engines, Setting } from './engines.js';

export class ParameterTypes {
  readonly #engine: LanguageEngine;

  private constructor(engine: LanguageEngine) {
    this.#engine = engine;
  }

  /** Those of the notebook's cell tagged `parameters`, which sees the cells above it. */
  static async of(notebook: Notebook, setting: Setting, engines: Engines): Promise<ParameterTypes> {
    const end = notebook.cells.findIndex((cell) => cell.cell_type === 'code' && hasTag(cell, 'parameters'));
    const above = { ...notebook, cells: notebook.cells.slice(0, end + 1) };
    const engine = await engines.fresh(setting);
    await checkNotebook(engine, { name: 'parameters', path: setting.cwd, notebook: above });
    return new ParameterTypes(engine);
  }

  /** As TypeScript writes it; that of a variable with this value, so not `3` but `number`. */
  async typeOf(name: string): Promise<string> {
    const { text } = await this.#engine.inspect(`let _value = ${name};`, 'let '.length, 0);
    const type = /^let _value: ([\s\S]*?)(?:\n\n|$)/.exec(text)?.[1] ?? 'unknown';
    return type.replaceAll(/\s*\n\s*/g, ' ');
  }

  /** What is wrong with this value for the parameter; undefined where it fits. */
  async mismatch(name: string, literal: string): Promise<string | undefined> {
    const cell = `let _value = ${name};\n_value = ${literal};`;
    const { errors } = await this.#engine.check(cell, { name: 'parameter' }, false);
    return errors[0]?.message;
  }
}
