/** What ZeRO is told, and whether it makes sense. */
import type { DataParallelOptions } from '../data-parallel/options.js';

export interface ZeroOptions<Batch> extends DataParallelOptions<Batch> {
  /** 1 divides the optimizer's states over the ranks, 2 also gradients, 3 also parameters. */
  stage: 1 | 2 | 3;
  /**
   * 'mixed': parameters and gradients are kept and sent as halves; float32 parameters belong to the optimizer's states. A step whose gradients
   * overflow is skipped. Default 'float32'.
   */
  precision?: 'float32' | 'mixed';
  /** Of 'mixed': the loss is multiplied by it before the backward pass, gradients are divided by it in float32. Default 1. */
  lossScale?: number;
  /** Of stage 3: 'flat' divides a layer's parameters as one vector, 'rows' each along its first dimension, as FSDP2. Default 'flat'. */
  partition?: 'flat' | 'rows';
  /** Of stage 3: whether a layer's parameters are freed after its forward pass and gathered again for its backward pass. Default true. */
  reshardAfterForward?: boolean;
  /** Of stage 3: layers whose parameters are gathered while those before compute. Default 0. */
  prefetch?: number;
}

/** @throws RangeError naming the option that does not fit */
export function checkZeroOptions(options: ZeroOptions<never>): void {
  const { stage, precision = 'float32', lossScale = 1, prefetch = 0 } = options;
  if (![1, 2, 3].includes(stage))
    throw new RangeError(`Zero: stage must be 1, 2 or 3, got ${stage}; without sharding use DataParallel`);
  for (const name of ['partition', 'reshardAfterForward', 'prefetch'] as const)
    if (stage !== 3 && options[name] !== undefined)
      throw new RangeError(
        `Zero: ${name} belongs to stage 3, which shards parameters; stage ${stage} keeps them whole`,
      );
  if (!(lossScale > 0 && Number.isFinite(lossScale)))
    throw new RangeError(`Zero: lossScale must be a positive number, got ${lossScale}`);
  if (precision === 'float32' && lossScale !== 1)
    throw new RangeError(
      `Zero: lossScale ${lossScale} is for precision 'mixed'; float32 gradients need none`,
    );
  if (!(Number.isInteger(prefetch) && prefetch >= 0))
    throw new RangeError(`Zero: prefetch must be a whole number of layers from 0, got ${prefetch}`);
}
