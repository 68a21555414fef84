/** A micro-batch through both passes: weights from where they are, gradients to whose they are. */
import { read } from '../../compute/read.js';
import { tf } from '../../compute/tf.js';
import type { Communicator, Handle, Numbers } from '../communicator/index.js';
import { GradientBuckets } from '../data-parallel/gradient-buckets.js';
import { type Layer, runLayers, weightsOf } from '../layer.js';
import { Tape, type Value } from '../tape/index.js';
import { GatheredPass, weightsWithoutTensors } from './gathered-pass.js';
import { GatheredWeights } from './gathered-weights.js';
import type { LiveBytes } from './live-bytes.js';
import type { ZeroOptions } from './options.js';
import type { Unit } from './unit.js';
import { layerGroups, unitGroups } from './units.js';

export class ShardedBackward<Batch> {
  readonly #buckets: GradientBuckets;
  /** Absent where the layers' own variables are computed with. */
  readonly #gathered: GatheredWeights | undefined;
  #reducing: { unit: Unit; data: Numbers; handle: Handle<Numbers> } | undefined;

  constructor(
    private readonly layers: readonly Layer<Batch>[],
    private readonly comm: Communicator,
    private readonly options: ZeroOptions<Batch>,
    private readonly variables: ReadonlyMap<string, tf.Variable>,
    private readonly units: readonly Unit[],
    private readonly bytes: LiveBytes,
  ) {
    const { stage, precision } = options;
    const mixed = precision === 'mixed';
    if (stage === 3 || mixed) {
      const { groups, groupsOfLayer } = (stage === 3 ? unitGroups : layerGroups)(layers, units);
      this.#gathered = new GatheredWeights(groups, groupsOfLayer, bytes);
    }
    const layouts = units.map(({ layout }) => layout);
    this.#buckets = new GradientBuckets(layouts, (unit, data) => this.#reduce(units[unit]!, data), {
      half: mixed,
      onAllocate: (count) => bytes.allocated(stage === 1 ? 'gradients' : 'buckets', count),
    });
  }

  /** Whether weights are tensors for a time only, and the layers' variables are not used. */
  get gathers(): boolean {
    return this.#gathered !== undefined;
  }

  /**
   * @param weight of this loss in that of the whole batch, times the number of ranks
   * @param reduces false: gradients are only added up on this rank
   * @returns the loss, without the weight
   */
  async run(batch: Batch, weight: number, reduces: boolean): Promise<number> {
    const tape = new Tape();
    const seed = tf.scalar(weight);
    try {
      const weights = this.#gathered
        ? weightsWithoutTensors(tape, this.variables.keys(), seed)
        : weightsOf(tape, this.layers);
      this.#buckets.watch(tape, weights, reduces);
      const pass = this.#gathered && this.#passOf(tape, weights, this.#gathered);
      const loss = await (pass?.forward(batch) ?? runLayers(tape, this.layers, weights, batch));
      const [value] = await read(loss.tensor);
      await tape.backward(loss, seed);
      await pass?.finish();
      if (reduces) {
        await this.#buckets.finish();
        await this.#reduced();
      }
      return value!;
    } finally {
      seed.dispose();
      tape.dispose();
      this.#gathered?.clear();
    }
  }

  #passOf(tape: Tape, weights: ReadonlyMap<string, Value>, gathered: GatheredWeights): GatheredPass<Batch> {
    const { stage, reshardAfterForward, prefetch } = this.options;
    if (stage < 3) return new GatheredPass(tape, this.layers, weights, gathered);
    // Reduced where the layer is over, even if a rank did not use all of it: the ranks' calls keep one order.
    const onLayerPassed = async (layer: number) => {
      const names = new Set(this.layers.slice(0, layer).flatMap(({ parameters }) => [...parameters.keys()]));
      const later = this.units.findLastIndex(({ layout }) => !names.has(layout.parameters[0]!.name));
      await this.#buckets.finish(later);
    };
    return new GatheredPass(tape, this.layers, weights, gathered, {
      ...(reshardAfterForward !== undefined && { reshardAfterForward }),
      ...(prefetch !== undefined && { prefetch }),
      onLayerPassed,
    });
  }

  /** At most two buckets are under way: the rest of the gradients is freed as the backward pass goes on. */
  async #reduce(unit: Unit, data: Numbers): Promise<void> {
    const half = this.options.precision === 'mixed';
    const handle = this.comm.start.reduceScatter(data, { reduction: 'mean', half });
    const before = this.#reduced();
    this.#reducing = { unit, data, handle };
    await before;
  }

  /** Waits for the bucket under way, and keeps this rank's part of it. */
  async #reduced(): Promise<void> {
    const reducing = this.#reducing;
    this.#reducing = undefined;
    if (!reducing) return;
    const { unit, data, handle } = reducing;
    const part = await handle.wait();
    if (this.options.stage === 1) {
      unit.addGradient(part, data);
      return;
    }
    unit.addGradient(part);
    this.bytes.freed('buckets', data.byteLength);
  }
}
