/** What data parallelism and ZeRO are told alike. */
import type { UpdateRule } from '../../training/optimizer/rules.js';
import type { BucketOptions } from './buckets.js';
import type { OtherParameters } from './gradient-norm.js';

export interface DataParallelOptions<Batch> extends BucketOptions {
  /** How a step changes the parameters, as in `adamW()`. */
  rule: UpdateRule;
  /** Whether weight decay applies to a parameter. Default: to all. */
  decay?: (name: string) => boolean;
  /** Gradients are scaled down where their global norm is larger. Default: never. */
  maxGradientNorm?: number;
  /**
   * How many tokens a micro-batch has. The model then gives the sum of its tokens' losses, and loss and gradients are means over the tokens of
   * all ranks and micro-batches. Without it the model gives a mean, and all micro-batches count alike.
   */
  tokens?: (batch: Batch) => number;
  /** Where other ranks hold other parameters of the model, for the gradient norm. */
  others?: OtherParameters;
}

export interface GlobalLoss {
  /** Over the whole batch, the same on all ranks. */
  loss: number;
  /** Of the gradients of all parameters, before clipping; the same on all ranks. */
  gradientNorm: number;
}
