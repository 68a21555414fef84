/** Which parameters are divided together, and which layers need them: buckets in stages 1 and 2, layers in stage 3. */
import { sizeOf } from '../../compute/ndarray.js';
import { bucketsOf } from '../data-parallel/buckets.js';
import { type FlatParameter, flatLayout, type Layout } from '../data-parallel/layout.js';
import { type Layer, parametersOf } from '../layer.js';
import type { WeightGroup } from './gathered-weights.js';
import type { ZeroOptions } from './options.js';
import { rowsLayout } from './rows-layout.js';
import type { Unit } from './unit.js';

/** In the order in which a backward pass completes them. A parameter that layers share is in the unit of the first of them. */
export function layoutsOf<Batch>(
  layers: readonly Layer<Batch>[],
  ranks: number,
  options: ZeroOptions<Batch>,
): Layout[] {
  const multiple = options.precision === 'mixed' ? 2 : 1;
  const groups = options.stage === 3 ? byLayer(layers) : bucketsOf(flat(parametersOf(layers)), options);
  const layout = options.partition === 'rows' ? rowsLayout : flatLayout;
  return groups.map((parameters) => layout(parameters, ranks, multiple));
}

function byLayer(layers: readonly Layer<never>[]): FlatParameter[][] {
  const seen = new Set<string>();
  const own = layers.map(({ parameters }) => {
    const first = flat(parameters).filter(({ name }) => !seen.has(name));
    for (const { name } of first) seen.add(name);
    return first;
  });
  return own.filter((parameters) => parameters.length > 0).toReversed();
}

const flat = (parameters: Layer['parameters']): FlatParameter[] =>
  [...parameters].map(([name, { shape }]) => ({ name, shape }));

/** For stage 3: a group is a unit. */
export function unitGroups(
  layers: readonly Layer<never>[],
  units: readonly Unit[],
): { groups: WeightGroup[]; groupsOfLayer: number[][] } {
  const groups = units.map((unit) => ({ bytes: bytesOf(unit.layout), begin: () => beginNamed([unit]) }));
  const groupsOfLayer = layers.map(({ parameters }) => [...unitsWith([...parameters.keys()], units).keys()]);
  return { groups, groupsOfLayer };
}

/** For halves that every rank has: a group is a layer, whatever buckets its parameters are in. */
export function layerGroups(
  layers: readonly Layer<never>[],
  units: readonly Unit[],
): { groups: WeightGroup[]; groupsOfLayer: number[][] } {
  const groups = layers.map(({ parameters }) => {
    const names = [...parameters.keys()];
    const needed = [...unitsWith(names, units).values()];
    const bytes = flat(parameters).reduce((sum, { shape }) => sum + 4 * sizeOf(shape), 0);
    return { bytes, begin: () => beginNamed(needed, names) };
  });
  return { groups, groupsOfLayer: layers.map((_, index) => [index]) };
}

const bytesOf = ({ parameters }: Layout) => parameters.reduce((sum, { shape }) => sum + 4 * sizeOf(shape), 0);

function unitsWith(names: readonly string[], units: readonly Unit[]): Map<number, Unit> {
  return new Map(
    [...units.entries()].filter(([, { layout }]) =>
      layout.parameters.some(({ name }) => names.includes(name)),
    ),
  );
}

async function beginNamed(
  units: readonly Unit[],
  names?: readonly string[],
): ReturnType<WeightGroup['begin']> {
  const begun: { unit: Unit; wait: Awaited<ReturnType<Unit['beginGather']>> }[] = [];
  for (const unit of units) begun.push({ unit, wait: await unit.beginGather() });
  return async () => {
    const all = new Map<string, { values: Float32Array; shape: readonly number[] }>();
    for (const { unit, wait } of begun) {
      const values = await wait();
      for (const { name, shape } of unit.layout.parameters)
        if (!names || names.includes(name)) all.set(name, { values: values.get(name)!, shape });
    }
    return all;
  };
}
