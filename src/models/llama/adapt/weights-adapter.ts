/** Full fine-tuning and layer freezing: the model's own parameters, all or those of some layers, are what is trained. */

import type { NdArray } from '../../../compute/ndarray.js';
import { tf } from '../../../compute/tf.js';
import type { LlamaAdaptation } from '../adaptation.js';
import { type LlamaConfig, names, parameterShapes } from '../config.js';
import type { Llama } from '../llama.js';
import { type Adapter, copies } from './adapter.js';
import type { WeightsMethod } from './methods.js';
import { layerOf } from './modules.js';

export function weightShapes(
  { layers, head = true }: WeightsMethod,
  config: LlamaConfig,
): Map<string, number[]> {
  const outside = layers?.find((layer) => !(Number.isInteger(layer) && layer >= 0 && layer < config.layers));
  if (outside !== undefined) {
    throw new RangeError(`adapt: there is no layer ${outside}; layers go from 0 to ${config.layers - 1}`);
  }
  const wanted = (name: string) => {
    if (layers === undefined) return true;
    const layer = layerOf(name);
    if (layer !== undefined) return layers.includes(layer);
    return head && (name === names.norm || name === names.head);
  };
  return new Map([...parameterShapes(config)].filter(([name]) => wanted(name)));
}

export class WeightsAdapter implements Adapter {
  readonly variables: ReadonlyMap<string, tf.Variable>;

  constructor(
    readonly method: WeightsMethod,
    model: Llama,
  ) {
    const shapes = weightShapes(method, model.config);
    this.variables = new Map([...shapes.keys()].map((name) => [name, model.parameter(name)]));
  }

  /** Puts other numbers into the model. */
  assign(arrays: ReadonlyMap<string, NdArray>): void {
    for (const [name, { shape, data }] of arrays) {
      const tensor = tf.tensor(Float32Array.from(data), [...shape], 'float32');
      this.variables.get(name)!.assign(tensor);
      tensor.dispose();
    }
  }

  adaptation(): LlamaAdaptation {
    return {};
  }

  stored(): Map<string, tf.Tensor> {
    return copies(this.variables);
  }
}
