/**
 * What earlier cells gave, as in every console: `_` the last result, `Out[n]` that of cell n, `In[n]` its source. Bindings of the
 * cells, so that a cell may declare these names for itself (`import _ from 'lodash'`); from then on they are the user's.
 */
import type { Bindings } from './bindings.js';

/** `Out` keeps no more: results may be large. */
const keptResults = 100;

export class Results {
  readonly #out: Record<number, unknown> = {};
  readonly #in: Record<number, string> = {};
  readonly #set: (value: unknown) => void;

  constructor(readonly bindings: Bindings) {
    this.#set = bindings.provide({ _: undefined, Out: this.#out, In: this.#in })._!;
  }

  began(count: number, source: string): void {
    this.#in[count] = source;
  }

  /** A cell that shows nothing leaves `_` as it is. */
  ended(count: number, value: unknown): void {
    if (value === undefined) return;
    this.#out[count] = value;
    delete this.#out[count - keptResults];
    if (this.bindings.isProvided('_')) this.#set(value);
  }
}
