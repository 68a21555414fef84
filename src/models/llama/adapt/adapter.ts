/** An adapter: a fine-tuning method with its variables, in the places where it takes part in a Llama's forward pass. */

import type { NdArray } from '../../../compute/ndarray.js';
import { fromNdArray } from '../../../compute/read.js';
import { tf } from '../../../compute/tf.js';
import type { LinearLayer } from '../../../layers/linear/linear.js';
import type { LlamaAdaptation } from '../adaptation.js';
import type { FineTuningMethod } from './methods.js';

/** Weight [out, in] and bias [out] of a linear layer. */
export interface LinearParts {
  weight: tf.Tensor;
  bias?: tf.Tensor;
}

export interface Adapter {
  readonly method: FineTuningMethod;
  /** What is trained, by name. */
  readonly variables: ReadonlyMap<string, tf.Variable>;
  /** For one forward pass, called inside its tidy. @param training dropout is on */
  adaptation(training: boolean): LlamaAdaptation;
  /** What `adapter_model.safetensors` holds, by name without `base_model.model.`; the caller frees the tensors. */
  stored(): Map<string, tf.Tensor>;
  /** A linear layer with the adapter in it, or undefined for one that it leaves alone. Absent: cannot be merged. */
  merged?(module: string, parts: LinearParts): LinearParts | undefined;
}

export function variablesOf(arrays: ReadonlyMap<string, NdArray>): Map<string, tf.Variable> {
  return new Map(
    [...arrays].map(([name, array]) => {
      const tensor = fromNdArray(array);
      const variable = tf.variable(tensor);
      tensor.dispose();
      return [name, variable];
    }),
  );
}

/** Copies of the variables, to be stored as they are. */
export function copies(variables: ReadonlyMap<string, tf.Variable>): Map<string, tf.Tensor> {
  return new Map([...variables].map(([name, variable]) => [name, tf.clone(variable)]));
}

/** A layer that stands for a weight of this shape. */
export function layerLike({ shape }: { shape: number[] }, apply: LinearLayer['apply']): LinearLayer {
  return { shape, rank: 2, dtype: 'float32', apply };
}

/** Several adapters at once: each works on what those before it give; prompts and prefixes stand one behind the other. */
export function together(adaptations: readonly LlamaAdaptation[]): LlamaAdaptation {
  if (adaptations.length === 1) return adaptations[0]!;
  return {
    weight: (module, weight) =>
      adaptations.reduce((inner, { weight: adapt }) => adapt?.(module, inner) ?? inner, weight),
    prompt: () => {
      const prompts = adaptations.map(({ prompt }) => prompt?.()).filter((prompt) => prompt !== undefined);
      return prompts.length === 0 ? undefined : tf.concat(prompts, 0);
    },
    prefix: (layer) => {
      const prefixes = adaptations
        .map(({ prefix }) => prefix?.(layer))
        .filter((prefix) => prefix !== undefined);
      if (prefixes.length === 0) return undefined;
      return {
        k: tf.concat(
          prefixes.map(({ k }) => k),
          1,
        ),
        v: tf.concat(
          prefixes.map(({ v }) => v),
          1,
        ),
      };
    },
    output: (part, y) => adaptations.reduce((inner, { output }) => output?.(part, inner) ?? inner, y),
  };
}
