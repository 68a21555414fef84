/** Parameters that are divided over the ranks together: their shard, what is kept of them besides, and their gradients. */
import { read } from '../../compute/read.js';
import { tf } from '../../compute/tf.js';
import type { Communicator, Numbers } from '../communicator/index.js';
import { addToHalves, packHalves, unpackHalves } from '../data-parallel/halves.js';
import { type Layout, piecesOfPart, valuesOf } from '../data-parallel/layout.js';
import type { LiveBytes } from './live-bytes.js';
import type { ZeroOptions } from './options.js';
import { Shard } from './shard.js';

export class Unit {
  readonly shard: Shard;
  /** Of this rank's part, packed where precision is mixed; there from a backward pass until the update. */
  gradient: Numbers | undefined;
  readonly #mixed: boolean;
  /** Halves: all parameters in stages 1 and 2, this rank's part in stage 3. */
  #halves: Int32Array | undefined;
  /** What `gradient` lies in: in stage 1 that of all parameters. */
  #gradientBytes = 0;

  constructor(
    readonly layout: Layout,
    private readonly comm: Communicator,
    private readonly options: ZeroOptions<never>,
    /** Of the layers; in stages 1 and 2 with float32 they are what the model computes with. */
    private readonly variables: ReadonlyMap<string, tf.Variable>,
    private readonly bytes: LiveBytes,
  ) {
    this.#mixed = options.precision === 'mixed';
    const kept = options.stage === 3 ? 'parameters' : undefined;
    this.shard = new Shard(
      layout,
      comm.rank,
      {
        rule: options.rule,
        decay: options.decay,
        keepsParametersAs: this.#mixed ? 'optimizerStates' : kept,
      },
      bytes,
    );
  }

  /** Takes this rank's part from the variables, which all ranks have alike. */
  async begin(): Promise<void> {
    await this.#become(await this.#partOfVariables(), this.#mixed || this.options.stage === 3);
  }

  /** New values of this rank's part, in float32. */
  async set(part: Float32Array): Promise<void> {
    await this.#become(part, true);
  }

  /** This rank's part, in float32. */
  async parameters(): Promise<Float32Array> {
    return this.#isReplica ? this.#partOfVariables() : this.shard.parameters();
  }

  /** Begins to gather all parameters of the unit as the model computes with them. @returns what waits for them */
  async beginGather(): Promise<() => Promise<Map<string, Float32Array>>> {
    const { layout } = this;
    if (!this.#mixed) {
      const handle = this.comm.start.allGather(await this.shard.parameters());
      return async () => valuesOf(layout, await handle.wait());
    }
    if (this.options.stage < 3) return async () => valuesOf(layout, unpackHalves(this.#halves!));
    const handle = this.comm.start.allGather(this.#halves!);
    return async () => valuesOf(layout, unpackHalves(await handle.wait()));
  }

  /** @param whole stage 1: the gradients of all parameters, of which this rank's part becomes the mean `part` */
  addGradient(part: Numbers, whole?: Numbers): void {
    if (whole) {
      const begin = this.comm.rank * part.length;
      whole.set(part, begin);
      this.gradient = whole.subarray(begin, begin + part.length);
      this.#gradientBytes = whole.byteLength;
    } else if (!this.gradient) {
      this.gradient = part;
      this.#gradientBytes = part.byteLength;
      this.bytes.allocated('gradients', part.byteLength);
    } else if (part instanceof Int32Array) addToHalves(this.gradient as Int32Array, 0, unpackHalves(part));
    else for (let i = 0; i < part.length; i++) this.gradient[i]! += part[i]!;
  }

  /** Of this rank's part, divided by the loss scale. */
  floatGradient(): Float32Array {
    const { gradient } = this;
    if (!gradient) throw new Error('Zero: there are no gradients; call gradients() first');
    if (gradient instanceof Float32Array) return gradient;
    const { lossScale = 1 } = this.options;
    return unpackHalves(gradient).map((value) => value / lossScale);
  }

  freeGradient(): void {
    this.bytes.freed('gradients', this.#gradientBytes);
    this.gradient = undefined;
    this.#gradientBytes = 0;
  }

  /** One step of the rule on this rank's part; all ranks get all parameters where they keep them whole. */
  async update(factor: number, step: number, learningRate: number): Promise<void> {
    const old = this.#isReplica ? await this.#partOfVariables() : undefined;
    const gradient = this.floatGradient();
    const part = await this.shard.update(old, gradient, factor, step, learningRate);
    this.freeGradient();
    await this.#share(part);
  }

  dispose(): void {
    if (this.gradient) this.freeGradient();
    this.shard.dispose();
    this.#setHalves(undefined);
  }

  get #isReplica(): boolean {
    return !this.#mixed && this.options.stage < 3;
  }

  async #become(part: Float32Array, shares: boolean): Promise<void> {
    this.shard.setParameters(part);
    if (shares) await this.#share(part);
  }

  async #share(part: Float32Array): Promise<void> {
    const { comm, layout, options } = this;
    if (this.#mixed) {
      const halves = packHalves(part);
      this.#setHalves(options.stage === 3 ? halves : await comm.allGather(halves));
      return;
    }
    if (options.stage === 3) return;
    for (const [name, values] of valuesOf(layout, await comm.allGather(part))) {
      const variable = this.variables.get(name)!;
      const tensor = tf.tensor(values, variable.shape);
      variable.assign(tensor);
      tensor.dispose();
    }
  }

  #setHalves(halves: Int32Array | undefined): void {
    if (this.#halves) this.bytes.freed('parameters', this.#halves.byteLength);
    if (halves) this.bytes.allocated('parameters', halves.byteLength);
    this.#halves = halves;
  }

  async #partOfVariables(): Promise<Float32Array> {
    const part = new Float32Array(this.layout.partLength);
    for (const { name, from, at, length } of piecesOfPart(this.layout, this.comm.rank)) {
      const values = (await read(this.variables.get(name)!)) as Float32Array;
      part.set(values.subarray(from, from + length), at);
    }
    return part;
  }
}
