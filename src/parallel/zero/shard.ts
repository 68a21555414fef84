/** A rank's part of a flat vector of parameters with the optimizer's states for it: what ZeRO divides first. */
import { read } from '../../compute/read.js';
import { tf } from '../../compute/tf.js';
import type { UpdateRule } from '../../training/optimizer/rules.js';
import { type Layout, piecesOfPart } from '../data-parallel/layout.js';
import type { LiveBytes } from './live-bytes.js';

/** Neighbours in the part that are updated alike. */
interface Segment {
  from: number;
  to: number;
  decay: boolean;
  /** Kept between steps only where the shard keeps its parameters. */
  parameter?: tf.Tensor;
  slots?: tf.Tensor[];
}

export interface ShardOptions {
  rule: UpdateRule;
  decay?: ((name: string) => boolean) | undefined;
  /** As what the float32 parameters of the shard count; absent: they are not kept, but given to each update. */
  keepsParametersAs?: 'parameters' | 'optimizerStates' | undefined;
}

export class Shard {
  readonly #segments: Segment[];

  constructor(
    readonly layout: Layout,
    readonly rank: number,
    private readonly options: ShardOptions,
    private readonly bytes: LiveBytes,
  ) {
    const { rule } = options;
    if (rule.whole) {
      throw new RangeError(
        `ZeRO: ${rule.name} needs whole parameters, and a rank has parts of them; take a rule that goes by single numbers, such as adamW, or replicas`,
      );
    }
    this.#segments = segmentsOf(layout, rank, options.decay);
  }

  /** The float32 parameters that are kept; padding is zero. */
  async parameters(): Promise<Float32Array> {
    return this.#together(({ parameter }) => parameter!);
  }

  /** One array for each of the rule's slots; none before the first step. */
  async slots(): Promise<Float32Array[]> {
    const count = this.#segments[0]?.slots?.length ?? 0;
    const slots: Float32Array[] = [];
    for (let n = 0; n < count; n++) slots.push(await this.#together((segment) => segment.slots![n]!));
    return slots;
  }

  setParameters(values: Float32Array): void {
    const { keepsParametersAs } = this.options;
    if (!keepsParametersAs) return;
    for (const segment of this.#segments) {
      this.#free(keepsParametersAs, segment.parameter && [segment.parameter]);
      segment.parameter = this.#keep(keepsParametersAs, this.#tensor(segment, values));
    }
  }

  setSlots(slots: readonly Float32Array[]): void {
    for (const segment of this.#segments) {
      this.#free('optimizerStates', segment.slots);
      delete segment.slots;
      if (slots.length > 0)
        segment.slots = slots.map((values) => this.#keep('optimizerStates', this.#tensor(segment, values)));
    }
  }

  /**
   * One step of the rule. @param parameters where the shard does not keep them @param factor of the gradient
   * @returns the new parameters
   */
  async update(
    parameters: Float32Array | undefined,
    gradient: Float32Array,
    factor: number,
    step: number,
    learningRate: number,
  ): Promise<Float32Array> {
    const { rule, keepsParametersAs } = this.options;
    const updated = new Float32Array(this.layout.partLength);
    for (const segment of this.#segments) {
      const [parameter, ...slots] = tf.tidy(() => {
        const old = segment.parameter ?? this.#tensor(segment, parameters!);
        const whole = this.#tensor(segment, gradient);
        const slope = factor === 1 ? whole : tf.mul(whole, factor);
        const made = rule.update(old, slope, segment.slots, step, learningRate, segment.decay);
        return [made.parameter, ...made.slots];
      });
      this.#free('optimizerStates', segment.slots);
      segment.slots = slots.map((slot) => this.#keep('optimizerStates', slot));
      updated.set(await read(parameter!), segment.from);
      if (keepsParametersAs) {
        this.#free(keepsParametersAs, segment.parameter && [segment.parameter]);
        segment.parameter = this.#keep(keepsParametersAs, parameter!);
      } else parameter!.dispose();
    }
    return updated;
  }

  dispose(): void {
    for (const { parameter, slots } of this.#segments) {
      this.#free('optimizerStates', slots);
      if (parameter) this.#free(this.options.keepsParametersAs!, [parameter]);
    }
    this.#segments.length = 0;
  }

  #tensor({ from, to }: Segment, values: Float32Array): tf.Tensor {
    return tf.tensor1d(values.slice(from, to));
  }

  async #together(of: (segment: Segment) => tf.Tensor): Promise<Float32Array> {
    const all = new Float32Array(this.layout.partLength);
    for (const segment of this.#segments) all.set(await read(of(segment)), segment.from);
    return all;
  }

  #keep(kind: 'parameters' | 'optimizerStates', tensor: tf.Tensor): tf.Tensor {
    this.bytes.allocated(kind, 4 * tensor.size);
    return tensor;
  }

  #free(kind: 'parameters' | 'optimizerStates', tensors: readonly tf.Tensor[] = []): void {
    for (const tensor of tensors) {
      tensor.dispose();
      this.bytes.freed(kind, 4 * tensor.size);
    }
  }
}

/** Padding joins what is before it: zeros stay zeros under every rule. */
function segmentsOf(layout: Layout, rank: number, decay: (name: string) => boolean = () => true): Segment[] {
  const segments: Segment[] = [];
  for (const { name, at } of piecesOfPart(layout, rank)) {
    const decays = decay(name);
    if (segments.at(-1)?.decay === decays) continue;
    if (segments.length > 0) segments.at(-1)!.to = at;
    segments.push({ from: segments.length > 0 ? at : 0, to: layout.partLength, decay: decays });
  }
  // A part of padding alone has states too, so that all parts are equal.
  return segments.length > 0 || layout.partLength === 0
    ? segments
    : [{ from: 0, to: layout.partLength, decay: true }];
}
