/** What the adapters of a file change in the formula of a Llama, in bounded arithmetic. */
import { type NdArray, ndarray, sizeOf } from '../../../compute/ndarray.js';
import type { AdapterFile } from '../../../models/llama/adapt/files.js';
import { ia3Name, scalesInputs } from '../../../models/llama/adapt/ia3-adapter.js';
import { loraNames, loraRule } from '../../../models/llama/adapt/lora-adapter.js';
import type { Ia3Method, LoraMethod } from '../../../models/llama/adapt/methods.js';
import { virtualName } from '../../../models/llama/adapt/virtual-adapters.js';
import type { LlamaConfig } from '../../../models/llama/config.js';
import type { LlamaArrays } from '../../../models/llama/weights.js';
import { loraScale } from '../../../training/fine-tuning/lora.js';
import {
  add,
  type Bounded,
  exact,
  matmul,
  multiply,
  reshape,
  scaleBy,
  transposeLast,
} from '../running-error.js';
import { doraGain, loraWeight, mergedErrors } from './fine-tuning.js';
import type { AdaptedFormula } from './llama.js';
import { leaf } from './tape.js';

export function adaptedFormula({ method, arrays }: AdapterFile, config: LlamaConfig): AdaptedFormula {
  switch (method.method) {
    case 'lora':
      return { linear: loraFormula(method, arrays) };
    case 'ia3':
      return { linear: ia3Formula(method, arrays) };
    case 'prompt-tuning':
    case 'p-tuning':
      return { prompt: arrays.get(virtualName)! };
    case 'prefix-tuning':
      return { prefix: (layer) => prefixOf(arrays.get(virtualName)!, layer, config) };
    default:
      throw new RangeError(`adaptedFormula: there is none of ${method.method}`);
  }
}

type Arrays = AdapterFile['arrays'];

function factorsOf(method: LoraMethod, arrays: Arrays, module: string) {
  const [a, b] = [arrays.get(loraNames.a(module)), arrays.get(loraNames.b(module))];
  if (!a || !b) return undefined;
  const { rank, ...rule } = loraRule(method, module);
  return { a, b, magnitude: arrays.get(loraNames.magnitude(module)), scale: loraScale(rank, rule) };
}

function loraFormula(method: LoraMethod, arrays: Arrays): NonNullable<AdaptedFormula['linear']> {
  return (module, x, weight, bias, settle) => {
    const factors = factorsOf(method, arrays, module);
    if (!factors) return undefined;
    const { a, b, magnitude, scale } = factors;
    const product = settle(matmul(x, transposeLast(exact(weight))));
    const low = settle(matmul(settle(matmul(x, transposeLast(exact(a)))), transposeLast(exact(b))));
    const term = settle(scaleBy(low, scale));
    if (!magnitude) {
      const base = bias ? settle(add(product, exact(bias))) : product;
      return settle(add(base, term));
    }
    const direction = settle(loraWeight(exact(weight), exact(a), exact(b), scale));
    const gain = settle(doraGain(leaf(magnitude), direction));
    const y = settle(multiply(settle(add(product, term)), gain));
    return bias ? settle(add(y, exact(bias))) : y;
  };
}

function ia3Formula(method: Ia3Method, arrays: Arrays): NonNullable<AdaptedFormula['linear']> {
  return (module, x, weight, bias, settle) => {
    const l = arrays.get(ia3Name(module));
    if (!l) return undefined;
    const factors = exact(ndarray([sizeOf(l.shape)], l.data));
    const input = scalesInputs(method, module) ? settle(multiply(x, factors)) : x;
    const product = settle(matmul(input, transposeLast(exact(weight))));
    const y = bias ? settle(add(product, exact(bias))) : product;
    return scalesInputs(method, module) ? y : settle(multiply(y, factors));
  };
}

/** The last axis is layer, key or value, head, D. */
function prefixOf(all: NdArray, layer: number, { K, D }: LlamaConfig): { k: NdArray; v: NdArray } {
  const [P, width] = all.shape as [number, number];
  const side = (which: number) => {
    const own = ndarray([K, P, D]);
    for (let n = 0; n < own.data.length; n++) {
      const [h, p, d] = [Math.floor(n / (P * D)), Math.floor(n / D) % P, n % D];
      own.data[n] = all.data[p * width + ((layer * 2 + which) * K + h) * D + d]!;
    }
    return own;
  };
  return { k: side(0), v: side(1) };
}

/** The weights and biases into which an adapter was merged, by the name of the parameter. */
export function mergedFormula({ method, arrays }: AdapterFile, base: LlamaArrays): AdaptedFormula {
  const weights = new Map<string, Bounded>();
  for (const [name, w] of base) {
    const module = name.replace(/\.(weight|bias)$/, '');
    if (method.method === 'lora' && name.endsWith('.weight')) {
      const factors = factorsOf(method, arrays, module);
      if (!factors) continue;
      const { scale, ...own } = factors;
      weights.set(name, mergedErrors({ w, ...own }, scale));
    }
    const l = method.method === 'ia3' && arrays.get(ia3Name(module));
    if (l) {
      const inputs = scalesInputs(method, module);
      if (name.endsWith('.bias')) {
        if (!inputs) weights.set(name, multiply(exact(w), exact(ndarray(w.shape, l.data))));
      } else
        weights.set(
          name,
          multiply(exact(w), reshape(exact(l), inputs ? [1, l.data.length] : [l.data.length, 1])),
        );
    }
  }
  return { weights };
}
