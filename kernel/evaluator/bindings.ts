/**
 * The top-level names of all cells: script-level `let` bindings, each declared once, in a script of its own, so that
 * a cell interrupted at its start cannot leave a name that can be neither read nor assigned. A name that is a global
 * already (`process`, `URL`) becomes a property of an object around the cells instead: as a `let` it would hide the global
 * from Node's modules, from packages and from the kernel.
 */
import vm from 'node:vm';

const shadowsKey = 'kernelbook.shadows';

export class Bindings {
  /** The declared names, each with the latest cell to declare it: its `declare` call stands for it. */
  readonly #declared = new Map<string, symbol>();
  readonly #shadows: Record<string, unknown> = Object.create(null);

  constructor() {
    Object.defineProperty(globalThis, Symbol.for(shadowsKey), { value: this.#shadows, configurable: true });
  }

  /** Gives cells names of ours, until one of them declares them; returns what sets each. */
  provide(values: Record<string, unknown>): Record<string, (value: unknown) => void> {
    return Object.fromEntries(
      Object.entries(values).map(([name, value]) => {
        this.#declared.set(name, ours);
        // Another evaluator of this process may have been here.
        if (!isDeclared(name)) run(`let ${name};`);
        const set = run(`((value) => { ${name} = value; })`) as (value: unknown) => void;
        set(value);
        return [name, set];
      }),
    );
  }

  /** Whether a name is still ours. */
  isProvided(name: string): boolean {
    return this.#declared.get(name) === ours;
  }

  /**
   * Declares what is new. Returns how to put back the values that some of the names had before, except of those that
   * another cell has declared meanwhile.
   */
  declare(names: readonly string[]): (undone: readonly string[]) => void {
    const fresh = names.filter((name) => !this.#declared.has(name));
    const known = names.filter((name) => this.#declared.has(name));
    const cell = Symbol('cell');
    const shadows = fresh.filter((name) => name in globalThis);
    const bindings = fresh.filter((name) => !(name in globalThis));
    if (bindings.length) run(`let ${bindings.join(', ')};`);
    for (const name of shadows) this.#shadows[name] = undefined;
    const values = new Map<string, unknown>();
    if (known.length) {
      const now = run(this.surround(`[${known.join(', ')}]`)) as unknown[];
      known.forEach((name, index) => {
        values.set(name, now[index]);
      });
    }
    for (const name of names) this.#declared.set(name, cell);
    return (undone) => {
      const isOurs = (name: string) => this.#declared.get(name) === cell && undone.includes(name);
      for (const name of shadows.filter(isOurs)) {
        delete this.#shadows[name];
        this.#declared.delete(name);
      }
      const ours = known.filter(isOurs);
      if (ours.length === 0) return;
      const code = `((values) => { [${ours.join(', ')}] = values; })`;
      const restore = run(this.surround(code)) as (values: unknown[]) => void;
      restore(ours.map((name) => values.get(name)));
    };
  }

  /** Whether cells need `surround`: it makes every name slower to find. */
  get hasShadows(): boolean {
    return Object.keys(this.#shadows).length > 0;
  }

  /** An expression that sees the names that shadow globals; it stands one line lower. */
  surround(code: string): string {
    return this.hasShadows ? `with (globalThis[Symbol.for('${shadowsKey}')])\n${code}` : code;
  }
}

const ours = Symbol('ours');

function isDeclared(name: string): boolean {
  try {
    run(name);
    return true;
  } catch {
    return false;
  }
}

function run(code: string): unknown {
  return new vm.Script(code, { filename: 'kernelbook-bindings' }).runInThisContext();
}
