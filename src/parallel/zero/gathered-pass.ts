/**
 * A forward and a backward pass over weights that are gathered layer by layer and freed after each, in both passes (Rajbhandari et al. 2020, ZeRO,
 * arXiv:1910.02054, section 7.2.2). The tape keeps activations; its weights get their tensors anew when the backward pass reaches their layer.
 */
import { tf } from '../../compute/tf.js';
import type { Layer } from '../layer.js';
import type { Operator, Tape, Value } from '../tape/index.js';
import type { GatheredWeights } from './gathered-weights.js';

export interface GatheredPassOptions {
  /** Whether weights are freed between a layer's two passes; default true. */
  reshardAfterForward?: boolean;
  /** Layers whose weights are gathered ahead. Default 0. */
  prefetch?: number;
  /** Called in the backward pass when all that uses the weights of this layer, or of later ones, has been passed. */
  onLayerPassed?: (layer: number) => Promise<void>;
}

export class GatheredPass<Batch> {
  readonly #held: boolean[];
  /** The layer whose backward pass comes next, or is under way. */
  #current: number;

  /** @param weights of all layers; their tensors are assigned by the pass */
  constructor(
    private readonly tape: Tape,
    private readonly layers: readonly Layer<Batch>[],
    readonly weights: ReadonlyMap<string, Value>,
    private readonly gathered: GatheredWeights,
    private readonly options: GatheredPassOptions = {},
  ) {
    this.#held = layers.map(() => false);
    this.#current = layers.length;
  }

  /** @returns the loss, or what the last layer gives */
  async forward(batch: Batch): Promise<Value> {
    const { reshardAfterForward = true } = this.options;
    let x: Value | undefined;
    for (const [index, layer] of this.layers.entries()) {
      await this.#acquire(index, 1);
      const y = await layer.forward(this.tape, this.weights, x, batch);
      if (reshardAfterForward) this.#release(index);
      x = await this.tape.apply(this.#boundary(index), y);
    }
    return x!;
  }

  /** After the tape's backward pass. */
  async finish(): Promise<void> {
    await this.#passTo(-1);
  }

  /** The identity. Its backward pass is where the one of the layer begins, and those of later layers are over. */
  #boundary(layer: number): Operator {
    return {
      name: `weights of ${this.layers[layer]!.name}`,
      forward: ([x]) => [tf.clone(x!)],
      backward: async (_, [gradient]) => {
        await this.#passTo(layer);
        await this.#acquire(layer, -1);
        return [tf.clone(gradient!)];
      },
    };
  }

  async #passTo(layer: number): Promise<void> {
    while (this.#current > layer) {
      if (this.#held[this.#current]) this.#release(this.#current);
      if (this.#current < this.layers.length) await this.options.onLayerPassed?.(this.#current);
      this.#current--;
    }
  }

  async #acquire(layer: number, direction: 1 | -1): Promise<void> {
    if (!this.#held[layer]) {
      const tensors = await this.gathered.acquire(layer);
      for (const [name, tensor] of tensors) {
        const value = this.weights.get(name);
        if (value) value.tensor = tensor;
      }
      this.#held[layer] = true;
    }
    for (let n = 1; n <= (this.options.prefetch ?? 0); n++) await this.gathered.begin(layer + n * direction);
  }

  #release(layer: number): void {
    this.#held[layer] = false;
    this.gathered.release(layer);
  }
}

/** Values for weights that have no tensor yet. */
export function weightsWithoutTensors(
  tape: Tape,
  names: Iterable<string>,
  placeholder: tf.Tensor,
): Map<string, Value> {
  return new Map([...names].map((name) => [name, tape.weight(placeholder)]));
}
