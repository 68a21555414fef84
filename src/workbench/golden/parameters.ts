/**
 * The parameters of a golden case, read with their types. A parameter nobody asked for means that the operation does
 * not do what the case is about; `assertAllRead` makes that an error instead of a wrong comparison.
 */
export class Parameters {
  private readonly read = new Set<string>();

  constructor(private readonly values: Readonly<Record<string, unknown>>) {}

  number<Fallback extends number | undefined = undefined>(
    name: string,
    fallback?: Fallback,
  ): number | Fallback {
    const value = this.take(name);
    if (value === undefined) return fallback as Fallback;
    if (typeof value === 'number') return value;
    throw this.wrong(name, 'a number', value);
  }

  requiredNumber(name: string): number {
    const value = this.number(name);
    if (value === undefined) throw new Error(`parameter '${name}' is missing`);
    return value;
  }

  boolean(name: string, fallback: boolean): boolean {
    const value = this.take(name) ?? fallback;
    if (typeof value === 'boolean') return value;
    throw this.wrong(name, 'true or false', value);
  }

  oneOf<Choice extends string>(name: string, choices: readonly Choice[], fallback: Choice): Choice {
    const value = this.take(name) ?? fallback;
    if (choices.includes(value as Choice)) return value as Choice;
    throw this.wrong(name, `one of ${choices.join(', ')}`, value);
  }

  /** @throws Error naming the parameters that the operation does not know. */
  assertAllRead(): void {
    const unknown = Object.keys(this.values).filter((name) => !this.read.has(name));
    if (unknown.length > 0) throw new Error(`the operation has no parameter '${unknown.join("', '")}'`);
  }

  private take(name: string): unknown {
    this.read.add(name);
    return this.values[name] ?? undefined;
  }

  private wrong(name: string, wanted: string, value: unknown): Error {
    return new Error(`parameter '${name}' must be ${wanted}, got ${JSON.stringify(value)}`);
  }
}
