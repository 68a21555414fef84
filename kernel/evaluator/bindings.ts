/**
 * The top-level names of all cells: script-level `let` bindings, each declared once, in a script of its own, so that
 * a cell interrupted at its start cannot leave a name that can be neither read nor assigned.
 */
import vm from 'node:vm';

export class Bindings {
  /** The declared names, each with the latest cell to declare it: its `declare` call stands for it. */
  readonly #declared = new Map<string, symbol>();

  /**
   * Declares what is new. Returns how to put back the values of the names that were already there, except of those
   * that another cell has declared meanwhile.
   */
  declare(names: readonly string[]): () => void {
    const fresh = names.filter((name) => !this.#declared.has(name));
    const known = names.filter((name) => this.#declared.has(name));
    const cell = Symbol('cell');
    if (fresh.length) run(`let ${fresh.join(', ')};`);
    const values = new Map<string, unknown>();
    if (known.length) {
      const now = run(`[${known.join(', ')}]`) as unknown[];
      known.forEach((name, index) => {
        values.set(name, now[index]);
      });
    }
    for (const name of names) this.#declared.set(name, cell);
    return () => {
      const ours = known.filter((name) => this.#declared.get(name) === cell);
      if (ours.length === 0) return;
      const restore = run(`(values) => { [${ours.join(', ')}] = values; }`) as (values: unknown[]) => void;
      restore(ours.map((name) => values.get(name)));
    };
  }
}

function run(code: string): unknown {
  return new vm.Script(code, { filename: 'kernelbook-bindings' }).runInThisContext();
}
