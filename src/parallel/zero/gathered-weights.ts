/** Weights that exist while a layer needs them: gathered before, freed after, where wanted begun while the layer before computes. */
import { tf } from '../../compute/tf.js';
import type { LiveBytes } from './live-bytes.js';

/** Parameters that are gathered together. */
export interface WeightGroup {
  readonly bytes: number;
  /** Begins to gather. @returns what waits for the values, by name, with their shapes */
  begin(): Promise<() => Promise<Map<string, { values: Float32Array; shape: readonly number[] }>>>;
}

type Begun = Awaited<ReturnType<WeightGroup['begin']>>;

export class GatheredWeights {
  readonly #ahead = new Map<number, Begun>();
  readonly #live = new Map<number, { users: number; tensors: Map<string, tf.Tensor> }>();

  /** @param groupsOfLayer which groups a layer needs; several where it shares a parameter with an earlier one */
  constructor(
    readonly groups: readonly WeightGroup[],
    readonly groupsOfLayer: readonly (readonly number[])[],
    private readonly bytes: LiveBytes,
  ) {}

  /** Begins to gather what a layer needs. A layer that is not there needs nothing. */
  async begin(layer: number): Promise<void> {
    for (const group of this.groupsOfLayer[layer] ?? []) {
      if (this.#live.has(group) || this.#ahead.has(group)) continue;
      this.bytes.allocated('gathered', this.groups[group]!.bytes);
      this.#ahead.set(group, await this.groups[group]!.begin());
    }
  }

  /** The weights of a layer, by name, until it is released as often as it was acquired. */
  async acquire(layer: number): Promise<Map<string, tf.Tensor>> {
    await this.begin(layer);
    const all = new Map<string, tf.Tensor>();
    for (const group of this.groupsOfLayer[layer]!) {
      const live = this.#live.get(group) ?? (await this.#arrived(group));
      live.users++;
      for (const [name, tensor] of live.tensors) all.set(name, tensor);
    }
    return all;
  }

  release(layer: number): void {
    for (const group of this.groupsOfLayer[layer]!) {
      const live = this.#live.get(group)!;
      if (--live.users > 0) continue;
      this.#live.delete(group);
      tf.dispose([...live.tensors.values()]);
      this.bytes.freed('gathered', this.groups[group]!.bytes);
    }
  }

  /** After a pass that failed: frees what is left. */
  clear(): void {
    for (const [group, { tensors }] of this.#live) {
      tf.dispose([...tensors.values()]);
      this.bytes.freed('gathered', this.groups[group]!.bytes);
    }
    for (const group of this.#ahead.keys()) this.bytes.freed('gathered', this.groups[group]!.bytes);
    this.#live.clear();
    this.#ahead.clear();
  }

  async #arrived(group: number) {
    const values = await this.#ahead.get(group)!();
    this.#ahead.delete(group);
    const tensors = new Map(
      [...values].map(([name, { values, shape }]) => [name, tf.tensor(values, [...shape])]),
    );
    const live = { users: 0, tensors };
    this.#live.set(group, live);
    return live;
  }
}
