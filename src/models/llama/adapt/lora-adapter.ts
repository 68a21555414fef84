/** LoRA and DoRA on the linear layers of a Llama. */

import type { NdArray } from '../../../compute/ndarray.js';
import { tf } from '../../../compute/tf.js';
import { type LinearWeight, linear } from '../../../layers/linear/linear.js';
import { doraOutput, mergeDora } from '../../../training/fine-tuning/dora.js';
import {
  type LoraFactors,
  type LoraOptions,
  type LoraScaling,
  loraDelta,
  mergeLora,
} from '../../../training/fine-tuning/lora.js';
import type { LlamaAdaptation } from '../adaptation.js';
import type { LlamaConfig } from '../config.js';
import { type Adapter, copies, type LinearParts, layerLike, variablesOf } from './adapter.js';
import type { LoraMethod } from './methods.js';
import { linearShapes, targetModules } from './modules.js';
import { seedOf, uniformByWidth, zeros } from './start.js';

export const loraNames = {
  a: (module: string) => `${module}.lora_A.weight`,
  b: (module: string) => `${module}.lora_B.weight`,
  magnitude: (module: string) => `${module}.lora_magnitude_vector`,
} as const;

export const loraTargets = ['q_proj', 'v_proj'];

/** Rank and scaling of one module. */
export function loraRule(method: LoraMethod, module: string): Required<LoraScaling> & { rank: number } {
  const of = (pattern: Readonly<Record<string, number>> = {}) =>
    Object.entries(pattern).find(([end]) => new RegExp(`^(?:.*\\.)?(?:${end})$`).test(module))?.[1];
  const rank = of(method.rankPattern) ?? method.rank ?? 8;
  const alpha = of(method.alphaPattern) ?? method.alpha ?? method.rank ?? 8;
  return { rank, alpha, rsLora: method.rsLora ?? false };
}

export function loraModules(method: LoraMethod, config: LlamaConfig): string[] {
  return targetModules(config, method.targets ?? loraTargets, method);
}

/** Names and shapes of what the file of such an adapter holds. */
export function loraShapes(method: LoraMethod, config: LlamaConfig): Map<string, number[]> {
  const shapes = new Map<string, number[]>();
  for (const module of loraModules(method, config)) {
    const [out, inner] = linearShapes(config).get(module)!;
    const { rank } = loraRule(method, module);
    if (!Number.isInteger(rank) || rank < 1) {
      throw new RangeError(`adapt: the rank of ${module} must be a positive integer, got ${rank}`);
    }
    shapes.set(loraNames.a(module), [rank, inner]);
    shapes.set(loraNames.b(module), [out, rank]);
    if (method.dora) shapes.set(loraNames.magnitude(module), [out]);
  }
  return shapes;
}

/** A random and B zero: the adapted model starts as the model. Magnitudes are those of the weights, [out] by module. */
export function loraStart(
  method: LoraMethod & { seed?: number },
  config: LlamaConfig,
  magnitude: (module: string) => NdArray,
): Map<string, NdArray> {
  const { a = 'random', b = 'zero' } = method.start ?? {};
  const arrays = new Map<string, NdArray>();
  let index = 0;
  for (const [name, shape] of loraShapes(method, config)) {
    const how = name.endsWith('lora_A.weight') ? a : b;
    const seed = seedOf(method.seed ?? 0, index++);
    if (name.endsWith('lora_magnitude_vector')) arrays.set(name, magnitude(name.replace(/\.lora_mag.*/, '')));
    else arrays.set(name, how === 'random' ? uniformByWidth(shape, seed) : zeros(shape));
  }
  return arrays;
}

export class LoraAdapter implements Adapter {
  readonly variables: ReadonlyMap<string, tf.Variable>;
  private readonly modules: ReadonlySet<string>;
  private drawn = 0;

  constructor(
    readonly method: LoraMethod & { seed?: number },
    config: LlamaConfig,
    arrays: ReadonlyMap<string, NdArray>,
  ) {
    this.modules = new Set(loraModules(method, config));
    this.variables = variablesOf(arrays);
  }

  /** A, B and what scales them, or undefined for a module without. */
  factors(module: string): (LoraFactors & { magnitude?: tf.Tensor; rule: LoraScaling }) | undefined {
    if (!this.modules.has(module)) return undefined;
    const variable = (name: string) => this.variables.get(name);
    return {
      a: variable(loraNames.a(module))!,
      b: variable(loraNames.b(module))!,
      magnitude: variable(loraNames.magnitude(module)),
      rule: loraRule(this.method, module),
    };
  }

  adaptation(training: boolean): LlamaAdaptation {
    const { dropout = 0, seed = 0 } = this.method;
    return {
      weight: (module, inner) => {
        const factors = this.factors(module);
        if (!factors) return inner;
        const drops = training && dropout > 0 ? { dropout, seed: seedOf(seed, this.drawn++) } : {};
        return withLora(inner, factors, { ...factors.rule, ...drops });
      },
    };
  }

  stored(): Map<string, tf.Tensor> {
    return copies(this.variables);
  }

  merged(module: string, { weight, bias }: LinearParts): LinearParts | undefined {
    const factors = this.factors(module);
    if (!factors) return undefined;
    const { magnitude, rule } = factors;
    const merged = magnitude
      ? mergeDora(weight, { ...factors, magnitude }, rule)
      : mergeLora(weight, factors, rule);
    return { weight: merged, ...(bias && { bias: tf.clone(bias) }) };
  }
}

function withLora(
  inner: LinearWeight,
  factors: LoraFactors & { magnitude?: tf.Tensor },
  options: LoraOptions,
): LinearWeight {
  const { magnitude } = factors;
  return layerLike(inner, (x, bias) => {
    if (!magnitude) return tf.add(linear(x, inner, bias), loraDelta(x, factors, options));
    if (!(inner instanceof tf.Tensor)) {
      throw new Error(
        'adapt: DoRA needs the weights themselves, not quantised ones or those of another adapter',
      );
    }
    const y = doraOutput(linear(x, inner), x, inner, { ...factors, magnitude }, options);
    return bias ? tf.add(y, bias) : y;
  });
}
