/** What a tape knows: tensors, and who uses them. */
import type { tf } from '../../compute/tf.js';

export type ValueKind = 'input' | 'weight' | 'result';

/** Called with a weight's or an input's gradient once it is complete; the tape keeps and frees the tensor. */
export type GradientHook = (gradient: tf.Tensor) => void | Promise<void>;

export class Value {
  /** Nodes that use it and have not given their part of its gradient yet. */
  pending = 0;
  gradient: tf.Tensor | undefined;
  hook: GradientHook | undefined;

  constructor(
    /** Of a weight that is gathered for each pass anew: the tensor of the pass under way. */
    public tensor: tf.Tensor,
    readonly kind: ValueKind,
    /** Whether its gradient is asked for. */
    readonly differentiable: boolean,
  ) {}

  get shape(): number[] {
    return this.tensor.shape;
  }
}
