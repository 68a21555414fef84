/** Bottleneck adapters behind the parts of a Llama's layers, each before the residual is added. */

import type { NdArray } from '../../../compute/ndarray.js';
import type { tf } from '../../../compute/tf.js';
import { bottleneckAdapter } from '../../../training/fine-tuning/adapter.js';
import type { LlamaAdaptation } from '../adaptation.js';
import type { LlamaConfig } from '../config.js';
import { type Adapter, copies, variablesOf } from './adapter.js';
import type { BottleneckMethod } from './methods.js';
import { seedOf, uniformByWidth, zeros } from './start.js';

export function bottleneckShapes(
  { width, placement = 'houlsby' }: BottleneckMethod,
  { C, layers }: LlamaConfig,
): Map<string, number[]> {
  if (!Number.isInteger(width) || width < 1) {
    throw new RangeError(`adapt: the width of a bottleneck must be a positive integer, got ${width}`);
  }
  const shapes = new Map<string, number[]>();
  for (let layer = 0; layer < layers; layer++) {
    for (const part of placement === 'houlsby' ? ['self_attn', 'mlp'] : ['mlp']) {
      const at = `model.layers.${layer}.${part}`;
      shapes.set(`${at}.adapter_down.weight`, [width, C]);
      shapes.set(`${at}.adapter_down.bias`, [width]);
      shapes.set(`${at}.adapter_up.weight`, [C, width]);
      shapes.set(`${at}.adapter_up.bias`, [C]);
    }
  }
  return shapes;
}

/** The second map starts at 0, and with it the adapter as the identity. */
export function bottleneckStart(
  method: BottleneckMethod & { seed?: number },
  config: LlamaConfig,
): Map<string, NdArray> {
  return new Map(
    [...bottleneckShapes(method, config)].map(([name, shape], n) => [
      name,
      name.endsWith('down.weight') ? uniformByWidth(shape, seedOf(method.seed ?? 0, n)) : zeros(shape),
    ]),
  );
}

export class BottleneckAdapter implements Adapter {
  readonly variables: ReadonlyMap<string, tf.Variable>;

  constructor(
    readonly method: BottleneckMethod,
    arrays: ReadonlyMap<string, NdArray>,
  ) {
    this.variables = variablesOf(arrays);
  }

  adaptation(): LlamaAdaptation {
    const { activation } = this.method;
    return {
      output: (part, y) => {
        const weight = (name: string) => this.variables.get(`${part}.adapter_${name}`);
        const [wDown, wUp] = [weight('down.weight'), weight('up.weight')];
        if (!wDown || !wUp) return y;
        const weights = { wDown, bDown: weight('down.bias'), wUp, bUp: weight('up.bias') };
        return bottleneckAdapter(y, weights, { activation });
      },
    };
  }

  stored(): Map<string, tf.Tensor> {
    return copies(this.variables);
  }
}
