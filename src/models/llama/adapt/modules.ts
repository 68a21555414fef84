/** The linear layers of a Llama by name, and those of them that a list or a pattern of names means, as in peft. */
import { type LlamaConfig, parameterShapes } from '../config.js';
import type { Targets } from './methods.js';

/** Shapes [out, in] of the linear layers that take adapters, the head included; experts and routers do not. */
export function linearShapes(config: LlamaConfig): Map<string, [out: number, inner: number]> {
  const shapes = new Map<string, [number, number]>();
  for (const [name, shape] of parameterShapes(config)) {
    const module = name.replace(/\.weight$/, '');
    if (/_proj$|^lm_head$/.test(module)) shapes.set(module, shape as [number, number]);
  }
  if (config.tied) shapes.set('lm_head', [config.V, config.C]);
  return shapes;
}

/** Whether a name is, or ends with, one of the names; or fits the expression as a whole. */
export function matches(module: string, targets: Targets): boolean {
  if (typeof targets !== 'string') {
    return targets.some((name) => module === name || module.endsWith(`.${name}`));
  }
  return targets === 'all-linear' ? module !== 'lm_head' : new RegExp(`^(?:${targets})$`).test(module);
}

/**
 * The modules that are meant, in the order of the model.
 * @throws RangeError when there are none, or when a name means none.
 */
export function targetModules(
  config: LlamaConfig,
  targets: Targets,
  { exclude = [], layers }: { exclude?: Targets; layers?: readonly number[] } = {},
): string[] {
  const known = [...linearShapes(config).keys()];
  const unknown =
    typeof targets === 'string'
      ? []
      : targets.filter((name) => !known.some((module) => matches(module, [name])));
  const inside = (module: string) => layers === undefined || layers.includes(layerOf(module) ?? Number.NaN);
  const found = known.filter(
    (module) => matches(module, targets) && !matches(module, exclude) && inside(module),
  );
  if (found.length > 0 && unknown.length === 0) return found;
  const meant = unknown.length > 0 ? unknown : [targets].flat();
  throw new RangeError(
    `adapt: no linear layer of this model fits ${JSON.stringify(meant)}${layers ? ` in layers [${layers}]` : ''}; ` +
      `it has ${[...new Set(known.map((module) => module.split('.').at(-1)))].join(', ')}`,
  );
}

/** The layer that a module belongs to. */
export function layerOf(module: string): number | undefined {
  const number = /^model\.layers\.(\d+)\./.exec(module)?.[1];
  return number === undefined ? undefined : Number(number);
}
