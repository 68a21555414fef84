/**
 * The top-level names of all cells: script-level `let` bindings, each declared once, in a script of its own, so that
 * a cell interrupted at its start cannot leave a name that can be neither read nor assigned.
 */
import vm from 'node:vm';

export class Bindings {
  readonly #declared = new Set<string>();

  /** Declares what is new. Returns how to put back the values of the names that were already there. */
  declare(names: readonly string[]): () => void {
    const fresh = names.filter((name) => !this.#declared.has(name));
    const known = names.filter((name) => this.#declared.has(name));
    if (fresh.length) {
      run(`let ${fresh.join(', ')};`);
      for (const name of fresh) this.#declared.add(name);
    }
    if (known.length === 0) return () => {};
    const values = run(`[${known.join(', ')}]`) as unknown[];
    return () => {
      const restore = run(`(values) => { [${known.join(', ')}] = values; }`) as (values: unknown[]) => void;
      restore(values);
    };
  }
}

function run(code: string): unknown {
  return new vm.Script(code, { filename: 'kernelbook-bindings' }).runInThisContext();
}
