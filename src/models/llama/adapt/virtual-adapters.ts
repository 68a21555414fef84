/**
 * Adapters that leave the layers alone and put something in front of the tokens: learned vectors (prompt tuning, P-tuning) or
 * learned keys and values in every layer (prefix tuning). Where these come out of an encoder, its result is what is stored.
 */

import { type NdArray, ndarray } from '../../../compute/ndarray.js';
import { seededNormal } from '../../../compute/random.js';
import { tf } from '../../../compute/tf.js';
import type { BidirectionalLayer } from '../../../training/fine-tuning/lstm.js';
import { promptEncoder } from '../../../training/fine-tuning/p-tuning.js';
import { prefixEncoder, prefixOfLayer } from '../../../training/fine-tuning/prefix.js';
import type { LlamaAdaptation } from '../adaptation.js';
import type { LlamaConfig } from '../config.js';
import { type Adapter, variablesOf } from './adapter.js';
import type { PrefixMethod, PromptMethod, PTuningMethod } from './methods.js';
import { seedOf, uniformByWidth } from './start.js';

export const virtualName = 'prompt_embeddings';

/** What the file of such an adapter holds. */
export function virtualShape(
  method: PrefixMethod | PromptMethod | PTuningMethod,
  { C, K, D, layers }: LlamaConfig,
): number[] {
  const { tokens } = method;
  if (!Number.isInteger(tokens) || tokens < 1) {
    throw new RangeError(`adapt: tokens must be a positive integer, got ${tokens}`);
  }
  return [tokens, method.method === 'prefix-tuning' ? layers * 2 * K * D : C];
}

/** Of what an encoder is made of: name -> shape, or nothing when the method has none. */
function encoderShapes(
  method: PrefixMethod | PromptMethod | PTuningMethod,
  config: LlamaConfig,
): [name: string, shape: number[]][] {
  const [P, width] = virtualShape(method, config) as [number, number];
  const affine = (n: number, out: number, inner: number): [string, number[]][] => [
    [`w${n}`, [out, inner]],
    [`b${n}`, [out]],
  ];
  if (method.method === 'prefix-tuning' && method.hidden !== undefined) {
    const W = config.K * config.D;
    return [['embedding', [P, W]], ...affine(0, method.hidden, W), ...affine(1, width, method.hidden)];
  }
  if (method.method !== 'p-tuning') return [];
  const { C } = config;
  const { hidden = C, encoder = 'MLP', encoderLayers = 2 } = method;
  if (encoder === 'MLP') {
    return [
      ['embedding', [P, C]],
      ...affine(0, hidden, C),
      ...affine(1, hidden, hidden),
      ...affine(2, C, hidden),
    ];
  }
  const lstm: [string, number[]][] = [];
  for (let layer = 0; layer < encoderLayers; layer++) {
    for (const end of ['', '_reverse']) {
      lstm.push([`weight_ih_l${layer}${end}`, [4 * hidden, layer === 0 ? C : 2 * hidden]]);
      lstm.push([`weight_hh_l${layer}${end}`, [4 * hidden, hidden]]);
      lstm.push([`bias_ih_l${layer}${end}`, [4 * hidden]], [`bias_hh_l${layer}${end}`, [4 * hidden]]);
    }
  }
  return [['embedding', [P, C]], ...lstm, ...affine(0, 2 * hidden, 2 * hidden), ...affine(1, C, 2 * hidden)];
}

/** @param embedding the model's, [V,C] by row, for a prompt that starts from tokens */
export function virtualStart(
  method: (PrefixMethod | PromptMethod | PTuningMethod) & { seed?: number },
  config: LlamaConfig,
  embedding: (id: number) => ArrayLike<number>,
): Map<string, NdArray> {
  const { seed = 0 } = method;
  const shape = virtualShape(method, config);
  const encoder = encoderShapes(method, config);
  if (encoder.length > 0) {
    return new Map(
      encoder.map(([name, size], n) => [
        name,
        name === 'embedding' ? seededNormal(size, seedOf(seed, n)) : uniformByWidth(size, seedOf(seed, n)),
      ]),
    );
  }
  const from = method.method === 'prompt-tuning' ? (method.from ?? []) : [];
  if (from.length === 0) return new Map([[virtualName, seededNormal(shape, seedOf(seed, 0))]]);
  const outside = from.find((id) => !Number.isInteger(id) || id < 0 || id >= config.V);
  if (outside !== undefined) {
    throw new RangeError(`adapt: from holds the id ${outside}, but ids go from 0 to V - 1 = ${config.V - 1}`);
  }
  const rows = Array.from({ length: shape[0]! }, (_, p) => [
    ...Array.from(embedding(from[p % from.length]!)),
  ]);
  return new Map([[virtualName, ndarray(shape, rows.flat())]]);
}

abstract class VirtualAdapter<Method extends PrefixMethod | PromptMethod | PTuningMethod> implements Adapter {
  readonly variables: ReadonlyMap<string, tf.Variable>;

  constructor(
    readonly method: Method,
    protected readonly config: LlamaConfig,
    arrays: ReadonlyMap<string, NdArray>,
  ) {
    this.variables = variablesOf(arrays);
  }

  abstract adaptation(): LlamaAdaptation;

  stored(): Map<string, tf.Tensor> {
    return new Map([[virtualName, tf.tidy(() => tf.clone(this.virtual()))]]);
  }

  /** What stands in front, out of the encoder while there is one. */
  protected virtual(): tf.Tensor {
    const found = this.variables.get(virtualName);
    if (found) return found;
    const get = (name: string) => this.variables.get(name)!;
    if (this.method.method === 'prefix-tuning') {
      return prefixEncoder(get('embedding'), { w0: get('w0'), b0: get('b0'), w1: get('w1'), b1: get('b1') });
    }
    const lstm: BidirectionalLayer[] = [];
    for (let layer = 0; this.variables.has(`weight_ih_l${layer}`); layer++) {
      const direction = (end: string) => ({
        wInput: get(`weight_ih_l${layer}${end}`),
        wHidden: get(`weight_hh_l${layer}${end}`),
        bInput: get(`bias_ih_l${layer}${end}`),
        bHidden: get(`bias_hh_l${layer}${end}`),
      });
      lstm.push({ forward: direction(''), backward: direction('_reverse') });
    }
    const mlp = [];
    for (let n = 0; this.variables.has(`w${n}`); n++) mlp.push({ w: get(`w${n}`), b: get(`b${n}`) });
    return promptEncoder(get('embedding'), { mlp, ...(lstm.length > 0 && { lstm }) });
  }
}

export class PromptAdapter extends VirtualAdapter<PromptMethod | PTuningMethod> {
  adaptation(): LlamaAdaptation {
    return { prompt: () => this.virtual() };
  }
}

export class PrefixAdapter extends VirtualAdapter<PrefixMethod> {
  adaptation(): LlamaAdaptation {
    const { K: heads, D } = this.config;
    const all = this.virtual();
    return { prefix: (layer) => prefixOfLayer(all, layer, { heads, D }) };
  }
}
