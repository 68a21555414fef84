/** BitFit: one bias for each linear layer, added to what the layer gives; 0 at the start. */

import type { NdArray } from '../../../compute/ndarray.js';
import { tf } from '../../../compute/tf.js';
import { linear } from '../../../layers/linear/linear.js';
import type { LlamaAdaptation } from '../adaptation.js';
import type { LlamaConfig } from '../config.js';
import { type Adapter, copies, type LinearParts, layerLike, variablesOf } from './adapter.js';
import type { BitFitMethod } from './methods.js';
import { linearShapes, targetModules } from './modules.js';
import { zeros } from './start.js';

const biasName = (module: string) => `${module}.bias_delta`;

export function biasShapes(method: BitFitMethod, config: LlamaConfig): Map<string, number[]> {
  const shapes = linearShapes(config);
  return new Map(
    targetModules(config, method.targets ?? 'all-linear').map((module) => [
      biasName(module),
      [shapes.get(module)![0]],
    ]),
  );
}

export function biasStart(method: BitFitMethod, config: LlamaConfig): Map<string, NdArray> {
  return new Map([...biasShapes(method, config)].map(([name, shape]) => [name, zeros(shape)]));
}

export class BiasAdapter implements Adapter {
  readonly variables: ReadonlyMap<string, tf.Variable>;

  constructor(
    readonly method: BitFitMethod,
    arrays: ReadonlyMap<string, NdArray>,
  ) {
    this.variables = variablesOf(arrays);
  }

  adaptation(): LlamaAdaptation {
    return {
      weight: (module, inner) => {
        const added = this.variables.get(biasName(module));
        return added ? layerLike(inner, (x, bias) => tf.add(linear(x, inner, bias), added)) : inner;
      },
    };
  }

  stored(): Map<string, tf.Tensor> {
    return copies(this.variables);
  }

  /** @throws Error where the model has no bias to add to. */
  merged(module: string, { weight, bias }: LinearParts): LinearParts | undefined {
    const added = this.variables.get(biasName(module));
    if (!added) return undefined;
    if (!bias) throw new Error(`merge: ${module} has no bias to which that of BitFit could be added`);
    return { weight: tf.clone(weight), bias: tf.add(bias, added) };
  }
}
