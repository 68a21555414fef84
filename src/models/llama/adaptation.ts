/** What fine-tuning methods do to a Llama without changing its weights: where they may take part in the forward pass. */
import type { tf } from '../../compute/tf.js';
import type { LinearWeight } from '../../layers/linear/linear.js';

export interface LlamaAdaptation {
  /**
   * What stands for the weight of a linear layer, by its Hugging Face name: `model.layers.0.self_attn.q_proj` or `lm_head`.
   * Experts and routers are not asked for.
   */
  weight?(module: string, weight: LinearWeight): LinearWeight;
  /** Vectors [P,C] in front of the embedded tokens. */
  prompt?(): tf.Tensor | undefined;
  /** Keys and values [K,P,D] in front of those of a layer, at no position. */
  prefix?(layer: number): { k: tf.Tensor; v: tf.Tensor } | undefined;
  /** On what `model.layers.0.self_attn` or `model.layers.0.mlp` gives, [B,T,C], before the residual is added. */
  output?(part: string, y: tf.Tensor): tf.Tensor;
}
