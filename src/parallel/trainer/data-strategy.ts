/** The whole model on every rank of a replica: data parallelism, or ZeRO, whose passes are their own. */
import { tf } from '../../compute/tf.js';
import { clipFactor, DataParallel, type DataParallelOptions, squaredNorm } from '../data-parallel/index.js';
import { piecesOfPart } from '../data-parallel/layout.js';
import type { Layer } from '../layer.js';
import type { ZeroStage } from '../plan/index.js';
import { Zero } from '../zero/index.js';
import type { OwnGradients, Strategy, TrainerGroups } from './strategy.js';

export async function dataStrategy<Batch>(
  layers: readonly Layer<Batch>[],
  { data }: TrainerGroups,
  zero: ZeroStage,
  options: DataParallelOptions<Batch>,
): Promise<Strategy<Batch>> {
  if (zero === 0) return new ReplicaStrategy(await DataParallel.replicate(layers, data, options), options);
  return new ZeroStrategy(await Zero.shard(layers, data, { ...options, stage: zero }));
}

class ReplicaStrategy<Batch> implements Strategy<Batch> {
  #gradients: ReadonlyMap<string, Float32Array> = new Map();

  constructor(
    private readonly replica: DataParallel<Batch>,
    private readonly options: DataParallelOptions<Batch>,
  ) {}

  async gradients(microBatches: readonly Batch[]): Promise<OwnGradients> {
    const { loss, gradients } = await this.replica.gradients(microBatches);
    this.#gradients = gradients;
    return { loss, squares: this.replica.comm.rank === 0 ? squaresOf(gradients) : [] };
  }

  async fullGradients(): Promise<ReadonlyMap<string, Float32Array>> {
    return this.#gradients;
  }

  async update(gradientNorm: number, learningRate: number): Promise<void> {
    const { parameters, optimizer } = this.replica;
    const factor = clipFactor(gradientNorm, this.options.maxGradientNorm);
    const tensors = [...parameters].map(([name, { shape }]) =>
      tf.tidy(() => tf.mul(tf.tensor(this.#gradients.get(name)!, shape), factor)),
    );
    optimizer.learningRate = learningRate;
    optimizer.step(tensors);
    tf.dispose(tensors);
    this.#gradients = new Map();
  }

  dispose(): void {
    this.replica.dispose();
  }
}

class ZeroStrategy<Batch> implements Strategy<Batch> {
  constructor(private readonly zero: Zero<Batch>) {}

  async gradients(microBatches: readonly Batch[]): Promise<OwnGradients> {
    const { loss } = await this.zero.gradients(microBatches);
    return { loss, squares: squaresOfParts(this.zero) };
  }

  fullGradients(): Promise<ReadonlyMap<string, Float32Array>> {
    return this.zero.fullGradients();
  }

  async update(gradientNorm: number, learningRate: number): Promise<void> {
    this.zero.learningRate = learningRate;
    await this.zero.update(gradientNorm);
  }

  dispose(): void {
    this.zero.dispose();
  }
}

export function squaresOf(gradients: ReadonlyMap<string, Float32Array>): [string, number][] {
  return [...gradients].map(([name, values]) => [name, squaredNorm(values)]);
}

/** Of the parts that this rank keeps. */
export function squaresOfParts({ units, comm }: Zero<never>): [string, number][] {
  return units.flatMap((unit) => {
    const gradient = unit.floatGradient();
    return piecesOfPart(unit.layout, comm.rank).map(({ name, at, length }): [string, number] => [
      name,
      squaredNorm(gradient.subarray(at, at + length)),
    ]);
  });
}
