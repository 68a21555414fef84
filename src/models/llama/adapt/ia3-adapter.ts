/** (IA)^3 on the linear layers of a Llama. */

import { type NdArray, sizeOf } from '../../../compute/ndarray.js';
import { tf } from '../../../compute/tf.js';
import { linear } from '../../../layers/linear/linear.js';
import { mergeIa3 } from '../../../training/fine-tuning/ia3.js';
import type { LlamaAdaptation } from '../adaptation.js';
import type { LlamaConfig } from '../config.js';
import { type Adapter, copies, type LinearParts, layerLike, variablesOf } from './adapter.js';
import type { Ia3Method } from './methods.js';
import { linearShapes, matches, targetModules } from './modules.js';
import { ones } from './start.js';

export const ia3Targets = { targets: ['k_proj', 'v_proj', 'down_proj'], feedForward: ['down_proj'] };

export const ia3Name = (module: string) => `${module}.ia3_l`;

export function scalesInputs({ feedForward = ia3Targets.feedForward }: Ia3Method, module: string): boolean {
  return matches(module, feedForward);
}

/** peft keeps factors of inputs as [1, in], of outputs as [out, 1]. */
export function ia3Shapes(method: Ia3Method, config: LlamaConfig): Map<string, number[]> {
  const shapes = linearShapes(config);
  return new Map(
    targetModules(config, method.targets ?? ia3Targets.targets).map((module) => {
      const [out, inner] = shapes.get(module)!;
      return [ia3Name(module), scalesInputs(method, module) ? [1, inner] : [out, 1]];
    }),
  );
}

export function ia3Start(method: Ia3Method, config: LlamaConfig): Map<string, NdArray> {
  return new Map([...ia3Shapes(method, config)].map(([name, shape]) => [name, ones(shape)]));
}

export class Ia3Adapter implements Adapter {
  readonly variables: ReadonlyMap<string, tf.Variable>;

  constructor(
    readonly method: Ia3Method,
    arrays: ReadonlyMap<string, NdArray>,
  ) {
    this.variables = variablesOf(arrays);
  }

  adaptation(): LlamaAdaptation {
    return {
      weight: (module, inner) => {
        const l = this.variables.get(ia3Name(module));
        if (!l) return inner;
        const factors = tf.reshape(l, [sizeOf(l.shape)]);
        if (scalesInputs(this.method, module)) {
          return layerLike(inner, (x, bias) => linear(tf.mul(x, factors), inner, bias));
        }
        return layerLike(inner, (x, bias) => tf.mul(linear(x, inner, bias), factors));
      },
    };
  }

  stored(): Map<string, tf.Tensor> {
    return copies(this.variables);
  }

  merged(module: string, { weight, bias }: LinearParts): LinearParts | undefined {
    const l = this.variables.get(ia3Name(module));
    if (!l) return undefined;
    const isFeedForward = scalesInputs(this.method, module);
    return tf.tidy(() => ({
      ...mergeIa3(weight, tf.reshape(l, [sizeOf(l.shape)]), { isFeedForward, bias }),
    }));
  }
}
